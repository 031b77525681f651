"""Scores refitted under steering: what a nat is worth, zero-sum, on all pairs and on a ring, and Hong's trap."""

from __future__ import annotations

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from emotion_vectors.errors import UserError
from emotion_vectors.stats.scores import ELO_PER_NAT, bradley_terry, pair_win_probability
from emotion_vectors.stats.steering import (
    effect_matrix,
    elo_change,
    pooled_effect,
    refit_change,
    ring_pairs,
    split_half,
    split_halves,
    split_table,
    splits_effect,
)

from .planted import CATEGORIES, answers, logit_differences
from .test_steering import asked_only, baseline


def steer(d0: np.ndarray, effect: float, steered: np.ndarray) -> np.ndarray:
    """The table of one split when every mixed pair gets `effect` nats for its steered option."""
    return split_table(d0, *answers(d0, np.full(d0.shape, effect)), steered)


class TestRefit:
    @pytest.mark.parametrize("effect", [-2.0, 1.0])
    def test_one_nat_moves_the_steered_half_by_half_a_nat(self, effect: float) -> None:
        """Exact: without position bias and noise, adding e / 2 to one half and -e / 2 to the other fits every pair."""
        d0 = logit_differences(np.random.default_rng(6).normal(0, 1.5, 64))
        steered = split_half(CATEGORIES, "even")
        table = steer(d0, effect, steered)
        result = refit_change(d0, table, steered)
        assert result.steered == pytest.approx(effect / 2, abs=1e-8)
        assert result.difference == pytest.approx(effect, abs=1e-8)
        assert result.steered * ELO_PER_NAT == pytest.approx(86.86 * effect, abs=0.01)
        assert elo_change(d0, table, steered, passes=100) == pytest.approx(86.86 * effect, abs=1.5)

    def test_unequal_halves(self) -> None:
        d0 = logit_differences(np.random.default_rng(7).normal(0, 1, 20))
        steered = np.arange(20) < 5
        result = refit_change(d0, steer(d0, 0.8, steered), steered)
        assert result.difference == pytest.approx(0.8, abs=1e-8)
        assert result.steered == pytest.approx(0.8 * 0.75, abs=1e-8)

    def test_position_bias_shrinks_the_refit_and_not_the_effect(self) -> None:
        d0 = logit_differences(np.random.default_rng(8).normal(0, 1, 32), bias=4.0)
        steered = split_half(["x"] * 32, "even")
        assert pooled_effect(effect_matrix(d0, *answers(d0, np.ones((32, 32)))), steered[None]) == pytest.approx(1.0)
        assert 0 < refit_change(d0, steer(d0, 1.0, steered), steered).difference < 0.8

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 10_000), st.sampled_from([4, 11]))
    def test_zero_sum_whatever_happens(self, seed: int, partners: int) -> None:
        asked = ring_pairs(12, partners, seed)
        d0, d1 = (asked_only(baseline(seed + k, size=12), asked) for k in range(2))
        steered = split_half(["x"] * 12, "random", seed)
        result = refit_change(d0, d1, steered)
        assert result.zero_sum_error < 1e-9
        assert result.difference == pytest.approx(2 * result.steered, abs=1e-9)
        assert elo_change(d0, d1, steered, passes=2, orders=2) == pytest.approx(
            -elo_change(d0, d1, ~steered, passes=2, orders=2), abs=1e-7
        )

    def test_fields_are_the_fits(self) -> None:
        d0 = baseline(9, size=16)
        steered = split_half(["x"] * 16, "odd")
        d1 = np.array([steer(d0, effect, steered) for effect in (0.0, 1.5)])
        result = refit_change(d0, d1, steered)
        np.testing.assert_allclose(result.before, bradley_terry(pair_win_probability(d0)))
        np.testing.assert_allclose(result.after[1], bradley_terry(pair_win_probability(d1[1])))
        change = result.after[1] - result.before
        assert result.steered[1] == pytest.approx(change[steered].mean())
        assert result.difference[1] == pytest.approx(change[steered].mean() - change[~steered].mean())
        assert result.after.shape == (2, 16) and result.steered.shape == result.zero_sum_error.shape == (2,)
        moved = elo_change(d0, d1, steered)
        assert result.difference[0] == 0 and moved[0] == 0  # nothing steered, same orders of updates
        assert elo_change(d0, d1[1], steered) == pytest.approx(moved[1])

    def test_on_a_ring_it_is_choix_on_the_asked_pairs(self) -> None:
        asked = ring_pairs(16, 4)
        full = [baseline(seed, size=16) for seed in (9, 10)]
        d0, d1 = (asked_only(table, asked) for table in full)
        steered = split_half(["x"] * 16, "even")
        result = refit_change(d0, d1, steered)
        for ours, table in ((result.before, full[0]), (result.after, full[1])):
            wins = np.zeros((16, 16))
            for i, j in np.argwhere(asked):
                wins[i, j] = (expit(table[i, j]) + expit(-table[j, i])) / 2
            theirs = choix.ilsr_pairwise_dense(wins, max_iter=5000, tol=1e-12)
            np.testing.assert_allclose(ours, theirs - theirs.mean(), atol=1e-6)

    def test_one_nat_on_a_ring(self) -> None:
        d0 = asked_only(logit_differences(np.random.default_rng(6).normal(0, 1.5, 64)), ring_pairs(64, 6))
        steered = split_half(CATEGORIES, "even")
        # Pairs inside a half keep their values, so on a ring, as with all pairs, no scores fit but these.
        assert refit_change(d0, steer(d0, 1.0, steered), steered).difference == pytest.approx(1.0, abs=1e-8)

    def test_elo_on_a_ring_equals_plain_loops_over_the_asked_pairs(self) -> None:
        asked = ring_pairs(10, 4)
        tables = [asked_only(baseline(seed, size=10), asked) for seed in (9, 10)]
        pairs = [(i, j) for i in range(10) for j in range(i + 1, 10) if asked[i, j]]
        order = np.random.default_rng(5).permuted(np.arange(len(pairs))[None], axis=1)[0]
        ends = []
        for table in tables:
            rating = [1000.0] * 10
            for i, j in (pairs[index] for index in order):
                won = (expit(table[i, j]) + expit(-table[j, i])) / 2
                move = 24 * (won - 1 / (1 + 10 ** ((rating[j] - rating[i]) / 400)))
                rating[i], rating[j] = rating[i] + move, rating[j] - move
            ends.append(np.array(rating))
        steered = split_half(["x"] * 10, "even")
        moved = elo_change(*tables, steered, k=24, passes=1, orders=1, seed=5)
        assert moved == pytest.approx((ends[1] - ends[0])[steered].mean())

    def test_refused(self) -> None:
        d0, steered = baseline(1, size=8), split_half(["x"] * 8, "even")
        hole = d0.copy()
        hole[0, 1] = np.nan
        for first, second in ((d0, hole), (hole, d0)):  # asked in one order, or by one of both
            with pytest.raises(UserError, match="same pairs"):
                refit_change(first, second, steered)
        with pytest.raises(UserError, match="same options"):
            refit_change(d0, baseline(1, size=9), steered)
        with pytest.raises(UserError, match="booleans"):
            refit_change(d0, d0, steered.astype(float))


