"""The steering effect: analytic cases, planted effects, and the trap that inverted the seed report."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_vectors.errors import UserError
from emotion_vectors.stats.intervals import expanded_level
from emotion_vectors.stats.nulls import permutation_p
from emotion_vectors.stats.scores import ELO_PER_NAT, bradley_terry, pair_win_probability
from emotion_vectors.stats.steering import (
    contraction_fit,
    effect_interval,
    effect_matrix,
    mixed_effect,
    refit_change,
    split_half,
    split_halves,
    splits_effect,
    splits_interval,
)
from emotion_vectors.stats.verdict import verdict_from_interval

from .planted import CATEGORIES, effect_with_activity_noise, logit_differences, steer


def baseline(seed: int = 0, bias: float = 0.6, noise: float = 0.5, size: int = 64) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return logit_differences(generator.normal(0, 1.5, size), bias=bias, noise=noise, generator=generator)


class TestMixedEffect:
    def test_equals_plain_loops(self) -> None:
        d0, d1 = baseline(0, size=6), baseline(1, size=6)
        steered = np.array([True, False, False, True, True, False])
        result = mixed_effect(d0, d1, steered)
        expected = []
        for s in (0, 3, 4):
            for c in (1, 2, 5):
                as_a = d1[s, c] - d0[s, c]  # log-odds of A, the steered option
                as_b = -(d1[c, s] - d0[c, s])  # log-odds of B, the steered option
                expected.append((as_a + as_b) / 2)
        np.testing.assert_allclose(result.pairs.ravel(), expected)
        assert result.mean == pytest.approx(np.mean(expected))

    @pytest.mark.parametrize("effect", [-3.5, 0.0, 0.01, 2.4])
    def test_planted_effect_is_exact_whatever_the_position_bias(self, effect: float) -> None:
        d0 = baseline(2, bias=3.0)
        steered = split_half(CATEGORIES, "even")
        result = mixed_effect(d0, steer(d0, steered, np.full((64, 64), effect)), steered)
        np.testing.assert_allclose(result.pairs, effect, atol=1e-12)

    def test_a_bias_towards_a_is_no_effect(self) -> None:
        d0 = baseline(3)
        result = mixed_effect(d0, d0 + 5.0, split_half(CATEGORIES, "odd"))
        np.testing.assert_allclose(result.pairs, 0, atol=1e-12)

    def test_several_conditions_at_once(self) -> None:
        d0 = baseline(4)
        steered = split_half(CATEGORIES, "even")
        d1 = np.array([steer(d0, steered, np.full((64, 64), effect)) for effect in (1.0, -2.0)])
        result = mixed_effect(d0, d1, steered)
        assert result.pairs.shape == (2, 32, 32)
        np.testing.assert_allclose(result.mean, [1, -2])

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 10_000), st.integers(2, 10))
    def test_symmetries(self, seed: int, size: int) -> None:
        generator = np.random.default_rng(seed)
        d0, d1 = baseline(seed, size=size), baseline(seed + 1, size=size)
        steered = np.zeros(size, dtype=bool)
        steered[generator.permutation(size)[: generator.integers(1, size)]] = True
        mean = mixed_effect(d0, d1, steered).mean
        order = generator.permutation(size)
        cells = np.ix_(order, order)
        assert mixed_effect(d0[cells], d1[cells], steered[order]).mean == pytest.approx(mean, abs=1e-12)
        assert mixed_effect(d1, d0, steered).mean == pytest.approx(-mean, abs=1e-12)  # undoing the steering
        assert mixed_effect(-d0.T, -d1.T, steered).mean == pytest.approx(mean, abs=1e-12)  # A and B renamed
        assert mixed_effect(d0, d1, ~steered).mean == pytest.approx(-mean, abs=1e-12)  # the other side's view

    def test_refused(self) -> None:
        d0 = baseline(5, size=4)
        with pytest.raises(UserError, match="all options or none"):
            mixed_effect(d0, d0, np.ones(4, dtype=bool))
        with pytest.raises(UserError, match="booleans"):
            mixed_effect(d0, d0, np.array([1, 0, 1, 0]))
        with pytest.raises(UserError, match="same options"):
            mixed_effect(d0, baseline(5, size=5), np.array([True, False, True, False, True]))
        hole = d0.copy()
        hole[0, 1] = np.nan
        with pytest.raises(UserError, match="NaN"):
            mixed_effect(d0, hole, np.array([True, False, True, False]))


class TestRefit:
    @pytest.mark.parametrize("effect", [-2.0, 1.0])
    def test_one_nat_moves_the_steered_half_by_half_a_nat(self, effect: float) -> None:
        """Exact: without position bias and noise, adding e / 2 to one half and -e / 2 to the other fits every pair."""
        d0 = logit_differences(np.random.default_rng(6).normal(0, 1.5, 64))
        steered = split_half(CATEGORIES, "even")
        result = refit_change(d0, steer(d0, steered, np.full((64, 64), effect)), steered, passes=100)
        assert result.steered == pytest.approx(effect / 2, abs=1e-8)
        assert result.difference == pytest.approx(effect, abs=1e-8)
        assert result.steered * ELO_PER_NAT == pytest.approx(86.86 * effect, abs=0.01)
        assert result.elo_steered == pytest.approx(86.86 * effect, abs=1.5)
        assert result.elo_difference == pytest.approx(173.72 * effect, abs=3)

    def test_unequal_halves(self) -> None:
        d0 = logit_differences(np.random.default_rng(7).normal(0, 1, 20))
        steered = np.arange(20) < 5
        result = refit_change(d0, steer(d0, steered, np.full((20, 20), 0.8)), steered)
        assert result.difference == pytest.approx(0.8, abs=1e-8)
        assert result.steered == pytest.approx(0.8 * 0.75, abs=1e-8)

    def test_position_bias_shrinks_the_refit_and_not_the_effect(self) -> None:
        d0 = logit_differences(np.random.default_rng(8).normal(0, 1, 32), bias=4.0)
        steered = split_half(["x"] * 32, "even")
        d1 = steer(d0, steered, np.full((32, 32), 1.0))
        assert mixed_effect(d0, d1, steered).mean == pytest.approx(1.0)
        assert 0 < refit_change(d0, d1, steered).difference < 0.8

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 10_000))
    def test_zero_sum_whatever_happens(self, seed: int) -> None:
        d0, d1 = baseline(seed, size=12), baseline(seed + 1, size=12)
        steered = split_half(["x"] * 12, "random", seed)
        result = refit_change(d0, d1, steered, passes=2, orders=2)
        assert result.zero_sum_error < 1e-9
        assert result.difference == pytest.approx(2 * result.steered, abs=1e-9)
        assert result.elo_difference == pytest.approx(2 * result.elo_steered, abs=1e-7)

    def test_fields_are_the_fits(self) -> None:
        d0 = baseline(9, size=16)
        steered = split_half(["x"] * 16, "odd")
        d1 = np.array([steer(d0, steered, np.full((16, 16), effect)) for effect in (0.0, 1.5)])
        result = refit_change(d0, d1, steered)
        np.testing.assert_allclose(result.before, bradley_terry(pair_win_probability(d0)))
        np.testing.assert_allclose(result.after[1], bradley_terry(pair_win_probability(d1[1])))
        assert result.elo_after.shape == (2, 16) and result.steered.shape == (2,)
        assert result.difference[0] == 0 and result.elo_difference[0] == 0  # nothing steered, same orders of updates
        alone = refit_change(d0, d1[1], steered)
        assert alone.elo_difference == pytest.approx(result.elo_difference[1])


class TestContractionTrap:
    """Why the seed came out inverted: the same vector on both options only contracts preferences."""

    d0 = baseline(10, noise=0.0)
    contracted = 0.7 * d0

    def test_the_half_s_change_has_the_sign_of_its_own_imbalance_and_flips_with_the_half(self) -> None:
        even, odd = split_half(CATEGORIES, "even"), split_half(CATEGORIES, "odd")
        first, second = (refit_change(self.d0, self.contracted, split) for split in (even, odd))
        imbalance = first.before[even].mean()
        assert abs(imbalance) > 0.05 and abs(first.steered) > 0.01
        assert np.sign(first.steered) == -np.sign(imbalance)
        assert second.steered == pytest.approx(-first.steered, abs=1e-12)
        assert np.sign(first.elo_steered) == -np.sign(second.elo_steered) == np.sign(first.steered)

    def test_emotions_that_contract_by_different_amounts_give_r_of_one_with_either_sign(self) -> None:
        """The seed's |r| > 0.9: a correlation with r is made by the split, not by the vectors."""
        strength = np.linspace(0.05, 0.6, 12)
        runs = np.array([(1 - amount) * self.d0 for amount in strength])
        by_half = [
            np.corrcoef(strength, refit_change(self.d0, runs, split_half(CATEGORIES, kind), passes=1, orders=1).steered)
            for kind in ("even", "odd")
        ]
        assert abs(by_half[0][0, 1]) > 0.9
        assert np.sign(by_half[0][0, 1]) == -np.sign(by_half[1][0, 1])

    def test_the_effect_cancels_over_a_split_and_its_complement_and_over_random_splits(self) -> None:
        splits = split_halves(CATEGORIES, random=400)
        means = np.array([mixed_effect(self.d0, self.contracted, split).mean for split in splits])
        assert abs(means[0]) > 0.02
        assert means[0] + means[1] == pytest.approx(0, abs=1e-12)
        assert abs(means[2:].mean()) < 3 * means.std() / np.sqrt(400)

    def test_no_verdict_of_pass(self) -> None:
        splits = split_halves(CATEGORIES, random=20)
        runs = np.array([np.where(np.outer(s, ~s) | np.outer(~s, s), self.contracted, self.d0) for s in splits])
        interval = splits_interval(effect_matrix(self.d0, runs, splits), splits[:2], repeats=500)
        for direction in ("above", "below"):
            decision = verdict_from_interval(
                interval.estimate, (interval.low, interval.high), bar=0, direction=direction, p=None
            )
            assert decision.verdict != "pass"

    def test_the_fit_tells_contraction_from_effect(self) -> None:
        split = split_half(CATEGORIES, "even")
        line = contraction_fit(self.d0, self.contracted, split)
        assert line.slope == pytest.approx(-0.3) and line.intercept == pytest.approx(0, abs=1e-12)
        both = contraction_fit(self.d0, steer(self.contracted, split, np.full((64, 64), 0.4)), split)
        assert both.slope == pytest.approx(-0.3) and both.intercept == pytest.approx(0.4)


