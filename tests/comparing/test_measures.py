"""Similarity of vectors and geometries against scipy and cases whose answer is known."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from emotion_vectors.comparing import measures

N, D = 24, 40


def drawn(seed, d=D):
    return np.random.default_rng(seed).standard_normal((N, d))


def turned(vectors, seed=9):
    """The same vectors in another basis: every angle between them stays."""
    basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((vectors.shape[1],) * 2))
    return vectors @ basis


def test_the_same_vectors_match_and_a_common_part_does_not_matter():
    vectors = drawn(0)
    found = measures.matching(vectors, 3 * vectors + drawn(5)[0] * 50, 300, 0)
    assert found["mean"] == pytest.approx(1) and found["interval"] == pytest.approx([1, 1])
    assert found["found"] == N and found["p"] == pytest.approx(1 / 301) and abs(found["null"]) < 0.05


def test_a_known_share_of_noise_gives_the_known_cosine():
    """a + b and a + c with equal variances have a cosine of about 1/2."""
    wide = 4000
    a, b, c = (drawn(seed, wide) for seed in (1, 2, 3))
    found = measures.matching(a + b, a + c, 300, 0)
    assert found["mean"] == pytest.approx(0.5, abs=0.02)
    assert found["interval"][0] < found["mean"] < found["interval"][1]


@pytest.mark.slow
def test_other_vectors_do_not_match_more_often_than_the_level_says():
    p = [measures.matching(drawn(2 * i), drawn(2 * i + 1), 99, i)["p"] for i in range(120)]
    assert 0.2 < np.mean(np.array(p) <= 0.5) < 0.8 and np.mean(np.array(p) <= 0.05) < 0.15


def test_geometry_is_spearmans_r_of_the_distances():
    first, second = drawn(0), drawn(0) + drawn(1, D)
    expected = stats.spearmanr(*(pdist(measures.centred(rows), "cosine") for rows in (first, second))).statistic
    found = measures.geometry(first, second, 200, 0)
    assert found["r"] == pytest.approx(expected, abs=1e-12)
    assert found["interval"][0] < found["r"] < found["interval"][1] and found["p"] == pytest.approx(1 / 201)


def test_another_basis_and_width_keep_the_geometry_but_not_the_vectors():
    vectors = drawn(0)
    wider = turned(np.hstack([vectors, np.zeros((N, 30))]))
    assert measures.geometry(vectors, wider, 200, 0)["r"] == pytest.approx(1)
    turn = measures.matching(vectors, turned(vectors), 300, 0)
    assert abs(turn["mean"]) < 0.15 and turn["found"] < N / 3


@pytest.mark.slow
def test_geometry_of_unlike_sets_has_an_even_p_and_an_interval_over_zero():
    found = [measures.geometry(drawn(2 * i), drawn(2 * i + 1), 99, i) for i in range(60)]
    p = np.array([one["p"] for one in found])
    assert 0.25 < (p <= 0.5).mean() < 0.75 and (p <= 0.05).mean() < 0.2
    assert np.mean([one["interval"][0] < 0 < one["interval"][1] for one in found]) > 0.85


def test_agreement_is_pearsons_r():
    x = np.random.default_rng(0).standard_normal(64)
    y = x + np.random.default_rng(1).standard_normal(64)
    found = measures.agreement(x, y, 400, 0)
    assert found["r"] == pytest.approx(stats.pearsonr(x, y).statistic)
    assert found["interval"][0] < found["r"] < found["interval"][1] and found["p"] < 0.01


def test_a_draw_without_a_pair_is_0_without_a_warning():
    with np.errstate(all="raise"):
        assert measures.spearman(np.array([]), np.array([])) == 0
