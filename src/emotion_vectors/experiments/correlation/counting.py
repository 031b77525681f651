"""Which of n emotions go with the score: tests of r against c draws by chance, and how many are strong.

r is (n,) or (..., n), draws are (c, n); an r that is not defined is NaN and counts for nothing.
"""

from __future__ import annotations

import numpy as np

from emotion_vectors.experiments.correlation.record import DISCOVERY, STRONG
from emotion_vectors.stats import intervals, nulls


def strong(r: np.ndarray) -> np.ndarray:
    """Number of |r| above Hong's 0.3 along the last axis; an r that is not defined is none."""
    return (np.abs(r) > STRONG).sum(-1)


def count_interval(value: float, draws: np.ndarray, of: int) -> tuple[float, float]:
    """95 % interval of a count beyond a threshold, from counts `draws` (b,) of resampled activities.

    Resampling pushes |r| upwards, so the basic interval is the honest one.
    """
    basic = intervals.interval_from_draws(draws, value, method="basic")
    low, high = (float(end) for end in np.clip([basic.low, basic.high], 0, of))
    return intervals.with_width((low, high), round(value), of)


def p_values(r: np.ndarray, dealt: np.ndarray) -> tuple[np.ndarray, float]:
    """Two-sided p (n,) of each emotion alone, and the 95th percentile of the largest |r| of any emotion by chance."""
    known = np.isfinite(r) & np.isfinite(dealt).all(axis=0)
    p = np.full(len(r), np.nan)
    if not known.any():
        return p, float("nan")
    size = np.abs(dealt[:, known])
    p[known] = nulls.permutation_p(np.abs(r[known]), size)
    return p, float(np.quantile(size.max(axis=1), 0.95))


def discoveries(q: np.ndarray) -> int:
    """Emotions that hold at the false-discovery rate; an undefined test is none."""
    return int((q < DISCOVERY).sum())


def band(r: np.ndarray) -> float | None:
    """The |r| that 5 % of a single emotion's draws exceed."""
    known = np.abs(r[np.isfinite(r)])
    return float(np.quantile(known, 0.95)) if known.size else None
