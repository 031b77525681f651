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

from emotion_vectors.stats.arrays import FloatArray
from emotion_vectors.stats.correlation import standardised
from emotion_vectors.stats.intervals import counted, expanded_ends

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


def cluster_intervals(counts: ArrayLike, index: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Low and high ends (s,) of the total of `counts` (s, t) with whole clusters resampled, `index` (b, t).

    Percentiles at the level that `expanded_level` gives for t clusters.
    """
    table = np.asarray(counts, dtype=np.float64)
    draws = table @ counted(np.asarray(index), table.shape[1]).T
    low, high = expanded_ends(draws, table.shape[1], level, axis=1)
    return low, high


def share_intervals(
    counts: ArrayLike, sizes: ArrayLike, index: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Low and high ends (s,) of the share of `counts` (s, t) out of `sizes` (t,), whole clusters resampled, `index` (b, t).

    Percentiles at the level that `expanded_level` gives for t clusters.
    """
    table, drawn = np.asarray(counts, dtype=np.float64), counted(np.asarray(index), len(np.asarray(sizes)))
    draws = table @ drawn.T / (drawn @ np.asarray(sizes, dtype=np.float64))
    low, high = expanded_ends(draws, table.shape[1], level, axis=1)
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
    low, high = expanded_ends(draws, len(across), level, axis=1)
    return r, low, high


def bootstrap_index(items: int, draws: int, seed: Sequence[int]) -> np.ndarray:
    """(draws, items) items drawn with replacement."""
    return np.random.default_rng(seed).integers(items, size=(draws, items))