class TestEffectInterval:
    def test_draws_equal_a_plain_two_way_bootstrap(self) -> None:
        generator = np.random.default_rng(11)
        pairs = generator.normal(size=(6, 1)) + generator.normal(size=(1, 9)) + generator.normal(size=(6, 9))
        ours = effect_interval(pairs, repeats=20_000, seed=1)
        draws = []
        for _ in range(20_000):
            rows, columns = generator.integers(6, size=6), generator.integers(9, size=9)
            draws.append(pairs[rows][:, columns].mean())
        level = expanded_level(0.95, 6)
        plain = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        assert (ours.low, ours.high) == pytest.approx(tuple(plain), abs=0.08)
        assert ours.estimate == pytest.approx(pairs.mean())

    @pytest.mark.parametrize(("activity", "pair"), [(0.5, 0.5), (0.5, 0.0), (0.0, 0.5)])
    def test_coverage(self, activity: float, pair: float) -> None:
        generator = np.random.default_rng(12)
        hits = 0
        for repeat in range(100):
            effects = effect_with_activity_noise(64, 0.3, generator, activity=activity, pair=pair)
            interval = effect_interval(effects[:32, 32:], repeats=300, seed=repeat)
            hits += interval.low <= 0.3 <= interval.high
        assert hits >= 90

    def test_pairs_as_rows_would_be_far_too_narrow(self) -> None:
        effects = effect_with_activity_noise(64, 0.3, np.random.default_rng(13))[:32, 32:]
        interval = effect_interval(effects, repeats=500)
        rows = 2 * 1.96 * effects.std() / np.sqrt(effects.size)
        assert interval.high - interval.low > 3 * rows

    def test_refused(self) -> None:
        with pytest.raises(UserError):
            effect_interval(np.ones((1, 5)))
        with pytest.raises(UserError):
            effect_interval(np.array([[1.0, np.nan], [1.0, 1.0]]))


