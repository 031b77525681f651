"""The smallest effect that a test would see: arrays in, arrays out.

An effect is planted into simulated runs; the smallest one whose runs pass often enough is found by bisection. All sizes of
effect share the same noise and the same uniform numbers, so that a larger one passes wherever a smaller one does but for
the judgement's own steps. The intervals are those of `stats.intervals` for many samples at once.

Shapes: s simulated runs, n items, b bootstrap draws, t clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from emotion_vectors.stats.arrays import BoolArray, FloatArray
from emotion_vectors.stats.correlation import standardised
from emotion_vectors.stats.intervals import expanded_level

POWER = 0.8


def smallest(power: Callable[[float], float], effects: Sequence[float], wanted: float = POWER) -> float | None:
    """The first of `effects` (in order of size) from which `power` is at least `wanted`; None where the last one is not.

    By bisection: `power` is asked about log2 of their number, and should not fall as the effect grows.
    """
    if power(effects[-1]) < wanted:
        return None
    low, high = -1, len(effects) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effects[middle]) >= wanted else (middle, high)
    return float(effects[high])


def with_share(noise: ArrayLike, planted: ArrayLike, share: float, uniform: ArrayLike) -> np.ndarray:
    """`planted` (s, n) where `uniform` (s, n) is below `share`, else `noise` (s, n)."""
    return np.where(np.asarray(uniform) < share, planted, noise)


def mean_intervals(values: ArrayLike, index: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Low and high ends (s,) of the BCa bootstrap interval of the mean of each row of `values` (s, n).

    `index` (b, n) are the items drawn. As `scipy.stats.bootstrap` (Efron 1987), whose acceleration of a mean is a sum over
    the items; rows without any spread have their value as both ends.
    """
    rows = np.asarray(values, dtype=np.float64)
    weights = _counts(index, rows.shape[1]) / rows.shape[1]
    draws, mean = rows @ weights.T, rows.mean(axis=1, keepdims=True)
    below = ((draws < mean) + 0.5 * (draws == mean)).mean(axis=1)
    bias = stats.norm.ppf(np.clip(below, 0.5 / len(weights), 1 - 0.5 / len(weights)))
    left = (rows - mean) / (rows.shape[1] - 1)  # mean of the others, turned round: what jackknife estimates scatter by
    size = (left**2).sum(axis=1)
    acceleration = np.divide((left**3).sum(axis=1), 6 * size**1.5, out=np.zeros(len(rows)), where=size > 0)
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + stats.norm.ppf(tail)
        share = stats.norm.cdf(bias + z / (1 - acceleration * z))
        ends.append(_quantiles(draws, share))
    return ends[0], ends[1]


def cluster_intervals(counts: ArrayLike, index: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Low and high ends (s,) of the total of `counts` (s, t) with whole clusters resampled, `index` (b, t).

    Percentiles at the level that `expanded_level` gives for t clusters.
    """
    table = np.asarray(counts, dtype=np.float64)
    draws = table @ _counts(index, table.shape[1]).T
    nominal = expanded_level(level, table.shape[1])
    low, high = np.quantile(draws, [(1 - nominal) / 2, (1 + nominal) / 2], axis=1)
    return low, high


def share_intervals(
    counts: ArrayLike, sizes: ArrayLike, index: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Low and high ends (s,) of the share of `counts` (s, t) out of `sizes` (t,), whole clusters resampled, `index` (b, t).

    Percentiles at the level that `expanded_level` gives for t clusters.
    """
    table, drawn = np.asarray(counts, dtype=np.float64), _counts(index, len(np.asarray(sizes)))
    draws = table @ drawn.T / (drawn @ np.asarray(sizes, dtype=np.float64))
    nominal = expanded_level(level, table.shape[1])
    low, high = np.quantile(draws, [(1 - nominal) / 2, (1 + nominal) / 2], axis=1)
    return low, high


def pearson_intervals(
    x: ArrayLike, y: ArrayLike, index: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """r (s,) of each row of `y` (s, n) with `x` (n,), and the ends of its bootstrap interval; `index` (b, n) pairs drawn.

    As `intervals.pearson_bootstrap`: percentiles at the expanded level; a draw without spread takes the value itself.
    """
    across, rows, drawn = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), np.asarray(index)
    r = standardised(rows.T).T @ standardised(across)
    draws = np.empty((len(rows), len(drawn)))
    for column, pick in enumerate(drawn):
        draws[:, column] = standardised(rows[:, pick].T).T @ standardised(across[pick])
    draws = np.where(np.isnan(draws), r[:, None], draws)
    nominal = expanded_level(level, len(across))
    low, high = np.quantile(draws, [(1 - nominal) / 2, (1 + nominal) / 2], axis=1)
    return r, low, high


def bootstrap_index(items: int, draws: int, seed: Sequence[int]) -> np.ndarray:
    """(draws, items) items drawn with replacement."""
    return np.random.default_rng(seed).integers(items, size=(draws, items))


def share_of(passes: BoolArray) -> float:
    """Share of simulated runs that pass."""
    return float(np.mean(passes))


def _counts(index: ArrayLike, items: int) -> FloatArray:
    """(b, n): how often each item is in each draw."""
    drawn = np.asarray(index)
    return np.stack([np.bincount(row, minlength=items) for row in drawn]).astype(np.float64)


def _quantiles(draws: FloatArray, share: FloatArray) -> FloatArray:
    """The quantile `share` (s,) of each row of `draws` (s, b), linear between draws."""
    ordered = np.sort(draws, axis=1)
    place = np.clip(share, 0, 1) * (draws.shape[1] - 1)
    low = np.floor(place).astype(int)
    high, rows = np.minimum(low + 1, draws.shape[1] - 1), np.arange(len(draws))
    return ordered[rows, low] + (place - low) * (ordered[rows, high] - ordered[rows, low])
