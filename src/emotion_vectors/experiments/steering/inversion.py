"""Why the earlier reproduction came out inverted: the same vectors on one activity of a pair, on both, and on every token.

In: the runs of the control emotions with each choice of tokens. Out: for the even and the odd half as the steered one, the
effect on that half and its correlation with preference; the zero-sum identity by number; how much preferences contract.
With both activities steered E[i, j] = -E[j, i] whatever the model does, so the effect on a half and on its complement add
up to 0: the sign of r is that of the split. With one activity steered the parity must not matter.
Source: Hong (2026), sections 3.6 and 5.1; the arithmetic is in docs/experiments/steering.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from emotion_vectors.experiments.criteria import json_number
from emotion_vectors.experiments.steering.arms import Runs
from emotion_vectors.experiments.steering.effects import Options
from emotion_vectors.experiments.steering.record_controls import HalfEffect, Inversion, InversionArm, InversionPoint
from emotion_vectors.experiments.steering.terms import HALVES, TOUCHES, Half, Touch
from emotion_vectors.stats import intervals, scores
from emotion_vectors.stats import steering as effects


def run(runs: Runs, r: np.ndarray, valence: Mapping[str, str], options: Options) -> Inversion:
    """The record's `steering.inversion`; `r` (m,) belongs to the plan's emotions."""
    emotions, base = runs.plan.controls, runs.base
    r = r[: len(emotions)]
    halves = options.splits[:2]
    matrices = {touch: runs.effects(runs.rows(emotions, touch=touch)) for touch in TOUCHES}
    by_half = {touch: effects.splits_effect(matrix, halves) for touch, matrix in matrices.items()}

    def nats(touch: Touch, half: Half, i: int) -> float:
        return float(by_half[touch][i, HALVES.index(half)])

    return Inversion(
        emotions=len(emotions),
        arms=[_arm(touch, matrices[touch], by_half[touch], r, base, options) for touch in TOUCHES],
        points=[
            InversionPoint(
                emotion=emotion, valence=valence.get(emotion), r=json_number(r[i]),
                own_even=nats("own", "even", i), own_odd=nats("own", "odd", i),
                both_even=nats("both", "even", i), both_odd=nats("both", "odd", i),
                all_even=nats("all", "even", i), all_odd=nats("all", "odd", i),
            )
            for i, emotion in enumerate(emotions)
        ],
        # The even half's own lead over the odd one in the asked pairs, before steering: a contraction by a share moves it
        # by minus that share of it. The refitted scores can have another sign where not all pairs were asked.
        imbalance_nats=float(effects.splits_effect(effects.preference_matrix(base), halves[:1])[0]),
    )  # fmt: skip


def _arm(
    touch: Touch, matrices: np.ndarray, by_half: np.ndarray, r: np.ndarray, base: np.ndarray, options: Options
) -> InversionArm:
    """One choice of tokens: r on either half, how the halves relate, the zero-sum identity, and the contraction."""
    sums = matrices + np.swapaxes(matrices, -1, -2)
    slopes = np.array([effects.contraction_fit(matrix, base).slope for matrix in matrices])
    even, odd = (_half(r, nats, options) for nats in by_half.T)
    return InversionArm(
        touch=touch,
        even_r=even.r, even_low=even.low, even_high=even.high, even_mean_nats=even.mean_nats,
        odd_r=odd.r, odd_low=odd.low, odd_high=odd.high, odd_mean_nats=odd.mean_nats,
        # 0 but for float noise where both activities get the vector: no transfer is possible.
        zero_sum_nats=float(np.nanmax(np.abs(sums))),
        net_transfer_nats=float(np.nanmean(np.abs(np.nanmean(sums, axis=(-1, -2)) / 2))),
        halves_sum_nats=float(np.abs(by_half.sum(axis=1)).max()),
        mean_contraction=json_number(float(np.nanmean(slopes)) if np.isfinite(slopes).any() else math.nan),
        mean_size_elo=float(np.abs(by_half).mean() * scores.ELO_PER_NAT / 2),
    )  # fmt: skip


def _half(r: np.ndarray, nats: np.ndarray, options: Options) -> HalfEffect:
    """r (m,) against the effects nats (m,) with one half steered, and their mean."""
    interval, known = (math.nan, math.nan, math.nan), np.isfinite(r)
    if known.sum() >= 4 and np.ptp(r[known]) > 0 and np.ptp(nats[known]) > 0:
        estimate, _ = intervals.pearson_bootstrap(r[known], nats[known], repeats=options.resamples, seed=options.seed)
        interval = (float(estimate.estimate), float(estimate.low), float(estimate.high))
    value, low, high = (json_number(end) for end in interval)
    return HalfEffect(value, low, high, float(nats.mean()))