class TestSplits:
    def test_even_odd_and_random_are_stratified(self) -> None:
        splits = split_halves(CATEGORIES, random=10, seed=5)
        assert splits.shape == (12, 64) and splits.dtype == bool
        assert (splits.reshape(12, 8, 8).sum(-1) == 4).all()
        np.testing.assert_array_equal(splits[0], np.arange(64) % 2 == 0)
        np.testing.assert_array_equal(splits[1], ~splits[0])
        assert len({row.tobytes() for row in splits}) == 12
        np.testing.assert_array_equal(splits[2:], split_halves(CATEGORIES, random=10, seed=5)[2:])

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=25), st.sampled_from(["even", "odd", "random"]))
    def test_categories_of_any_size_in_any_order(self, categories: list[str], kind: str) -> None:
        steered = split_half(categories, kind, 3)
        assert abs(int(steered.sum()) - int((~steered).sum())) <= 1
        for name in set(categories):
            members = steered[[category == name for category in categories]]
            assert abs(int(members.sum()) - int((~members).sum())) <= 1

    def test_every_activity_is_steered_equally_often(self) -> None:
        share = split_halves(CATEGORIES, random=2000)[2:].mean(0)
        assert np.abs(share - 0.5).max() < 0.05

    def test_refused(self) -> None:
        with pytest.raises(UserError):
            split_half(CATEGORIES, "middle")  # type: ignore[arg-type]
        with pytest.raises(UserError):
            split_half(["one"], "even")


