"""The gap between categories: its interval and its null."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.stats.categories import category_gap, category_gap_interval, category_gap_null, category_means
from emotion_vectors.stats.scores import pair_win_probability
from stats.drawn import covered
from stats.planted import CATEGORIES, logit_differences


class TestCategories:
    def test_gap_by_hand(self) -> None:
        scores, names = np.array([1.0, 3.0, -1.0, 0.0, 10.0]), ["b", "b", "a", "a", "c"]
        assert category_means(scores, names) == {"b": 2.0, "a": -0.5, "c": 10.0}
        assert category_gap(scores, names) == (10.5, "c", "a")
        with pytest.raises(UserError):
            category_gap(scores, ["one"] * 5)
        with pytest.raises(UserError):
            category_means(scores, names[:-1])

    @pytest.mark.slow
    def test_interval_covers_the_gap_of_two_kinds_of_activities(self) -> None:
        """Truth: the difference between the population means of two categories, of which 8 activities each are seen."""
        generator = np.random.default_rng(10)
        names = ["good"] * 8 + ["bad"] * 8
        centre = np.repeat([2.0, -2.0], 8)
        hits = 0
        for repeat in range(100):
            scores = centre + generator.normal(0, 0.8, 16)
            wins = pair_win_probability(logit_differences(scores))
            interval = category_gap_interval(wins, names, repeats=200, seed=repeat)
            hits += covered(4.0, interval.low, interval.high)
        assert hits >= 90

    def test_a_category_never_drops_out_of_a_draw(self) -> None:
        scores = np.random.default_rng(12).normal(size=16)
        interval = category_gap_interval(
            pair_win_probability(logit_differences(scores)), np.arange(16) // 2, repeats=200
        )
        assert np.isfinite(interval).all()

    def test_null_is_calibrated_for_having_picked_the_extremes(self) -> None:
        generator = np.random.default_rng(11)
        false_alarms = 0
        for repeat in range(200):
            scores = generator.normal(size=64)
            null = category_gap_null(scores, CATEGORIES, permutations=200, seed=repeat)
            false_alarms += (null >= category_gap(scores, CATEGORIES).gap).sum() + 1 <= 0.05 * 201
        assert 2 <= false_alarms <= 18  # 10 expected
        assert null.shape == (200,) and (null > 0).all()
