"""Nulls against scipy, exact enumeration and the chance that they claim."""

from __future__ import annotations

from itertools import permutations as all_orders

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from emotion_vectors.errors import UserError
from emotion_vectors.stats.nulls import (
    argmax_match_null,
    false_discovery,
    permutation_p,
    permuted_rows,
    predictive_p,
    random_directions,
    role_count_null,
    sign_test,
)


class TestP:
    def test_by_hand(self) -> None:
        null = np.array([1.0, 2.0, 3.0, 4.0])
        assert permutation_p(3.0, null, "greater") == pytest.approx(3 / 5)
        assert permutation_p(3.0, null, "less") == pytest.approx(4 / 5)
        assert permutation_p(9.0, null, "two-sided") == pytest.approx(2 / 5)
        assert permutation_p(2.5, null, "two-sided") == 1

    def test_never_zero(self) -> None:
        assert permutation_p(1e9, np.zeros(999), "greater") == pytest.approx(1 / 1000)

    def test_equals_scipy(self) -> None:
        generator = np.random.default_rng(0)
        sample = generator.normal(0.3, 1, 20)
        for alternative in ("greater", "less", "two-sided"):
            theirs = stats.permutation_test(
                (sample,), np.mean, permutation_type="samples", n_resamples=499, alternative=alternative, rng=1
            )
            ours = permutation_p(theirs.statistic, theirs.null_distribution, alternative)
            assert ours == pytest.approx(theirs.pvalue)

    def test_columns(self) -> None:
        null = np.random.default_rng(1).normal(size=(99, 3))
        together = permutation_p([0.0, 1.0, 2.0], null)
        np.testing.assert_allclose(together, [permutation_p(v, null[:, i]) for i, v in enumerate([0.0, 1.0, 2.0])])

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.floats(-5, 5))
    def test_negating_all_swaps_the_sides(self, null: list[float], value: float) -> None:
        assert permutation_p(value, null, "greater") == permutation_p(-value, -np.array(null), "less")


class TestPredictiveP:
    def test_is_the_t_test_of_one_new_draw(self) -> None:
        null = np.random.default_rng(2).normal(1, 2, 10)
        t = (5.0 - null.mean()) / (null.std(ddof=1) * np.sqrt(1 + 1 / 10))
        assert predictive_p(5.0, null) == pytest.approx(stats.t.sf(t, 9))
        assert predictive_p(5.0, null, "two-sided") == pytest.approx(2 * stats.t.sf(t, 9))
        assert predictive_p(5.0, null, "less") == pytest.approx(stats.t.cdf(t, 9))

    def test_calibrated_with_ten_draws_where_counting_never_can_be(self) -> None:
        generator = np.random.default_rng(3)
        draws = generator.normal(size=(2000, 11))
        p = np.array([predictive_p(row[0], row[1:]) for row in draws])
        assert 0.035 < (p <= 0.05).mean() < 0.065
        assert min(float(permutation_p(row[0], row[1:])) for row in draws) > 0.05

    def test_null_without_spread(self) -> None:
        assert predictive_p(0.0, np.zeros(10), "two-sided") == 1
        # Ten draws that are all alike can't give a p value below 1 / 11.
        assert predictive_p(1.0, np.zeros(10)) == pytest.approx(1 / 11)
        assert predictive_p(-1.0, np.zeros(10), "less") == pytest.approx(1 / 11)
        assert predictive_p(-1.0, np.zeros(10)) == 1
        with pytest.raises(UserError):
            predictive_p(1.0, [0.0, 1.0])


def test_rows_move_only_within_their_stratum() -> None:
    strata = ["low"] * 32 + ["high"] * 32
    moved = permuted_rows(64, strata, 20, 0)
    assert ((moved < 32) == (np.arange(64) < 32)).all() and (np.sort(moved, axis=1) == np.arange(64)).all()
    free = permuted_rows(64, None, 20, 0)
    assert ((free < 32) != (np.arange(64) < 32)).any() and (np.sort(free, axis=1) == np.arange(64)).all()
    assert (permuted_rows(3, None, 6000, 1) == np.arange(3)).all(axis=1).mean() == pytest.approx(1 / 6, abs=0.02)


def test_false_discovery_equals_scipy_and_leaves_nan_out() -> None:
    p = np.random.default_rng(9).uniform(size=20) ** 2
    np.testing.assert_allclose(false_discovery(p), stats.false_discovery_control(p))
    with_gap = np.insert(p, 5, np.nan)
    q = false_discovery(with_gap)
    assert np.isnan(q[5])
    np.testing.assert_allclose(np.delete(q, 5), stats.false_discovery_control(p))
    assert np.isnan(false_discovery([np.nan])).all()


