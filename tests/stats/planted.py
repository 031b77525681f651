"""Preference experiments whose answer is known: logit differences made from planted scores and a planted effect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CATEGORIES = [f"category {index // 8}" for index in range(64)]


def logit_differences(
    scores: FloatArray, *, bias: float = 0.0, noise: float = 0.0, generator: np.random.Generator | None = None
) -> FloatArray:
    """d[i, j] = s_i - s_j + bias + noise, NaN on the diagonal: Bradley-Terry, position bias and prompt noise."""
    difference = scores[:, None] - scores[None, :] + bias
    if generator is not None:
        difference = difference + noise * generator.standard_normal(difference.shape)
    np.fill_diagonal(difference, np.nan)
    return difference


def answers(baseline: FloatArray, effect: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Logit differences (..., n, n) with option (A), and with option (B), steered: `effect` (..., n, n) in nats.

    Steering i raises its log-odds against an unsteered j by effect[i, j]: as (A) it gains, as (B) the difference falls.
    """
    return baseline + effect, baseline - np.swapaxes(effect, -1, -2)


def effect_with_activity_noise(
    size: int, mean: float, generator: np.random.Generator, *, activity: float = 0.5, pair: float = 0.5
) -> FloatArray:
    """Effects (n, n) in nats: mean + susceptibility of the steered and of the control option + noise of the pair."""
    rows, columns = generator.normal(0, activity, size), generator.normal(0, activity, size)
    return mean + rows[:, None] + columns[None, :] + generator.normal(0, pair, (size, size))
