"""The diagonal against the rest: analytic tables, planted effects with their coverage, and tables without one."""

import numpy as np
import pytest

from emotion_vectors.experiments.steered_words import diagonal

VALENCE = ["positive"] * 6 + ["negative"] * 6


def test_rows_and_columns_that_are_high_as_a_whole_do_not_count():
    rows, columns = np.random.default_rng(0).standard_normal((2, 12))
    additive = rows[:, None] + columns[None, :]
    assert diagonal.contrast(additive) == pytest.approx(0, abs=1e-12)
    table = additive + 3 * np.eye(12)
    assert diagonal.contrast(table) == pytest.approx(3)
    assert diagonal.interactions(table) == pytest.approx(3 * np.eye(12), abs=1e-12)


def test_interactions_are_the_least_squares_residuals():
    table = np.random.default_rng(1).standard_normal((7, 7))
    off = ~np.eye(7, dtype=bool)
    places = np.argwhere(off)
    design = np.zeros((len(places), 14))
    design[np.arange(len(places)), places[:, 0]] = 1
    design[np.arange(len(places)), 7 + places[:, 1]] = 1
    fitted = np.linalg.lstsq(design, table[off], rcond=None)[0]
    assert diagonal.interactions(table) == pytest.approx(table - fitted[:7, None] - fitted[None, 7:], abs=1e-10)
    assert diagonal.contrast(diagonal.interactions(table)) == pytest.approx(float(diagonal.contrast(table)))


def world(generator, own):
    """Large effects of rows and columns, noise, and an own effect that varies between emotions around `own`."""
    table = 2 * generator.standard_normal((12, 1)) + 2 * generator.standard_normal((1, 12))
    return table + generator.standard_normal((12, 12)) + np.diag(own + 0.5 * generator.standard_normal(12))


def judged(table, random=None, seed=0):
    return diagonal.compare(table, VALENCE, random, 200, seed)


def test_a_planted_effect_is_found_and_covered():
    generator, found = np.random.default_rng(2), []
    for seed in range(100):
        random = np.array([float(diagonal.contrast(world(generator, 0))) for _ in range(10)])
        found.append(judged(world(generator, 2.0), random, seed))
    assert sum(one.beyond_chance for one in found) >= 90
    covered = sum(one.interval[0] <= 2.0 <= one.interval[1] for one in found)
    assert 88 <= covered <= 100, covered


def test_without_an_effect_it_is_chance():
    generator, found = np.random.default_rng(3), []
    for seed in range(200):
        random = np.array([float(diagonal.contrast(world(generator, 0))) for _ in range(10)])
        found.append(judged(world(generator, 0.0), random, seed))
    assert sum(one.beyond_chance for one in found) <= 10
    dealt = np.array([one.dealt.p for one in found])
    assert 0.02 < (dealt <= 0.1).mean() < 0.18


def test_valence_alone_is_seen_by_the_null_within_the_valences():
    sign = np.where(np.array(VALENCE) == "positive", 1.0, -1.0)
    table = np.outer(sign, sign) + 0.1 * np.random.default_rng(4).standard_normal((12, 12))
    found = judged(table)
    assert found.dealt.p < 0.01 and found.contrast > 0.5
    assert found.within_valence.p > 0.05


def test_every_own_column_that_comes_first_is_counted():
    table = np.eye(12) + 5 * np.arange(12)  # the last column is high for everyone
    assert judged(table).own_first == 12
    table[3] = 5 * np.arange(12) + np.eye(12)[4]
    assert judged(table).own_first == 11
