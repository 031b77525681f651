"""The steering effect: slow references, analytic cases, and the trap that inverted Hong (2026)."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from emotion_vectors.errors import UserError
from emotion_vectors.stats.intervals import expanded_level
from emotion_vectors.stats.steering import (
    contraction_fit,
    cyclic_triads,
    effect_matrix,
    pooled_effect,
    pooled_interval,
    preference_matrix,
    ring_pairs,
    split_half,
    split_halves,
    split_table,
    splits_effect,
    with_complements,
)

from .planted import CATEGORIES, answers, effect_with_activity_noise, logit_differences


def baseline(seed: int = 0, bias: float = 0.6, noise: float = 0.5, size: int = 64) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return logit_differences(generator.normal(0, 1.5, size), bias=bias, noise=noise, generator=generator)


def asked_only(table: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return np.where(asked, table, np.nan)


class TestRing:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(3, 40), st.integers(2, 45), st.integers(0, 1000))
    def test_regular_symmetric_connected(self, size: int, partners: int, seed: int) -> None:
        asked = ring_pairs(size, partners, seed)
        assert asked.shape == (size, size) and np.array_equal(asked, asked.T) and not asked.diagonal().any()
        degrees = asked.sum(1)
        assert (degrees == min(partners + partners % 2, size - 1)).all()
        assert connected_components(asked)[0] == 1
        np.testing.assert_array_equal(asked, ring_pairs(size, partners, seed))

    @pytest.mark.parametrize("size", [3, 4, 7, 8, 64])
    def test_all_pairs_when_every_other_is_a_partner(self, size: int) -> None:
        np.testing.assert_array_equal(ring_pairs(size, size - 1), ~np.eye(size, dtype=bool))

    def test_the_order_on_the_ring_is_drawn(self) -> None:
        """Activities come category by category: neighbours in the list must not be the only pairs."""
        asked = ring_pairs(64, 6)
        assert (asked != ring_pairs(64, 6, seed=1)).any()
        kinds = np.arange(64) // 8
        assert (kinds[:, None] == kinds[None])[asked].mean() < 0.3

    def test_neighbours_form_triads(self) -> None:
        asked = ring_pairs(64, 6)
        assert sum(asked[i, j] and asked[j, k] and asked[i, k] for i, j, k in combinations(range(64), 3)) == 192

    @pytest.mark.parametrize(("size", "partners"), [(2, 4), (8, 1)])
    def test_refused(self, size: int, partners: int) -> None:
        with pytest.raises(UserError, match="3 options"):
            ring_pairs(size, partners)


class TestEffectMatrix:
    def test_equals_plain_loops(self) -> None:
        asked = ring_pairs(7, 4)
        d0, first, second = (asked_only(baseline(seed, size=7), asked) for seed in range(3))
        ours = effect_matrix(d0, first, second)
        for i in range(7):
            for j in range(7):
                if not asked[i, j]:
                    assert np.isnan(ours[i, j])
                    continue
                as_a = first[i, j] - d0[i, j]  # log-odds of A, the steered option i
                as_b = -(second[j, i] - d0[j, i])  # log-odds of B, the steered option i
                assert ours[i, j] == pytest.approx((as_a + as_b) / 2)

    @pytest.mark.parametrize("effect", [-3.5, 0.0, 0.01, 2.4])
    def test_planted_effect_is_exact_whatever_the_position_bias(self, effect: float) -> None:
        d0 = baseline(2, bias=3.0)
        first, second = answers(d0, np.full((2, 64, 64), effect) * [[[1.0]], [[-2.0]]])
        found = effect_matrix(d0, first + 5.0, second + 5.0)  # and the vector pushes towards A as well: no effect
        off = ~np.eye(64, dtype=bool)
        np.testing.assert_allclose(found[0][off], effect, atol=1e-12)
        np.testing.assert_allclose(found[1][off], -2 * effect, atol=1e-12)

    def test_both_options_steered_alike_can_transfer_nothing(self) -> None:
        d0, anything = baseline(3), baseline(4)
        found = effect_matrix(d0, anything, anything)
        off = ~np.eye(64, dtype=bool)
        np.testing.assert_allclose((found + found.T)[off], 0, atol=1e-12)
        even = split_half(CATEGORIES, "even")
        means = splits_effect(found, np.array([even, ~even]))
        assert abs(means[0]) > 0.01 and means[1] == pytest.approx(-means[0])

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 10_000), st.integers(3, 10))
    def test_symmetries(self, seed: int, size: int) -> None:
        generator = np.random.default_rng(seed)
        d0, first, second = (baseline(seed + k, size=size) for k in range(3))
        found = effect_matrix(d0, first, second)
        order = generator.permutation(size)
        cells = np.ix_(order, order)
        np.testing.assert_allclose(effect_matrix(d0[cells], first[cells], second[cells]), found[cells])
        renamed = effect_matrix(-d0.T, -second.T, -first.T)  # A is called B, and B is called A
        np.testing.assert_allclose(renamed, found, atol=1e-12)
        other_side = effect_matrix(d0, second, first)  # the vector on the other option
        np.testing.assert_allclose(other_side, -found.T, atol=1e-12)

    def test_refused(self) -> None:
        d0 = baseline(5, size=4)
        with pytest.raises(UserError, match="same options"):
            effect_matrix(d0, baseline(5, size=5), baseline(5, size=5))
        with pytest.raises(UserError, match="same options"):
            effect_matrix(d0, np.stack([d0, d0]), d0)
        hole = d0.copy()
        hole[0, 1] = np.nan
        with pytest.raises(UserError, match="same pairs"):
            effect_matrix(d0, np.stack([d0, hole]), np.stack([d0, d0]))
        with pytest.raises(UserError, match="same pairs"):
            effect_matrix(d0, np.full((4, 4), np.nan), d0)


def test_the_preference_of_a_pair_has_no_position_bias() -> None:
    scores = np.random.default_rng(1).normal(0, 1, 9)
    found = preference_matrix(logit_differences(scores, bias=4.0))
    np.testing.assert_allclose(found[~np.eye(9, dtype=bool)], (scores[:, None] - scores)[~np.eye(9, dtype=bool)])


class TestSplits:
    def test_even_odd_and_random_are_stratified(self) -> None:
        splits = split_halves(CATEGORIES, random=10, seed=5)
        assert splits.shape == (12, 64) and splits.dtype == bool
        assert (splits.reshape(12, 8, 8).sum(-1) == 4).all()
        np.testing.assert_array_equal(splits[0], np.arange(64) % 2 == 0)
        np.testing.assert_array_equal(splits[1], ~splits[0])
        assert len({row.tobytes() for row in splits}) == 12
        np.testing.assert_array_equal(splits[2:], split_halves(CATEGORIES, random=10, seed=5)[2:])
        both = with_complements(splits)
        assert both.shape == (24, 64) and (both.sum(0) == 12).all()  # everyone is steered in half of them

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

    def test_split_table_equals_plain_loops(self) -> None:
        d0, first, second = (baseline(seed, size=6) for seed in range(3))
        steered = np.array([True, False, False, True, True, False])
        table = split_table(d0, np.stack([first, d0]), np.stack([second, d0]), steered)
        for i in range(6):
            for j in range(6):
                if i != j:
                    source = d0 if steered[i] == steered[j] else first if steered[i] else second
                    assert table[0, i, j] == source[i, j]
        np.testing.assert_array_equal(table[1], d0)
        with pytest.raises(UserError, match="booleans"):
            split_table(d0, first, second, np.array([1, 0, 1, 0, 1, 0]))


class TestEffectOverSplits:
    splits = split_halves(CATEGORIES, random=3)

    def test_splits_effect_equals_plain_loops(self) -> None:
        asked = ring_pairs(64, 6)
        effects = asked_only(effect_with_activity_noise(64, 0.5, np.random.default_rng(14)), asked)
        means = splits_effect(np.stack([effects, 2 * effects]), self.splits)
        for k, split in enumerate(self.splits):
            cells = [effects[i, j] for i in range(64) for j in range(64) if asked[i, j] and split[i] and not split[j]]
            assert means[0, k] == pytest.approx(np.mean(cells)) and means[1, k] == pytest.approx(2 * np.mean(cells))

    def test_pooled_is_the_mean_over_splits_when_all_pairs_are_asked(self) -> None:
        effects = effect_with_activity_noise(64, 0.5, np.random.default_rng(15))
        assert pooled_effect(effects, self.splits) == pytest.approx(splits_effect(effects, self.splits).mean())

    def test_pooled_counts_every_mixed_pair_of_every_split_once(self) -> None:
        asked = ring_pairs(64, 4)
        effects = asked_only(effect_with_activity_noise(64, 0.5, np.random.default_rng(16)), asked)
        cells = [effects[asked & np.outer(split, ~split)] for split in self.splits]
        assert pooled_effect(effects, self.splits) == pytest.approx(np.concatenate(cells).mean())

    def test_a_contraction_cancels_over_complements_and_not_over_a_split(self) -> None:
        """On a ring as well: the asked pairs are the same from either side."""
        asked = ring_pairs(64, 6)
        d0 = asked_only(baseline(10), asked)
        contraction = -0.3 * preference_matrix(d0)
        assert np.abs(splits_effect(contraction, self.splits)).min() > 1e-3
        alone = self.splits[2:]
        assert abs(pooled_effect(contraction, alone)) > 1e-3
        assert pooled_effect(contraction, with_complements(alone)) == pytest.approx(0, abs=1e-12)
        true = pooled_effect(contraction + 0.7, with_complements(alone))
        assert true == pytest.approx(0.7)

    def test_refused(self) -> None:
        effects = np.full((4, 4), np.nan)
        effects[0, 1] = effects[1, 0] = 1.0
        with pytest.raises(UserError, match="no pair that was asked"):
            pooled_effect(effects, np.array([[True, True, False, False]]))
        with pytest.raises(UserError, match="splits"):
            splits_effect(effects, np.array([True, False, True, False]))
        with pytest.raises(UserError, match="all options or none"):
            pooled_effect(effects, np.ones((1, 4), dtype=bool))


class TestPooledInterval:
    def test_draws_equal_a_slow_plain_reference(self) -> None:
        asked, generator = ring_pairs(8, 4), np.random.default_rng(11)
        effects = np.stack([asked_only(effect_with_activity_noise(8, m, generator), asked) for m in (0.5, -1.0)])
        splits = split_halves(["x"] * 8, random=1)
        ours = pooled_interval(effects, splits, repeats=40, seed=3)
        weights = np.random.default_rng(3).exponential(size=(40, 8))
        draws = np.zeros((40, 2))
        for b, w in enumerate(weights):
            for m in range(2):
                top = bottom = 0.0
                for split in splits:
                    for i in range(8):
                        for j in range(8):
                            if asked[i, j] and split[i] and not split[j]:
                                top, bottom = top + w[i] * w[j] * effects[m, i, j], bottom + w[i] * w[j]
                draws[b, m] = top / bottom
        level = expanded_level(0.95, 8)
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        np.testing.assert_allclose(ours.low, low)
        np.testing.assert_allclose(ours.high, high)
        np.testing.assert_allclose(ours.estimate, pooled_effect(effects, splits))

    @pytest.mark.parametrize(("activity", "pair"), [(0.5, 0.5), (0.5, 0.0), (0.0, 0.5)])
    @pytest.mark.parametrize("partners", [6, 63])
    def test_coverage(self, activity: float, pair: float, partners: int) -> None:
        """(a) A contraction is in the data as well; the interval holds the true effect in 90 of 100 repeats or more."""
        generator, asked = np.random.default_rng(12), ring_pairs(64, partners)
        splits = with_complements(split_halves(CATEGORIES, random=2))
        hits = 0
        for repeat in range(100):
            scores = generator.normal(0, 1.5, 64)
            noise = effect_with_activity_noise(64, 0.3, generator, activity=activity, pair=pair)
            effects = asked_only(noise - 0.2 * (scores[:, None] - scores), asked)
            interval = pooled_interval(effects[None], splits, repeats=200, seed=repeat)
            hits += bool(interval.low[0] <= 0.3 <= interval.high[0])
        assert hits >= 90

    def test_pairs_as_rows_would_be_far_too_narrow(self) -> None:
        effects = effect_with_activity_noise(64, 0.3, np.random.default_rng(13))
        interval = pooled_interval(effects[None], with_complements(split_halves(CATEGORIES, random=0)), repeats=300)
        rows = 2 * 1.96 * effects.std() / np.sqrt(effects.size)
        assert interval.high[0] - interval.low[0] > 3 * rows

    def test_refused(self) -> None:
        with pytest.raises(UserError, match="several conditions"):
            pooled_interval(np.ones((64, 64)), split_halves(CATEGORIES, random=0))


class TestContractionFit:
    def test_tells_contraction_from_effect(self) -> None:
        d0 = asked_only(baseline(10), ring_pairs(64, 6))
        line = contraction_fit(0.4 - 0.3 * preference_matrix(d0), d0)
        assert line.slope == pytest.approx(-0.3) and line.intercept == pytest.approx(0.4)


class TestCyclicTriads:
    @staticmethod
    def brute(preference: np.ndarray) -> float:
        """Share of asked triples in which some way round goes i over j over k over i."""
        found, asked = 0, 0
        for triple in combinations(range(len(preference)), 3):
            if all(np.isfinite(preference[a, b]) for a, b in permutations(triple, 2)):
                asked += 1
                found += any(
                    preference[i, j] > 0 and preference[j, k] > 0 and preference[k, i] > 0
                    for i, j, k in permutations(triple)
                )
        return found / asked

    @pytest.mark.parametrize("partners", [4, 6, 11])
    def test_equals_brute_force(self, partners: int) -> None:
        asked = ring_pairs(12, partners)
        tables = [asked_only(baseline(s, noise=3.0, size=12), asked) for s in range(3)]
        shares = [self.brute(preference_matrix(table)) for table in tables]
        assert max(shares) > 0
        np.testing.assert_allclose(cyclic_triads(np.array(tables)), shares)

    def test_equals_kendall_s_formula_for_a_complete_tournament(self) -> None:
        """Kendall and Babington Smith 1940: n (n - 1) (2 n - 1) / 12 - sum of squared wins / 2 circular triads."""
        table = np.random.default_rng(3).standard_normal((15, 15))
        wins = (preference_matrix(table) > 0).sum(1)
        circular = 15 * 14 * 29 / 12 - (wins**2).sum() / 2
        assert cyclic_triads(table) == pytest.approx(circular / (15 * 14 * 13 / 6))

    def test_order_coin_flips_ties_and_nothing_asked(self) -> None:
        assert cyclic_triads(logit_differences(np.arange(20.0), bias=9.0)) == 0
        flips = np.random.default_rng(4).standard_normal((200, 12, 12))
        assert cyclic_triads(flips).mean() == pytest.approx(0.25, abs=0.01)
        # A model that no longer tells the options apart: each tie is a coin flip, not an order.
        assert cyclic_triads(np.full((6, 6), 2.0)) == pytest.approx(0.25)
        one_tie = logit_differences(np.array([2.0, 1.0, 0.0]))
        one_tie[0, 2] = one_tie[2, 0] = 0.0
        assert cyclic_triads(one_tie) == pytest.approx(0.5)  # 0 > 1 > 2, and 2 over 0 half of the time
        assert np.isnan(cyclic_triads(asked_only(flips[0], ring_pairs(12, 2))))
