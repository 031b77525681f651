"""V10 and V11: does a vector on the tokens of some activities move the choice towards them or away?

In: logit differences of the asked pairs under every condition (`arms.Runs`) and the unsteered ones. The vector is the
unit direction times strength times the mean residual norm of the layer, added at the analysis layer on the tokens of the
steered activity only. Out: for each vector the change of the log-odds that a steered activity is chosen over an
unsteered one (nats), over all splits of the activities into halves, and the change of the refitted scores (Elo).
Source: paper, Figure 4 row 4; Hong (2026), section 3.6. What it can't tell: whether the model acts on what it says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.criteria import json_number
from emotion_vectors.experiments.steering.arms import Runs
from emotion_vectors.experiments.steering.coherence import Coherence, broken_reason
from emotion_vectors.experiments.steering.controls import Null
from emotion_vectors.experiments.steering.effects import Effects, Options
from emotion_vectors.experiments.steering.judging import coupling, signs
from emotion_vectors.experiments.steering.record import ControlEffect, EmotionEffect, Example, ExamplePoint, Within
from emotion_vectors.experiments.steering.terms import MOST_PATH_NOISE
from emotion_vectors.experiments.valences import Valences
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stats import scores
from emotion_vectors.stats import steering as effects
from emotion_vectors.stats.correlation import Line, linear_fit
from emotion_vectors.stimuli.items import Activity


class Found(NamedTuple):
    """What the record's `steering` says of the main arm and its controls."""

    splits: int
    prompts_per_vector: int
    emotions: list[EmotionEffect]
    r: float | None
    low: float | None
    high: float | None
    within: Within
    times_control: float | None
    hardest_control: Null
    of: int
    signs_by_correlation: int
    p_signs_by_correlation: float | None
    signs: int | None
    p_signs: float | None
    slope: float | None
    intercept: float | None
    elo_per_nat: float | None
    path_noise_nats: float
    zero_sum_error: float
    steered_activities: list[str]
    controls: list[ControlEffect]
    examples: dict[str, Example]


def run(
    activities: Sequence[Activity],
    baseline: np.ndarray,
    runs: Runs,
    found: Effects,
    r: np.ndarray,
    valence: Mapping[str, str],
    examples: dict[str, str],
    coherence: Sequence[Coherence],
    blocked: str,
    options: Options,
) -> tuple[Found, list[Criterion]]:
    """What the record says of the main arm and its controls, and V10, V11.

    `baseline` (n, n) are the unsteered differences of the preference experiment, `found` what `effects.measure` gives; `r`
    (m,) and `coherence` belong to the plan's emotions: their correlation with preference (V9), and whether the steered
    answers still hold together.
    """
    emotions, base = runs.plan.emotions, runs.base
    path_noise = _path_noise(baseline, base)
    changes = _refits(runs, options)
    per_nat = _elo_per_nat(found.nats, changes.elo)
    rows = [
        EmotionEffect(
            emotion=emotion, valence=valence.get(emotion), r=json_number(r[i]), nats=float(found.nats[i]),
            low=float(found.low[i]), high=float(found.high[i]), elo=float(changes.elo[i]),
            elo_low=float(found.low[i] * per_nat), elo_high=float(found.high[i] * per_nat),
            elo_steered=float(changes.steered[i]), elo_updates_steered=float(changes.updates[i]),
            nats_even=float(found.by_split[i, 0]), nats_odd=float(found.by_split[i, 1]),
            same_sign_splits=int((np.sign(found.by_split[i]) == np.sign(found.nats[i])).sum()),
            **coherence[i]._asdict(),
        )
        for i, emotion in enumerate(emotions)
    ]  # fmt: skip
    reason = blocked or broken_reason(coherence)
    valences = Valences.of(emotions, valence)
    coupled, v10 = coupling(r, found, valences, reason, options)
    counted, v11 = signs(r, found, valences, reason, options)
    known = np.isfinite(r)
    line = linear_fit(r[known], changes.steered[known]) if known.sum() > 2 else Line(math.nan, math.nan)
    return Found(
        len(options.splits), int(2 * np.isfinite(base).sum()), rows, *coupled, *counted,
        slope=json_number(line.slope), intercept=json_number(line.intercept), elo_per_nat=json_number(per_nat),
        path_noise_nats=path_noise, zero_sum_error=changes.zero_sum_error,
        steered_activities=[a.text for a, chosen in zip(activities, options.splits[0], strict=True) if chosen],
        controls=[
            ControlEffect(kind=kind, nats=float(n), elo_steered=float(n * per_nat / 2))
            for kind, values in found.controls.items() for n in values
        ],
        examples={
            kind: _example(emotion, emotions.index(emotion), changes, activities, options.splits[0])
            for kind, emotion in examples.items()
        },
    ), [v10, v11]  # fmt: skip


def _path_noise(baseline: np.ndarray, zero: np.ndarray) -> float:
    """Mean |strength 0 - baseline| in nats over the asked pairs: the float noise of the steered path.

    Raises `ArithmeticError` where it is not noise any more: then the steered path computes something else.
    """
    noise = float(np.nanmean(np.abs(zero - baseline)))
    if noise > MOST_PATH_NOISE:
        raise ArithmeticError(
            f"Steering with strength 0 changes the choices by {noise:.3f} nats on average; nothing should change."
        )
    return noise


class _Refits(NamedTuple):
    """Elo points of m emotions: steered minus control over all splits, and for the even half what is drawn and reported."""

    elo: np.ndarray
    steered: np.ndarray
    updates: np.ndarray
    even: effects.RefitChange
    zero_sum_error: float


def _refits(runs: Runs, options: Options) -> _Refits:
    rows, base = runs.rows(runs.plan.emotions), runs.base
    splits = effects.with_complements(options.splits)
    tables = [effects.split_table(base, runs.first[rows], runs.second[rows], split) for split in splits]
    refits = [effects.refit_change(base, table, split) for table, split in zip(tables, splits, strict=True)]
    updates = effects.elo_change(
        base, tables[0], options.splits[0], k=options.elo_k, passes=options.elo_passes, seed=options.seed
    )
    return _Refits(
        np.mean([refit.difference for refit in refits], axis=0) * scores.ELO_PER_NAT,
        refits[0].steered * scores.ELO_PER_NAT, updates, refits[0],
        float(max(refit.zero_sum_error.max() for refit in refits)),
    )  # fmt: skip


def _elo_per_nat(nats: np.ndarray, elo: np.ndarray) -> float:
    """Elo points (steered minus control) for a nat of effect: least squares through 0. 173.7 without position bias."""
    return float(nats @ elo / (nats @ nats)) if np.any(nats) else scores.ELO_PER_NAT


def _example(emotion: str, row: int, changes: _Refits, activities: Sequence[Activity], steered: np.ndarray) -> Example:
    """Figures 6 and 8: scores of every activity before and after, with the even half steered."""
    before, after = scores.nats_to_elo(changes.even.before), scores.nats_to_elo(changes.even.after[row])
    return Example(
        emotion=emotion, elo_steered=float(changes.steered[row]),
        points=[
            ExamplePoint(
                activity=activity.text, category=activity.category, steered=bool(steered[i]),
                baseline=float(before[i]), after=float(after[i]),
            )
            for i, activity in enumerate(activities)
        ],
    )  # fmt: skip
