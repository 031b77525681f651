"""Scores against closed forms, choix, evalica and a slow Elo written the plain way."""

from __future__ import annotations

import choix
import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from emotion_vectors.errors import UserError
from emotion_vectors.stats.scores import (
    bradley_terry,
    bradley_terry_many,
    elo,
    elo_many,
    elo_pass,
    elo_to_nats,
    nats_to_elo,
    pair_win_probability,
    position_bias,
    preference_spread,
)
from emotion_vectors.stats.steering import ring_pairs

from .planted import logit_differences


def random_wins(size: int, seed: int, spread: float = 1.5) -> np.ndarray:
    """Soft outcomes that no set of scores fits exactly."""
    generator = np.random.default_rng(seed)
    difference = logit_differences(generator.normal(0, spread, size), bias=0.7, noise=1.0, generator=generator)
    return pair_win_probability(difference)


def hard_wins(size: int, games: int, seed: int) -> np.ndarray:
    """Counts (n, n) of games that i won against j, of `games` for each pair, no option without a win and a loss."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, 1, size)
    upper = np.triu(generator.binomial(games, expit(scores[:, None] - scores[None, :])), 1)
    return upper + np.tril((games - upper).T, -1)


class TestUnits:
    def test_published_factor(self) -> None:
        assert nats_to_elo(1.0) - nats_to_elo(0.0) == pytest.approx(173.7178, abs=1e-4)
        assert nats_to_elo(logit(10 / 11)) == pytest.approx(1400.0)  # 400 points are odds of 10 to 1

    def test_inverse_and_centre(self) -> None:
        nats = np.array([-2.0, 0.0, 3.5])
        np.testing.assert_allclose(elo_to_nats(nats_to_elo(nats)), nats)
        np.testing.assert_allclose(nats_to_elo(nats, centre=0), nats_to_elo(nats) - 1000)


class TestPairs:
    def test_both_orders_by_hand(self) -> None:
        difference = np.array([[np.nan, 1.0], [-0.5, np.nan]])
        wins = pair_win_probability(difference)
        assert wins[0, 1] == pytest.approx((1 / (1 + np.exp(-1.0)) + 1 / (1 + np.exp(-0.5))) / 2)
        assert wins[0, 1] + wins[1, 0] == pytest.approx(1)
        assert np.isnan(wins[0, 0])

    def test_bias_and_spread_are_separated(self) -> None:
        scores = np.random.default_rng(0).normal(0, 2, 40)
        difference = logit_differences(scores, bias=1.25)
        assert position_bias(difference) == pytest.approx(1.25)
        gaps = scores[:, None] - scores[None, :]
        assert preference_spread(difference) == pytest.approx(np.sqrt((gaps**2).sum() / (40 * 39)))
        assert preference_spread(logit_differences(np.zeros(10), bias=3.0)) == pytest.approx(0, abs=1e-12)

    def test_the_diagonal_is_never_read(self) -> None:
        difference = logit_differences(np.arange(5.0))
        filled = difference.copy()
        np.fill_diagonal(filled, 1e6)
        np.testing.assert_array_equal(pair_win_probability(difference), pair_win_probability(filled))
        assert position_bias(filled) == position_bias(difference)

    @pytest.mark.parametrize("bad", [np.zeros((3, 4)), np.zeros((1, 1)), np.zeros(5), np.full((3, 3), np.nan)])
    def test_bad_input_is_refused(self, bad: np.ndarray) -> None:
        with pytest.raises(UserError):
            pair_win_probability(bad)


class TestBradleyTerry:
    @pytest.mark.parametrize("p", [0.5, 0.73, 0.001, 1 - 1e-9])
    def test_two_options_are_the_logit(self, p: float) -> None:
        scores = bradley_terry(np.array([[np.nan, p], [1 - p, np.nan]]))
        assert scores[0] - scores[1] == pytest.approx(logit(p), rel=1e-6)
        assert scores.sum() == pytest.approx(0, abs=1e-12)

    @pytest.mark.parametrize("spread", [0.01, 1.0, 3.0, 10.0])
    def test_planted_scores_are_recovered_exactly(self, spread: float) -> None:
        scores = np.linspace(-spread, spread, 64)
        np.random.default_rng(1).shuffle(scores)
        wins = expit(scores[:, None] - scores[None, :])
        np.testing.assert_allclose(bradley_terry(wins), scores - scores.mean(), atol=1e-9)

    @pytest.mark.parametrize("seed", range(3))
    def test_equals_choix_on_soft_outcomes(self, seed: int) -> None:
        wins = random_wins(20, seed)
        table = np.nan_to_num(wins, nan=0.0)
        theirs = choix.ilsr_pairwise_dense(table, max_iter=1000, tol=1e-12)
        np.testing.assert_allclose(bradley_terry(wins), theirs - theirs.mean(), atol=1e-6)

    def test_equals_choix_with_unequal_weights_and_missing_pairs(self) -> None:
        generator = np.random.default_rng(5)
        wins = random_wins(15, 5)
        weights = np.triu(generator.integers(0, 4, (15, 15)), 1).astype(float)
        weights += weights.T
        theirs = choix.ilsr_pairwise_dense(np.nan_to_num(weights * wins, nan=0.0), max_iter=2000, tol=1e-12)
        np.testing.assert_allclose(bradley_terry(wins, weights), theirs - theirs.mean(), atol=1e-6)

    def test_equals_a_general_optimiser(self) -> None:
        wins = random_wins(8, 11)

        def loss(scores: np.ndarray) -> float:
            gap = scores[:, None] - scores[None, :]
            return -np.nansum(wins * log_expit(gap)) + scores.sum() ** 2

        found = minimize(loss, np.zeros(8), method="BFGS", options={"gtol": 1e-9}).x
        np.testing.assert_allclose(bradley_terry(wins), found, atol=1e-5)

    def test_equals_evalica_on_hard_outcomes(self) -> None:
        counts = hard_wins(8, 20, 3)
        xs, ys = zip(*[(str(i), str(j)) for i, j in np.argwhere(counts > 0) for _ in range(counts[i, j])], strict=True)
        theirs = evalica.bradley_terry(xs, ys, [evalica.Winner.X] * len(xs), tolerance=1e-12, limit=10_000).scores
        theirs = np.log(np.array([theirs[str(index)] for index in range(8)]))
        wins = counts / (counts + counts.T + np.eye(8))
        np.testing.assert_allclose(bradley_terry(wins), theirs - theirs.mean(), atol=1e-5)

    def test_many_equals_one_by_one(self) -> None:
        tables = np.array([random_wins(12, seed, spread) for seed, spread in enumerate((0.01, 1.0, 4.0))])
        np.testing.assert_allclose(bradley_terry_many(tables), [bradley_terry(table) for table in tables], atol=1e-10)

    def test_a_chain_of_comparisons_adds_up(self) -> None:
        """Only neighbours were compared: every gap is the logit of its own pair, with no pull from the others."""
        p = np.array([0.6, 0.9, 0.3, 0.55, 0.999, 0.2])
        wins, weights = np.full((7, 7), 0.5), np.zeros((7, 7))
        for low, value in enumerate(p):
            wins[low, low + 1], wins[low + 1, low] = value, 1 - value
            weights[low, low + 1] = weights[low + 1, low] = low + 1
        np.testing.assert_allclose(-np.diff(bradley_terry(wins, weights)), logit(p), atol=1e-8)

    def test_the_start_only_saves_steps(self) -> None:
        tables = np.array([random_wins(12, seed, 3.0) for seed in range(3)])
        start = np.random.default_rng(0).normal(0, 20, 12)
        np.testing.assert_allclose(bradley_terry_many(tables, start=start), bradley_terry_many(tables), atol=1e-9)

    def test_extreme_group_is_still_placed(self) -> None:
        scores = np.r_[np.full(8, -12.0), np.full(8, 12.0)]
        wins = expit(scores[:, None] - scores[None, :])
        np.testing.assert_allclose(bradley_terry(wins), scores, atol=1e-6)

    @settings(max_examples=25, deadline=None)
    @given(st.integers(2, 9), st.integers(0, 10_000))
    def test_relabelling_moves_the_scores_along(self, size: int, seed: int) -> None:
        wins = random_wins(size, seed)
        order = np.random.default_rng(seed).permutation(size)
        np.testing.assert_allclose(bradley_terry(wins[np.ix_(order, order)]), bradley_terry(wins)[order], atol=1e-8)

    @settings(max_examples=25, deadline=None)
    @given(st.integers(2, 9), st.integers(0, 10_000))
    def test_turning_every_outcome_negates_the_scores(self, size: int, seed: int) -> None:
        wins = random_wins(size, seed)
        np.testing.assert_allclose(bradley_terry(wins.T), -bradley_terry(wins), atol=1e-8)
        assert abs(bradley_terry(wins).sum()) < 1e-9

    def test_unconnected_options_are_refused(self) -> None:
        weights = np.zeros((4, 4))
        weights[0, 1] = weights[1, 0] = weights[2, 3] = weights[3, 2] = 1
        with pytest.raises(UserError, match="2 unconnected groups"):
            bradley_terry(np.full((4, 4), 0.5), weights)

    def test_options_that_never_take_a_point_are_refused(self) -> None:
        wins = np.full((3, 3), 0.5)
        wins[0, 1:], wins[1:, 0] = 1.0, 0.0
        with pytest.raises(UserError, match="no finite value"):
            bradley_terry(wins)

    @pytest.mark.parametrize(("above", "below"), [(0.7, 0.7), (1.2, -0.2), (np.nan, 0.5)])
    def test_what_is_no_probability_is_refused(self, above: float, below: float) -> None:
        with pytest.raises(UserError):
            bradley_terry(np.array([[0.5, above], [below, 0.5]]))

    def test_asymmetric_weights_are_refused(self) -> None:
        with pytest.raises(UserError, match="symmetric"):
            bradley_terry(np.full((2, 2), 0.5), np.array([[0.0, 1.0], [2.0, 0.0]]))


class TestElo:
    def test_one_pass_equals_evalica_on_hard_outcomes(self) -> None:
        generator = np.random.default_rng(2)
        wins = np.triu(generator.integers(0, 2, (10, 10)), 1).astype(float)
        wins += np.tril(1 - wins.T, -1)
        pairs = generator.permutation(np.argwhere(np.triu(np.ones((10, 10)), 1)))
        winners = [evalica.Winner.X if wins[i, j] else evalica.Winner.Y for i, j in pairs]
        xs, ys = ([str(option) for option in pairs[:, side]] for side in (0, 1))
        theirs = evalica.elo(xs, ys, winners, initial=1000.0, base=10.0, scale=400.0, k=32.0).scores
        ours = elo_pass(np.full((1, 1, 10), 1000.0), wins[None], pairs[None], 32.0)[0, 0]
        np.testing.assert_allclose(ours, [theirs[str(index)] for index in range(10)], atol=1e-9)

    def test_one_pass_equals_plain_loops_on_soft_outcomes(self) -> None:
        wins = random_wins(9, 4)
        pairs = np.random.default_rng(0).permutation(np.argwhere(np.triu(np.ones((9, 9)), 1)))
        plain = [1000.0] * 9
        for i, j in pairs:
            expected = 1 / (1 + 10 ** ((plain[j] - plain[i]) / 400))
            move = 32 * (wins[i, j] - expected)
            plain[i], plain[j] = plain[i] + move, plain[j] - move
        ours = elo_pass(np.full((1, 1, 9), 1000.0), wins[None], pairs[None], 32.0)[0, 0]
        np.testing.assert_allclose(ours, plain, atol=1e-9)

    def test_consistent_preferences_converge_to_bradley_terry_and_stop_early(self) -> None:
        scores = np.random.default_rng(3).normal(0, 1, 64)
        wins = expit(scores[:, None] - scores[None, :])
        result = elo(wins, passes=200, tolerance=0.01)
        np.testing.assert_allclose(result.scores, nats_to_elo(bradley_terry(wins)), atol=0.5)
        assert result.passes.shape == (10,) and result.passes.max() < 60
        assert result.order_spread.max() < 0.5

    def test_stops_after_the_asked_number_of_passes(self) -> None:
        assert elo(random_wins(16, 0), passes=3, tolerance=0.0).passes.tolist() == [3] * 10

    def test_zero_sum(self) -> None:
        result = elo(random_wins(30, 8))
        assert result.scores.mean() == pytest.approx(1000, abs=1e-9)

    def test_seed_fixes_the_result_and_orders_tame_it(self) -> None:
        wins = random_wins(24, 6)
        np.testing.assert_array_equal(elo(wins, seed=4).scores, elo(wins, seed=4).scores)
        assert np.abs(elo(wins, seed=4).scores - elo(wins, seed=5).scores).max() > 0
        single = elo(wins, orders=1, seed=4).scores - elo(wins, orders=1, seed=5).scores
        averaged = elo(wins, orders=40, seed=4).scores - elo(wins, orders=40, seed=5).scores
        assert averaged.std() < single.std() / 3

    def test_a_table_does_not_depend_on_its_batch(self) -> None:
        tables = np.array([random_wins(6, seed) for seed in range(70)])
        many = elo_many(tables, passes=3, orders=2)
        for index in (0, 63, 64, 69):
            np.testing.assert_allclose(many.scores[index], elo(tables[index], passes=3, orders=2).scores)

    def test_only_asked_pairs_play(self) -> None:
        """One order of updates by plain loops: the same draws of the order, and no pair that was not asked."""
        wins, asked = random_wins(9, 4), ring_pairs(9, 4)
        pairs = [(i, j) for i in range(9) for j in range(i + 1, 9) if asked[i, j]]
        generator, plain = np.random.default_rng(7), [1000.0] * 9
        for _ in range(3):
            for index in generator.permuted(np.arange(len(pairs))[None], axis=1)[0]:
                i, j = pairs[index]
                move = 32 * (wins[i, j] - 1 / (1 + 10 ** ((plain[j] - plain[i]) / 400)))
                plain[i], plain[j] = plain[i] + move, plain[j] - move
        options = {"passes": 3, "orders": 1, "tolerance": 0.0, "seed": 7}
        np.testing.assert_allclose(elo_many(wins[None], asked=asked, **options).scores[0], plain, atol=1e-9)
        other = np.where(asked, wins, 0.99)  # what was not asked may hold anything
        np.testing.assert_allclose(elo_many(other[None], asked=asked, **options).scores[0], plain, atol=1e-9)

    def test_asking_all_is_the_default(self) -> None:
        wins = random_wins(9, 4)
        np.testing.assert_array_equal(elo_many(wins[None], asked=np.ones((9, 9))).scores, elo_many(wins[None]).scores)

    @pytest.mark.parametrize("bad", [{"passes": 0}, {"k": 0.0}, {"orders": 0}, {"tolerance": -1.0}])
    def test_bad_settings_are_refused(self, bad: dict) -> None:
        with pytest.raises(UserError):
            elo(random_wins(4, 0), **bad)