class TestSplitsEffect:
    def test_matrix_gathers_runs_and_leaves_the_rest_open(self) -> None:
        d0 = baseline(14, size=8)
        effects = effect_with_activity_noise(8, 0.5, np.random.default_rng(14))
        splits = split_halves(["x"] * 8, random=0)
        runs = np.array([steer(d0, split, effects) for split in splits])
        matrix = effect_matrix(d0, runs, splits)
        mixed = np.outer(splits[0], ~splits[0]) | np.outer(~splits[0], splits[0])
        np.testing.assert_allclose(matrix[mixed], effects[mixed])
        assert np.isnan(matrix[~mixed]).all()
        means = splits_effect(matrix, splits)
        np.testing.assert_allclose(means, [mixed_effect(d0, r, s).mean for r, s in zip(runs, splits, strict=True)])
        with pytest.raises(UserError, match="not measured"):
            splits_effect(matrix, np.array([[True] * 4 + [False] * 4]))

    def test_coverage_of_a_true_effect_and_false_passes_without_one(self) -> None:
        """(a) the interval covers the planted effect in 90 of 100 repeats or more; (b) at most 8 false passes.

        Contraction, susceptibility of steered and control activities and pair noise are all in the data; the null is 19
        random directions with the same noise, as few as can reach p = 0.05.
        """
        generator = np.random.default_rng(15)
        splits = split_halves(CATEGORIES, random=4)
        hits = false_passes = 0
        for repeat in range(100):
            scores = generator.normal(0, 1.5, 64)
            contraction = -0.2 * (scores[:, None] - scores[None, :])
            interval = {}
            for effect in (0.4, 0.0):
                noise = effect_with_activity_noise(64, effect, generator, activity=0.4, pair=0.4)
                interval[effect] = splits_interval(noise + contraction, splits, repeats=200, seed=repeat)
            hits += interval[0.4].low <= 0.4 <= interval[0.4].high
            null = [splits_effect(effect_with_activity_noise(64, 0, generator, activity=0.4), splits).mean()
                    for _ in range(19)]  # fmt: skip
            estimate, low, high = interval[0.0]
            p = float(permutation_p(estimate, null, "greater"))
            false_passes += verdict_from_interval(estimate, (low, high), bar=0, p=p).verdict == "pass"
        assert hits >= 90
        assert false_passes <= 8

    def test_one_split_of_a_contraction_is_wide_enough_not_to_pass(self) -> None:
        generator = np.random.default_rng(16)
        passes = 0
        for repeat in range(100):
            d0 = logit_differences(generator.normal(0, 1.5, 64))
            steered = split_half(CATEGORIES, "random", repeat)
            low, high = effect_interval(mixed_effect(d0, 0.7 * d0, steered).pairs, repeats=200, seed=repeat)[1:]
            passes += low > 0 or high < 0
        assert passes <= 8