class TestDirections:
    def test_unit_uniform_and_seeded(self) -> None:
        directions = random_directions(4000, 12, seed=1)
        np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
        assert np.abs(directions.mean(0)).max() < 0.02
        np.testing.assert_allclose(directions.T @ directions / 4000, np.eye(12) / 12, atol=0.01)
        np.testing.assert_array_equal(directions, random_directions(4000, 12, seed=1))

    def test_orthogonal_to_a_span_with_repeated_vectors(self) -> None:
        given_vectors = np.random.default_rng(10).normal(size=(20, 64)) * 1e3
        given_vectors = np.vstack([given_vectors, given_vectors.mean(0), given_vectors[0]])
        directions = random_directions(7, 64, orthogonal_to=given_vectors, seed=2)
        np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
        assert np.abs(directions @ given_vectors.T / np.linalg.norm(given_vectors, axis=1)).max() < 1e-12

    def test_rounding_of_centred_vectors_turns_no_direction(self) -> None:
        """They sum to zero, so what float32 leaves of their last dimension is noise, and no part of their span."""
        exact = np.random.default_rng(11).normal(size=(12, 32))
        exact -= exact.mean(0)
        noise = np.random.default_rng(12).normal(size=exact.shape)
        drawn = [
            random_directions(5, 32, orthogonal_to=vectors.astype(np.float32).astype(float), seed=2)
            for vectors in (exact, exact * (1 + 1e-7 * noise))
        ]
        np.testing.assert_allclose(*drawn, atol=1e-5)

    def test_full_span_is_refused(self) -> None:
        with pytest.raises(UserError, match="span all 5"):
            random_directions(3, 5, orthogonal_to=np.eye(5))


class TestMatches:
    def test_by_hand(self) -> None:
        matrix = np.array([[3.0, 1.0, 2.0], [2.0, 0.0, 3.0], [1.0, 2.0, 1.0]])
        result = argmax_match_null(matrix, [0, 1, 2], permutations=10)
        assert result.ranks.tolist() == [1, 3, 3]
        assert result.matches == 1 and result.mean_rank == pytest.approx(7 / 3)

    def test_null_equals_all_permutations(self) -> None:
        matrix = np.random.default_rng(11).normal(size=(5, 5))
        result = argmax_match_null(matrix, range(5), permutations=20_000, seed=3)
        ranks = stats.rankdata(-matrix, axis=0)
        picked = np.array([ranks[list(order), range(5)] for order in all_orders(range(5))])
        for value in range(6):
            exact = ((picked == 1).sum(1) == value).mean()
            assert (result.null_matches == value).mean() == pytest.approx(exact, abs=0.012)
        assert result.null_mean_rank.mean() == pytest.approx(picked.mean(), abs=0.02)

    def test_probes_that_see_nothing_match_nothing(self) -> None:
        result = argmax_match_null(np.zeros((12, 12)), range(12), permutations=50)
        assert result.matches == 0 and result.mean_rank == 6.5

    def test_one_probe_that_wins_everywhere_is_chance(self) -> None:
        """The uncentred cosine trap: a component common to all prompts gives one match, as does every permutation."""
        matrix = np.random.default_rng(12).normal(0, 0.01, (12, 12))
        matrix[3] += 1
        result = argmax_match_null(matrix, range(12), permutations=500)
        assert result.matches == 1 and (result.null_matches == 1).all()

    def test_choosing_the_layer_is_in_the_null(self) -> None:
        generator = np.random.default_rng(13)
        rejected = naive = 0
        for repeat in range(100):
            layers = generator.normal(size=(10, 12, 12))
            result = argmax_match_null(layers, range(12), permutations=199, seed=repeat)
            rejected += permutation_p(result.matches, result.null_matches) <= 0.05
            best = layers[np.argmax((result.ranks == 1).sum(1))]
            alone = argmax_match_null(best, range(12), permutations=199, seed=repeat)
            assert alone.matches == result.matches
            naive += permutation_p(alone.matches, alone.null_matches) <= 0.05
        assert rejected <= 8
        assert naive >= 10  # best of 10 layers, each with a chance of 1.9 % of 4 matches or more: 17 expected

    def test_bad_targets_are_refused(self) -> None:
        for targets in ([0, 1], [0, 1, 3], [-1, 0, 1]):
            with pytest.raises(UserError):
                argmax_match_null(np.zeros((3, 3)), targets)


class TestCounts:
    def test_sign_test_equals_the_binomial_sum(self) -> None:
        result = sign_test(28, 36)
        assert result.p == pytest.approx(sum(stats.binom.pmf(k, 36, 0.5) for k in range(28, 37)))
        assert result.expected == 18
        assert stats.binom.sf(result.upper, 36, 0.5) < 0.05 <= stats.binom.sf(result.upper - 1, 36, 0.5)
        with pytest.raises(UserError):
            sign_test(3, 2)

    def test_roles_with_independent_hits_are_binomial(self) -> None:
        hits = np.random.default_rng(14).uniform(size=(400, 4, 6)) < 0.5
        counts = role_count_null(hits, repeats=3000)
        assert counts.mean() == pytest.approx(12, abs=0.3)
        assert counts.std() == pytest.approx(np.sqrt(6), abs=0.3)

    def test_tests_that_share_a_direction_stay_dependent(self) -> None:
        """Six templates with the same sign are one observation, not six: only multiples of 6 occur."""
        hits = np.repeat(np.random.default_rng(15).uniform(size=(100, 4, 1)) < 0.5, 6, axis=2)
        counts = role_count_null(hits, repeats=500)
        assert set(counts.tolist()) == {0.0, 6.0, 12.0, 18.0, 24.0}

    def test_no_direction_plays_two_roles_when_there_are_enough(self) -> None:
        hits = np.zeros((5, 5), dtype=bool)
        hits[2] = True
        assert (role_count_null(hits, repeats=200) == 1).all()
        few = np.zeros((2, 5), dtype=bool)
        few[0] = True
        assert set(role_count_null(few, repeats=500).tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}

    def test_refused(self) -> None:
        with pytest.raises(UserError):
            role_count_null(np.ones((3, 3)))
