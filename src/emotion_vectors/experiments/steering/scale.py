"""The arms side by side, effects by category, and what the sizes mean (Hong (2026), sections 5.1 and 5.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from emotion_vectors.experiments.criteria import json_number
from emotion_vectors.experiments.steering.arms import Condition, Runs
from emotion_vectors.experiments.steering.coherence import examine
from emotion_vectors.experiments.steering.controls import NULLS
from emotion_vectors.experiments.steering.effects import Effects, Options
from emotion_vectors.experiments.steering.record_controls import Arm, CategoryEffect, Scale
from emotion_vectors.stats import scores, steering
from emotion_vectors.stats.correlation import pearson
from emotion_vectors.stimuli.items import NEGATIVE, POSITIVE, Activity


def arms(runs: Runs, r: Mapping[str, float], control_r: Mapping[str, np.ndarray], options: Options) -> list[Arm]:
    """One row per arm: vectors, mean and largest effect, r with its own correlations, and how the answers hold together.

    `r` gives each emotion's correlation with preference, `control_r` that of the directions of each control kind. Wrong
    emotion: the same effects beside the correlation of the next emotion, as a mislabelled vector would show.
    """
    splits, plan = steering.with_complements(options.splits), runs.plan
    groups: dict[str, list[Condition]] = {}
    for condition in runs.conditions:
        name = _arm_name(condition, runs)
        if name:
            groups.setdefault(name, []).append(condition)
    found = []
    for name, conditions in groups.items():
        rows = [runs.conditions.index(condition) for condition in conditions]
        nats = steering.pooled_effect(runs.effects(rows), splits)
        own = np.array([_correlation(condition, r, control_r) for condition in conditions])
        found.append(_summary(name, nats, own, runs, rows, options))
        if name == "emotion":
            found.append(_summary("wrong emotion", nats, np.roll(own, len(plan.emotions) // 2), runs, rows, options))
    return found


def _arm_name(condition: Condition, runs: Runs) -> str:
    """The arm that a condition of the plan belongs to, or "" for the sweeps."""
    plan = runs.plan
    if condition.kind == "zero":
        return "strength 0"
    if condition.layers == plan.band and plan.band:
        return f"band, {condition.kind}"
    if condition.layers != (plan.layer,):
        return ""
    if condition.touch != "own":
        return {"both": "both activities", "all": "all tokens"}[condition.touch]
    if condition.strength == plan.strength:
        return condition.kind
    is_flip = condition.strength == -plan.strength and condition.kind == "emotion" and condition.name in plan.controls
    return "sign flipped" if is_flip else ""


def _correlation(condition: Condition, r: Mapping[str, float], control_r: Mapping[str, np.ndarray]) -> float:
    if condition.kind == "emotion":
        return r[condition.name]
    return float(control_r[condition.kind][int(condition.name)]) if condition.kind in control_r else math.nan


def _summary(name: str, nats: np.ndarray, r: np.ndarray, runs: Runs, rows: Sequence[int], options: Options) -> Arm:
    known = np.isfinite(r)
    coupled = known.sum() >= 4 and np.ptp(r[known]) > 0 and np.ptp(nats[known]) > 0
    shown = examine(runs, rows, options.splits)
    consistent = [one.consistency for one in shown if one.consistency is not None]
    return Arm(
        arm=name, vectors=len(nats), mean_nats=float(nats.mean()), mean_size_nats=float(np.abs(nats).mean()),
        largest_nats=float(nats[np.argmax(np.abs(nats))]),
        r=json_number(float(pearson(r[known], nats[known])) if coupled else math.nan),
        mass=float(np.mean([one.mass for one in shown])),
        entropy_change=float(np.mean([one.entropy_change for one in shown])),
        divergence=float(np.mean([one.divergence for one in shown])),
        consistency=float(np.mean(consistent)) if consistent else None,
        broken=sum(not one.coherent for one in shown),
    )  # fmt: skip


def categories(
    activities: Sequence[Activity],
    found: Effects,
    emotions: Sequence[str],
    valence: Mapping[str, str],
    baseline: np.ndarray,
) -> list[CategoryEffect]:
    """Mean effect in nats on the activities of each category when they are the steered ones, by valence of the vector.

    `control` is the same for the activities of the category as the unsteered side of the pair: what they lose or gain
    when the other one is steered, with the sign of the category. Mean baseline score in nats beside it.
    """
    table, kinds = [], np.array([activity.category for activity in activities])
    scored = scores.bradley_terry(scores.pair_win_probability(baseline))
    for kind in dict.fromkeys(kinds.tolist()):
        members = kinds == kind
        effects = {}
        for sign in (POSITIVE, NEGATIVE):
            chosen = [i for i, emotion in enumerate(emotions) if valence.get(emotion) == sign]
            steered = [np.nanmean(found.matrices[i][members]) for i in chosen]
            unsteered = [-np.nanmean(found.matrices[i][:, members]) for i in chosen]
            effects[sign] = json_number(_mean(steered)), json_number(_mean(unsteered))
        table.append(
            CategoryEffect(
                category=kind, activities=int(members.sum()), baseline_nats=float(scored[members].mean()),
                positive=effects[POSITIVE][0], positive_control=effects[POSITIVE][1],
                negative=effects[NEGATIVE][0], negative_control=effects[NEGATIVE][1],
            )
        )  # fmt: skip
    return table


def scale(baseline: np.ndarray, found: Effects, elo_per_nat: float | None) -> Scale:
    """Sizes: logit gaps, range of scores, effects, and what an Elo point is in nats of this model's choices."""
    nats = scores.bradley_terry(scores.pair_win_probability(baseline))
    gaps = np.abs(steering.preference_matrix(baseline))
    sizes = np.abs(found.nats)
    controls = np.abs(np.concatenate([found.controls[kind] for kind in NULLS]))
    return Scale(
        mean_gap_nats=float(np.nanmean(gaps)), largest_gap_nats=float(np.nanmax(gaps)),
        score_range_nats=float(np.ptp(nats)), score_range_elo=float(np.ptp(nats) * scores.ELO_PER_NAT),
        win_at_range=float(1 / (1 + math.exp(-float(np.ptp(nats))))),
        mean_effect_nats=float(sizes.mean()), largest_effect_nats=float(sizes.max()),
        mean_control_nats=float(controls.mean()), nats_per_elo_point=float(1 / scores.ELO_PER_NAT),
        # Elo of steered minus control for a nat of effect: less than 173.7 where the position decides.
        elo_per_nat_of_effect=elo_per_nat,
    )  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
