"""Intervals against scipy, closed forms and seeded coverage simulations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from emotion_vectors.errors import UserError
from emotion_vectors.stats.intervals import (
    around,
    bootstrap_mean,
    cluster_bootstrap,
    cluster_draws,
    expanded_level,
    interval_from_draws,
    pearson_bootstrap,
    pearson_interval,
    resampled_scores,
    wilson_interval,
    with_width,
)
from emotion_vectors.stats.scores import bradley_terry, pair_win_probability
from stats.drawn import covered
from stats.planted import CATEGORIES, logit_differences


class TestLevel:
    def test_by_hand(self) -> None:
        expected = 1 - 2 * stats.norm.sf(stats.t.ppf(0.975, 7) * np.sqrt(8 / 7))
        assert expanded_level(0.95, 8) == pytest.approx(expected)
        assert expanded_level(0.95, 1_000_000) == pytest.approx(0.95, abs=1e-5)

    @pytest.mark.parametrize(("level", "units"), [(0.0, 8), (1.0, 8), (0.95, 1)])
    def test_refused(self, level: float, units: int) -> None:
        with pytest.raises(UserError):
            expanded_level(level, units)


class TestDraws:
    def test_percentile_and_basic(self) -> None:
        draws = np.arange(1001.0)
        assert interval_from_draws(draws, 400.0)[1:] == pytest.approx((25, 975))
        assert interval_from_draws(draws, 400.0, method="basic")[1:] == pytest.approx((-175, 775))

    def test_arrays_keep_their_shape(self) -> None:
        draws = np.random.default_rng(0).normal(size=(500, 3, 2))
        interval = interval_from_draws(draws, draws.mean(0))
        assert np.shape(interval.low) == (3, 2) and np.all(np.less(interval.low, interval.high))

    def test_nan_is_refused(self) -> None:
        with pytest.raises(UserError):
            interval_from_draws([1.0, np.nan], 1.0)


class TestMean:
    def test_equals_scipy(self) -> None:
        values = np.random.default_rng(1).exponential(size=30)
        ours = bootstrap_mean(values, repeats=999, seed=3)
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=999, method="percentile", rng=np.random.default_rng(3)
        ).confidence_interval
        assert (ours.low, ours.high) == pytest.approx(tuple(theirs))
        assert ours.estimate == pytest.approx(values.mean())

    def test_coverage(self) -> None:
        generator = np.random.default_rng(2)
        hits = 0
        for repeat in range(100):
            _, low, high = bootstrap_mean(generator.normal(3, 1, 40), repeats=500, seed=repeat)
            hits += covered(3, low, high)
        assert hits >= 90

    def test_equal_values_are_one_point(self) -> None:
        assert bootstrap_mean([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)

    def test_one_value_is_refused(self) -> None:
        with pytest.raises(UserError):
            bootstrap_mean([1.0])


class TestWilson:
    @pytest.mark.parametrize(("successes", "of"), [(0, 12), (6, 12), (12, 12), (57, 171)])
    def test_equals_the_formula(self, successes: int, of: int) -> None:
        z, p = stats.norm.ppf(0.975), successes / of
        centre = (p + z**2 / (2 * of)) / (1 + z**2 / of)
        reach = z / (1 + z**2 / of) * np.sqrt(p * (1 - p) / of + z**2 / (4 * of**2))
        assert wilson_interval(successes, of) == pytest.approx((p, centre - reach, centre + reach), abs=1e-12)

    @pytest.mark.parametrize(("successes", "of"), [(1, 0), (-1, 5), (6, 5)])
    def test_refused(self, successes: int, of: int) -> None:
        with pytest.raises(UserError):
            wilson_interval(successes, of)


class TestPearson:
    def test_fisher_equals_scipy(self) -> None:
        generator = np.random.default_rng(4)
        y = generator.normal(size=64)
        x = np.column_stack([y + generator.normal(size=64), generator.normal(size=64), np.ones(64)])
        interval = pearson_interval(x, y)
        for column in range(2):
            theirs = stats.pearsonr(x[:, column], y).confidence_interval()
            assert (interval.low[column], interval.high[column]) == pytest.approx(tuple(theirs))
        assert np.isnan(interval.low[2]) and np.isnan(interval.estimate[2])
        assert pearson_interval(y, 2 * y) == pytest.approx((1, 1, 1))

    def test_bootstrap_draws_are_correlations_of_resampled_rows(self) -> None:
        generator = np.random.default_rng(5)
        y = generator.normal(size=64)
        x = np.column_stack([y + generator.normal(size=64), np.ones(64), generator.normal(size=64)])
        interval, draws = pearson_bootstrap(x, y, repeats=2000, seed=1)
        theirs = stats.bootstrap(
            (x[:, 0], y), lambda a, b: stats.pearsonr(a, b).statistic, paired=True, vectorized=False,
            n_resamples=2000, method="percentile", rng=np.random.default_rng(9),
        )  # fmt: skip
        assert draws.shape == (2000, 3)
        assert draws[:, 0].std() == pytest.approx(theirs.standard_error, rel=0.08)
        assert (interval.low[0], interval.high[0]) == pytest.approx(tuple(theirs.confidence_interval), abs=0.03)
        assert np.isnan(interval.low[1]) and not np.isnan(interval.low[2])

    @pytest.mark.slow
    def test_coverage_of_both(self) -> None:
        generator = np.random.default_rng(6)
        covariance = [[1, 0.6], [0.6, 1]]
        fisher = bootstrap = 0
        for repeat in range(200):
            x, y = generator.multivariate_normal([0, 0], covariance, size=64).T
            fisher += covered(0.6, *pearson_interval(x, y)[1:])
            bootstrap += covered(0.6, *pearson_bootstrap(x, y, repeats=200, seed=repeat)[0][1:])
        assert fisher >= 180 and bootstrap >= 180


class TestClusters:
    def test_whole_clusters_within_strata(self) -> None:
        clusters, strata = list("aabbbcd"), list("xxxxxyy")
        seen = set()
        for rows in cluster_draws(clusters, 50, 7, strata):
            drawn = "".join(clusters[row] for row in rows)
            assert drawn.count("a") % 2 == 0 and drawn.count("b") % 3 == 0
            assert drawn.count("a") // 2 + drawn.count("b") // 3 == 2
            assert drawn.count("c") + drawn.count("d") == 2
            seen.add(drawn)
        assert len(seen) > 3

    def test_a_cluster_in_two_strata_is_refused(self) -> None:
        with pytest.raises(UserError, match="two strata"):
            cluster_draws(list("aab"), 5, 0, list("xyy"))

    @pytest.mark.slow
    def test_rows_of_a_cluster_are_not_independent_and_coverage_shows_it(self) -> None:
        """20 clusters of 20 equal rows: resampling rows is sqrt(20) times too narrow, resampling clusters is right."""
        generator = np.random.default_rng(8)
        clusters = np.repeat(np.arange(20), 20)
        by_cluster = by_row = 0
        for repeat in range(100):
            values = generator.normal(0, 1, 20)[clusters] + generator.normal(0, 0.1, 400)
            interval, _ = cluster_bootstrap(lambda rows, v=values: v[rows].mean(), clusters, repeats=300, seed=repeat)
            by_cluster += covered(0, interval.low, interval.high)
            by_row += covered(0, *bootstrap_mean(values, repeats=200, seed=repeat)[1:])
        assert by_cluster >= 90
        assert by_row < 60


class TestResampledScores:
    def test_a_draw_is_the_fit_with_multiplicities_as_weights(self) -> None:
        """A copied activity is the same as an activity whose comparisons count twice."""
        generator = np.random.default_rng(9)
        wins = pair_win_probability(logit_differences(generator.normal(size=9), noise=1.0, generator=generator))
        drawn, scores = resampled_scores(wins, repeats=5, seed=2)
        for index, score in zip(drawn, scores, strict=True):
            times = np.bincount(index, minlength=9)
            present = np.flatnonzero(times)
            weights = np.outer(times, times)[np.ix_(present, present)].astype(float)
            expected = np.full(9, np.nan)
            expected[present] = bradley_terry(wins[np.ix_(present, present)], weights)
            np.testing.assert_allclose(score - score.mean(), expected[index] - expected[index].mean(), atol=1e-7)

    def test_strata_are_kept(self) -> None:
        wins = expit(np.subtract.outer(np.arange(64.0), np.arange(64.0)) / 20)
        drawn, _ = resampled_scores(wins, strata=CATEGORIES, repeats=10, batch=4)
        assert (np.sort(drawn // 8, axis=1) == np.arange(64) // 8).all()


class TestWithWidth:
    @pytest.mark.parametrize("count", [0, 3, 12])
    def test_a_side_without_width_gets_wilsons_end(self, count: int) -> None:
        wilson = stats.binomtest(count, 12).proportion_ci(method="wilson")
        assert with_width((count, count), count, 12) == pytest.approx((12 * wilson.low, 12 * wilson.high))
        nearly = (count - 1e-12, count + 1e-12)  # a share times its number
        assert with_width(nearly, count, 12) == with_width((count, count), count, 12)
        assert with_width((count - 1, count), count, 12) == pytest.approx((count - 1, 12 * wilson.high))

    @pytest.mark.parametrize("count", [0, 1, 7, 12])
    def test_a_count_has_wilsons_interval_and_a_bootstraps_where_that_is_wider(self, count: int) -> None:
        wilson = stats.binomtest(count, 12).proportion_ci(method="wilson")
        low, high = 12 * wilson.low, 12 * wilson.high
        assert around(count, 12) == pytest.approx((low, high)) == around(count, 12, (count, count))
        assert around(count, 12, (low - 0.5, high - 0.5)) == pytest.approx((max(0, low - 0.5), high))
        assert around(count, 12, (low + 0.5, high + 0.5)) == pytest.approx((low, min(12, high + 0.5)))
        assert around(count, 12, (-0.1, 12.1)) == (0, 12)

    def test_an_interval_with_both_sides_stays(self) -> None:
        assert with_width((2.5, 7.0), 3, 12) == (2.5, 7.0)