class TestContractionTrap:
    """Why the earlier reproduction came out inverted: the same vector on both options only contracts preferences."""

    d0 = baseline(10, noise=0.0)
    contracted = 0.7 * d0

    def test_the_half_s_change_has_the_sign_of_its_own_imbalance_and_flips_with_the_half(self) -> None:
        even, odd = split_half(CATEGORIES, "even"), split_half(CATEGORIES, "odd")
        first, second = (refit_change(self.d0, self.contracted, split) for split in (even, odd))
        imbalance = first.before[even].mean()
        assert abs(imbalance) > 0.05 and abs(first.steered) > 0.01
        assert np.sign(first.steered) == -np.sign(imbalance)
        assert second.steered == pytest.approx(-first.steered, abs=1e-12)
        points = [float(elo_change(self.d0, self.contracted, split)) for split in (even, odd)]
        assert np.sign(points[0]) == -np.sign(points[1]) == np.sign(first.steered)

    def test_emotions_that_contract_by_different_amounts_give_r_of_one_with_either_sign(self) -> None:
        """Hong's |r| > 0.9: a correlation with r is made by the split, not by the vectors."""
        strength = np.linspace(0.05, 0.6, 12)
        runs = np.array([(1 - amount) * self.d0 for amount in strength])
        by_half = [
            np.corrcoef(strength, refit_change(self.d0, runs, split_half(CATEGORIES, kind)).steered)[0, 1]
            for kind in ("even", "odd")
        ]
        assert abs(by_half[0]) > 0.9 and np.sign(by_half[0]) == -np.sign(by_half[1])

    def test_over_random_splits_it_averages_out(self) -> None:
        means = splits_effect(
            effect_matrix(self.d0, self.contracted, self.contracted), split_halves(CATEGORIES, random=400)
        )
        assert abs(means[0]) > 0.02
        assert means[0] + means[1] == pytest.approx(0, abs=1e-12)
        assert abs(means[2:].mean()) < 3 * means.std() / np.sqrt(400)
