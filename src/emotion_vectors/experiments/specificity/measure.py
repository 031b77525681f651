"""Specificity of steering: do the vectors of different emotions do different things, and more so than control directions?

In: the steered answers of a run (`steering.arms.Runs`), the unsteered scores (a,) of the activities, and the emotions' correlations
with preference. Out: for emotions and for each kind of control direction how alike two vectors' effects over the activities are and
whose variance the effects are (`stats.profiles`); and V10 and V11 again with the effects scored another way, against fixed
activities that are never steered. The references are the middle quarter of each category by unsteered score: near the mean of the
others, so that a contraction of all preferences, which other splits cancel with their complements, leaves little.
Source: ours. What it can't tell: rounding of the unsteered answers is in every effect alike and makes two vectors agree a little
whatever they are, so an r is to be read beside that of random directions; effects that are alike can be alike for a good reason (two
words for one feeling); intervals are over activities and say nothing about other emotions; mean |r| is above 0 whatever the vectors are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from emotion_vectors.experiments.criteria import json_number
from emotion_vectors.experiments.specificity.record import (
    KINDS,
    Arm,
    Estimate,
    Profile,
    References,
    Scored,
    Specificity,
)
from emotion_vectors.experiments.steering.arms import Runs
from emotion_vectors.experiments.steering.controls import CONTROLS
from emotion_vectors.experiments.steering.effects import Effects, Options
from emotion_vectors.experiments.steering.judging import coupling, signs
from emotion_vectors.experiments.valences import Valences
from emotion_vectors.stats import intervals
from emotion_vectors.stats import profiles as stats
from emotion_vectors.stats import steering as effects
from emotion_vectors.stimuli.items import Activity

REFERENCE_SHARE = 4  # one activity of this many in each category is a reference


def run(
    activities: Sequence[Activity], nats: np.ndarray, runs: Runs, r: np.ndarray, valence: Mapping[str, str], options: Options
) -> Specificity:  # fmt: skip
    """The record's `specificity` part: `nats` (a,) are the unsteered scores, `r` (m,) the steered emotions' correlations (V9).

    Of `options` the splits are those of V10, which the second way to score is compared with.
    """
    emotions = runs.plan.emotions
    matrices: dict[str, np.ndarray] = {kind: runs.effects(runs.rows(runs.plan.names(kind), kind)) for kind in KINDS}
    rows = stats.profiles(matrices["emotion"])
    same, other = _by_valence(stats.correlations(rows, np.ones((1, rows.shape[2])))[0], emotions, valence)
    return Specificity(
        activities=[activity.text for activity in activities],
        arms=_arms({kind: table for kind, table in matrices.items() if len(table) > 1}, options),
        same_valence=same, other_valence=other,
        profiles=[
            Profile(emotion=emotion, valence=valence.get(emotion), nats=row.tolist())
            for emotion, row in zip(emotions, rows[0], strict=True)
        ],
        references=_scored(activities, nats, runs, matrices["emotion"], r, valence, options),
    )  # fmt: skip


def _arms(matrices: Mapping[str, np.ndarray], options: Options) -> list[Arm]:
    """Every kind with its intervals; all kinds see the same draws, so their differences have intervals too."""
    found, own = [], None
    for kind, table in matrices.items():
        n = table.shape[-1]
        values = stats.statistics(table, np.ones((1, n)))[0]
        drawn = stats.draws(table, options.resamples, options.seed)
        beyond = None
        if own is None:
            own = values[0], drawn[:, 0]
        else:
            beyond = _estimate(own[0] - values[0], own[1] - drawn[:, 0], n)
        five = [_estimate(value, column, n) for value, column in zip(values, drawn.T, strict=True)]
        found.append(Arm(kind=kind, vectors=len(table), r=five[0], size=five[1], activity=five[2], vector=five[3],
                         interaction=five[4], beyond=beyond))  # fmt: skip
    return found


def _estimate(value: float, drawn: np.ndarray, activities: int) -> Estimate:
    found = stats.estimate(value, drawn, activities)
    return Estimate(**{name: json_number(number) for name, number in found._asdict().items()})


def _by_valence(
    table: np.ndarray, emotions: Sequence[str], valence: Mapping[str, str]
) -> tuple[float | None, float | None]:
    """Mean correlation of two emotions of the same and of opposite valences; None where no pair is of that kind."""
    labels = np.array([valence.get(emotion, "") for emotion in emotions])
    known = (labels != "")[:, None] & (labels != "")[None] & ~np.eye(len(labels), dtype=bool)
    same = labels[:, None] == labels[None]
    groups = (table[known & same], table[known & ~same])
    first, second = (json_number(float(group.mean())) if len(group) else None for group in groups)
    return first, second


def references(activities: Sequence[Activity], nats: np.ndarray) -> np.ndarray:
    """(a,) bool: the middle quarter of each category by unsteered score (at least one), of categories of two or more."""
    chosen = np.zeros(len(activities), dtype=bool)
    kinds = np.array([activity.category for activity in activities])
    for kind in dict.fromkeys(kinds.tolist()):
        members = np.flatnonzero(kinds == kind)
        if len(members) > 1:
            count = max(1, len(members) // REFERENCE_SHARE)
            start = (len(members) - count) // 2
            chosen[members[np.argsort(nats[members], kind="stable")[start : start + count]]] = True
    return chosen


def _scored(
    activities: Sequence[Activity], nats: np.ndarray, runs: Runs, matrices: np.ndarray, r: np.ndarray, valence: Mapping[str, str],
    options: Options,
) -> References | None:  # fmt: skip
    """Effects on the activities that are not references, against those that are; None where no such pair was asked."""
    fixed = references(activities, nats)
    pairs = np.isfinite(matrices[0]) & ~fixed[:, None] & fixed[None]
    if not pairs.any():
        return None
    split, emotions = ~fixed[None], runs.plan.emotions
    bounds = effects.pooled_interval(matrices, split, repeats=options.resamples, seed=options.seed)
    controls: dict[str, np.ndarray] = {
        kind: effects.pooled_effect(runs.effects(runs.rows(runs.plan.names(kind), kind)), split) for kind in CONTROLS
    }
    found = Effects(matrices, bounds.estimate, bounds.low, bounds.high, np.asarray(bounds.estimate)[:, None], controls)
    plain, valences = options._replace(detect=False), Valences.of(emotions, valence)
    coupled, v10 = coupling(r, found, valences, "", plain)
    counted, v11 = signs(r, found, valences, "", plain)
    usual = effects.pooled_effect(matrices, effects.with_complements(options.splits))
    agreement = [math.nan] * 3
    if len(usual) > 3 and np.ptp(usual) > 0 and np.ptp(found.nats) > 0:
        both, _ = intervals.pearson_bootstrap(usual, found.nats, repeats=options.resamples, seed=options.seed)
        agreement = [float(end) for end in (both.estimate, both.low, both.high)]
    return References(
        activities=[activity.text for activity, chosen in zip(activities, fixed, strict=True) if chosen],
        pairs=int(pairs.sum()), imbalance_nats=float(nats[~fixed].mean() - nats[fixed].mean()),
        emotions=[
            Scored(emotion=emotion, r=json_number(r[i]), nats=float(found.nats[i]), low=float(found.low[i]), high=float(found.high[i]))
            for i, emotion in enumerate(emotions)
        ],
        r=coupled.r, low=coupled.low, high=coupled.high, p=v10.null.p if coupled.r is not None and v10.null is not None else None,
        signs=counted.signs, signs_of=v11.of, signs_p=counted.p_signs,
        **dict(zip(("agreement", "agreement_low", "agreement_high"), map(json_number, agreement), strict=True)),
    )  # fmt: skip
