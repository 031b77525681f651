"""Scores by category (V7): the gap between the most and the least preferred category, its interval and its null."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import FloatArray, finite, resamples
from emotion_vectors.stats.intervals import Interval, expanded_level, interval_from_draws, resampled_scores
from emotion_vectors.stats.scores import bradley_terry


class CategoryGap(NamedTuple):
    """Highest minus lowest category mean, in the unit of the scores, and the names of the two categories."""

    gap: float
    highest: Hashable
    lowest: Hashable


def category_means(scores: ArrayLike, categories: Sequence[Hashable]) -> dict[Hashable, float]:
    """Mean score of each category, in the order in which categories first appear; `scores` is (n,)."""
    values = finite(scores, "scores")
    if values.shape != (len(categories),):
        raise UserError(
            f"There are {len(categories)} category names for scores of shape {values.shape}; give one each."
        )
    labels = _codes(categories)
    return {name: float(values[labels == code].mean()) for code, name in enumerate(dict.fromkeys(categories))}


def category_gap(scores: ArrayLike, categories: Sequence[Hashable]) -> CategoryGap:
    """The gap between the two extreme category means of `scores` (n,)."""
    means = category_means(scores, categories)
    if len(means) < 2:
        raise UserError("A gap between categories needs 2 categories or more.")
    highest, lowest = max(means, key=lambda name: means[name]), min(means, key=lambda name: means[name])
    return CategoryGap(means[highest] - means[lowest], highest, lowest)


def category_gap_interval(
    wins: ArrayLike, categories: Sequence[Hashable], *, level: float = 0.95, repeats: int = 2000, seed: int = 0
) -> Interval:
    """Interval in nats of the Bradley-Terry gap between the two categories that are extreme in `wins` (n, n).

    Activities are resampled within categories and scores refitted (see `resampled_scores`). The two categories stay the
    same in every draw: the largest-minus-smallest of a draw would be biased upwards. That they were picked as the
    extremes is taken into account by `category_gap_null`, not here.
    """
    gap = category_gap(bradley_terry(wins), categories)
    drawn, scores = resampled_scores(wins, strata=categories, repeats=repeats, seed=seed)
    codes = _codes(categories)
    names = list(dict.fromkeys(categories))
    high, low = (codes == names.index(name) for name in (gap.highest, gap.lowest))
    draws = _masked_mean(scores, high[drawn]) - _masked_mean(scores, low[drawn])
    smallest = int(min(high.sum(), low.sum()))
    if smallest < 2:
        raise UserError("An interval of the category gap needs 2 activities or more in each category.")
    nominal = expanded_level(level, smallest, int(high.sum() + low.sum()) - 2)
    return interval_from_draws(draws, gap.gap, nominal).single()


def category_gap_null(
    scores: ArrayLike, categories: Sequence[Hashable], *, permutations: int = 2000, seed: int = 0
) -> FloatArray:
    """Gaps (permutations,) of the extreme category means when `scores` (n,) are shuffled."""
    values = finite(scores, "scores")
    codes = _codes(categories)
    share = np.eye(codes.max() + 1)[codes] / np.bincount(codes)
    generator = np.random.default_rng(seed)
    dealt = generator.permuted(np.tile(values, (resamples(permutations), 1)), axis=1)
    return np.ptp(dealt @ share, axis=1)


def _masked_mean(values: FloatArray, mask: np.ndarray) -> FloatArray:
    return (values * mask).sum(-1) / mask.sum(-1)


def _codes(categories: Sequence[Hashable]) -> np.ndarray:
    """Category of each activity as an integer, in the order of first appearance."""
    names = {name: code for code, name in enumerate(dict.fromkeys(categories))}
    return np.array([names[name] for name in categories], dtype=np.intp)
