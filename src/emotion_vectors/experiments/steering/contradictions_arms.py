"""What the arms, the categories and the sizes of the steering part must agree on with the effects they sum up."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from emotion_vectors.experiments.preferences.record import ActivityScore, StatedPreferences
from emotion_vectors.experiments.steering.controls import CONTROLS, NULLS
from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.experiments.steering.terms import MOST_PATH_NOISE, VALENCES
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import require, require_close, require_within
from emotion_vectors.stats.scores import ELO_PER_NAT

# Arms whose vector acts on both activities: no transfer is possible, so the effect over a split and its complement is 0.
ZERO_SUM_ARMS = ("both activities", "all tokens")


def check_arms(steering: Steering) -> None:
    """Each arm agrees with itself, and those of the listed vectors with the listed effects."""
    arms = steering.arms
    require(len({row.arm for row in arms}) == len(arms), "An arm of the steering experiment is listed twice.")
    for row in arms:
        name = f"The arm '{row.arm}'"
        require(row.vectors > 0, f"{name} has {row.vectors} vectors.")
        require_within([row.broken], 0, row.vectors, f"{name}: the vectors whose answers fell apart")
        mean, size, largest = (abs(nats) for nats in (row.mean_nats, row.mean_size_nats, row.largest_nats))
        require(mean <= size + 1e-9 and size <= largest + 1e-9, f"{name}: mean, mean size and largest effect disagree.")
        if row.arm in ZERO_SUM_ARMS:
            require(
                largest <= 1e-5, f"{name} shows a net effect of {largest:g} nats, which no vector on both can have."
            )
        if row.arm == "strength 0":
            require(largest <= MOST_PATH_NOISE, f"{name} shows an effect of {largest:g} nats.")
    effects = [row.nats for row in steering.emotions]
    broken = sum(not row.coherent for row in steering.emotions)
    _listed(steering, "emotion", effects, broken)
    _listed(steering, "wrong emotion", effects, broken)
    for kind in CONTROLS:
        _listed(steering, kind, [row.nats for row in steering.controls if row.kind == kind], None)
    own = steering.arm("emotion")
    require_close(None if own is None else own.r, steering.r, 0.001, "The r of the arm 'emotion'")


def _listed(steering: Steering, name: str, nats: Sequence[float], broken: int | None) -> None:
    row = steering.arm(name)
    if row is None:
        return
    what = f"the arm '{name}'"
    require(row.vectors == len(nats), f"{what.capitalize()} has {row.vectors} vectors, {len(nats)} are listed.")
    values = np.array(nats)
    for key, stated, expected in (
        ("mean_nats", row.mean_nats, values.mean()),
        ("mean_size_nats", row.mean_size_nats, np.abs(values).mean()),
        ("largest_nats", row.largest_nats, values[np.argmax(np.abs(values))]),
    ):
        require_close(stated, float(expected), 1e-4 * max(1.0, abs(expected)), f"{key} of {what}")
    if broken is not None:
        require(row.broken == broken, f"{what.capitalize()} counts {row.broken} broken vectors, {broken} are listed.")


def _activities(record: Record) -> list[ActivityScore]:
    found = record.part(StatedPreferences)
    return found.activities if found else []


def check_categories(record: Record, steering: Steering) -> None:
    """The categories are those of the activities, and what some gain when steered others lose: all pairs are zero-sum."""
    rows, activities = steering.categories, _activities(record)
    if activities:
        listed = {row.category for row in activities}
        require({row.category for row in rows} == listed, "The steered categories are not those of the activities.")
    for row in rows if activities else []:
        own = [activity.nats for activity in activities if activity.category == row.category]
        name = f"The category {row.category}"
        require(row.activities == len(own), f"{name} counts {row.activities} activities of {len(own)}.")
        require_close(row.baseline_nats, float(np.mean(own)), 0.001, f"{name}: its score")
    steered = {row.valence for row in steering.emotions}
    for valence in VALENCES:
        found = [(row.activities, *row.effects(valence)) for row in rows]
        measured = {nats is not None for _, *effects in found for nats in effects}
        require(measured <= {valence in steered}, f"Effects by category and the steered {valence} emotions disagree.")
        if valence in steered:
            gained = sum(amount * (own or 0.0) for amount, own, _ in found)
            lost = sum(amount * (other or 0.0) for amount, _, other in found)
            size = sum(amount * abs(own or 0.0) for amount, own, _ in found)
            require(
                abs(gained + lost) <= 1e-4 * max(1.0, size),
                f"Under {valence} vectors the categories gain {gained:g} as steered ones and {lost:g} as the others, "
                "which do not add up to 0.",
            )


def check_scale(record: Record, steering: Steering) -> None:
    """The sizes are those of the listed effects, controls and scores, in nats and in Elo points."""
    scale, effects = steering.scale, np.abs([row.nats for row in steering.emotions])
    controls = np.abs([row.nats for row in steering.controls if row.kind in NULLS])
    spread, scores = scale.score_range_nats, [row.nats for row in _activities(record)]
    require(scale.mean_gap_nats <= scale.largest_gap_nats + 1e-9, "The mean logit gap is above the largest one.")
    for key, stated, value in (
        ("score_range_nats", scale.score_range_nats, float(np.ptp(scores)) if scores else None),
        ("score_range_elo", scale.score_range_elo, spread * ELO_PER_NAT),
        ("win_at_range", scale.win_at_range, 1 / (1 + math.exp(-spread))),
        ("mean_effect_nats", scale.mean_effect_nats, float(effects.mean())),
        ("largest_effect_nats", scale.largest_effect_nats, float(effects.max())),
        ("mean_control_nats", scale.mean_control_nats, float(controls.mean()) if len(controls) else None),
        ("nats_per_elo_point", scale.nats_per_elo_point, 1 / ELO_PER_NAT),
        ("elo_per_nat_of_effect", scale.elo_per_nat_of_effect, steering.elo_per_nat),
    ):
        require_close(stated, value, 1e-3 * max(abs(value or 0), 1e-3), f"{key} of the scale")
