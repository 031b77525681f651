"""Profiles of steered conditions against numpy and a plain analysis of variance, and what planted effects give."""

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.stats import profiles
from emotion_vectors.stats.steering import ring_pairs

N, M = 24, 6


def table(vector=0.0, option=0.0, both=0.0, partner=0.0, seed=0):
    """Effects (M, N, N): per vector, per option, of both together, and of pairs; NaN where the ring does not ask."""
    g = np.random.default_rng(seed)
    found = (
        vector * g.standard_normal((M, 1, 1))
        + option * g.standard_normal((1, N, 1))
        + both * g.standard_normal((M, N, 1))
    )
    found = found + partner * g.standard_normal((M, N, N))
    return np.where(ring_pairs(N, 6), found, np.nan)


def plain(effects, weights):
    """The five statistics for one set of weights, by loops and `np.cov`."""
    rows = np.array([
        [np.average(one[i][np.isfinite(one[i])], weights=weights[np.isfinite(one[i])]) for i in range(N)] for one in effects
    ])  # fmt: skip
    cov = np.cov(rows, aweights=weights)
    r = cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    pairs = [r[i, j] for i in range(M) for j in range(M) if i != j]
    grand = np.average(rows, axis=1, weights=weights).mean()
    sums = np.zeros(3)
    for i in range(N):
        for k in range(M):
            a, b = rows[:, i].mean() - grand, np.average(rows[k], weights=weights) - grand
            sums += weights[i] * np.array([a**2, b**2, (rows[k, i] - grand - a - b) ** 2])
    total = sum(weights[i] * (rows[k, i] - grand) ** 2 for i in range(N) for k in range(M))
    return np.array([np.mean(pairs), np.mean(np.abs(pairs)), *(sums / total)])


def test_statistics_are_those_of_plain_loops():
    effects = table(1.0, 0.7, 0.5, 0.4)
    weights = np.random.default_rng(1).exponential(size=(3, N))
    weights[0] = 1
    found = profiles.statistics(effects, weights)
    assert found == pytest.approx(np.array([plain(effects, row) for row in weights]), abs=1e-12)
    assert found[:, 2:].sum(axis=1) == pytest.approx(np.ones(3))


def test_vectors_that_all_do_the_same_are_degenerate_and_specific_ones_are_not():
    same = profiles.statistics(table(option=1.0, vector=2.0, partner=0.02), np.ones((1, N)))[0]
    assert same[0] > 0.99 and same[4] < 0.01 and same[3] > 0.3
    own = profiles.statistics(table(both=1.0), np.ones((1, N)))[0]
    assert abs(own[0]) < 0.15 and own[4] > 0.7
    level = profiles.statistics(table(vector=1.0, both=1e-3), np.ones((1, N)))[0]
    assert level[3] > 0.99


def test_two_groups_with_opposite_effects_have_small_r_and_large_size():
    g = np.random.default_rng(0)
    shape = np.repeat([1.0, -1.0], M // 2)[:, None, None] * g.standard_normal((1, N, 1)) * np.ones((1, 1, N))
    found = profiles.statistics(shape, np.ones((1, N)))[0]
    assert found[0] == pytest.approx(-1 / (M - 1)) and found[1] == pytest.approx(1)


def test_the_interval_holds_the_mean_over_worlds_about_as_often_as_it_says():
    worlds = [table(0.5, 0.5, 0.7, 0.5, seed) for seed in range(60)]
    values = np.array([profiles.statistics(one, np.ones((1, N)))[0, 0] for one in worlds])
    bounds = [profiles.estimate(v, profiles.draws(one, 200, 0)[:, 0], N) for v, one in zip(values, worlds, strict=True)]
    assert np.mean([low <= values.mean() <= high for _, low, high in bounds]) >= 0.87


def test_constant_profiles_have_no_correlation_and_no_interval():
    found = profiles.statistics(np.zeros((M, N, N)), np.ones((1, N)))[0]
    assert np.isnan(found).all()
    assert np.isnan(profiles.estimate(found[0], np.full(9, np.nan), N)).all()
    with pytest.raises(UserError, match="2 or more"):
        profiles.statistics(np.zeros((1, N, N)), np.ones((1, N)))
    with pytest.raises(UserError, match="no other one"):
        profiles.profiles(np.full((2, 3, 3), np.nan))
