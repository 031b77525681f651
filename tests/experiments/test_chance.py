"""Turned vectors against the map written out, and against what a Gaussian map must give."""

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments.chance import turned_projections, turned_sets

GENERATOR = np.random.default_rng(0)
AXIS = GENERATOR.standard_normal(60)
ACTIVATIONS = 3 + GENERATOR.standard_normal((7, 60)) * GENERATOR.uniform(0.1, 2, 60)
VECTORS = np.array([2.0, -2.0, 1.5])[:, None] * AXIS + GENERATOR.standard_normal((3, 60))


def slow(count):
    """The map of 60 x 60 normal numbers itself."""
    maps = np.random.default_rng(1).standard_normal((count, 60, 60))
    return np.array([ACTIVATIONS @ one @ VECTORS.T for one in maps])


def test_second_moments_are_those_of_a_gaussian_map():
    """E[K_ai K_bj] = (A A')_ab (V V')_ij."""
    draws = turned_projections(ACTIVATIONS, VECTORS, 20_000, seed=2)
    found = np.einsum("cai,cbj->abij", draws, draws) / len(draws)
    wanted = np.einsum("ab,ij->abij", ACTIVATIONS @ ACTIVATIONS.T, VECTORS @ VECTORS.T)
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()
    assert abs(draws.mean()) < 0.02 * draws.std()


@pytest.mark.slow
def test_correlations_have_the_distribution_of_the_map_written_out():
    target = np.arange(7.0)
    fast, plain = turned_projections(ACTIVATIONS, VECTORS, 1000, seed=3), slow(1000)
    for column in range(3):
        r = [[stats.pearsonr(draw[:, column], target).statistic for draw in draws] for draws in (fast, plain)]
        assert stats.ks_2samp(*r).pvalue > 0.01
    # What opposite vectors share stays shared: that is the point of turning them together.
    together = [
        np.corrcoef([[np.corrcoef(draw[:, i], target)[0, 1] for i in (0, 1)] for draw in draws], rowvar=False)[0, 1]
        for draws in (fast, plain)
    ]
    assert together[0] == pytest.approx(together[1], abs=0.06) and together[0] < -0.6


def test_seeded_and_shaped():
    first, again = (turned_projections(ACTIVATIONS, VECTORS, 5, seed=4) for _ in range(2))
    assert first.shape == (5, 7, 3) and np.array_equal(first, again)
    assert not np.allclose(first, turned_projections(ACTIVATIONS, VECTORS, 5, seed=5))


@pytest.mark.parametrize("width", [2, 5])
def test_more_vectors_and_activations_than_dimensions(width):
    draws = turned_projections(np.ones((9, width)), GENERATOR.standard_normal((20, width)), 4, seed=0)
    assert draws.shape == (4, 9, 20) and np.isfinite(draws).all()
    np.testing.assert_allclose(draws, np.broadcast_to(draws[:, :1], draws.shape))  # equal rows, equal projections


def test_turned_sets_keep_lengths_and_angles_and_nothing_else():
    vectors = np.random.default_rng(5).standard_normal((4, 60)) * [[1], [2], [3], [4]]
    vectors[1] += vectors[0]
    sets = turned_sets(vectors, 200, 0)
    assert sets @ sets.swapaxes(1, 2) == pytest.approx(np.broadcast_to(vectors @ vectors.T, (200, 4, 4)), abs=1e-9)
    along = sets @ vectors.T / np.linalg.norm(vectors, axis=1) / np.linalg.norm(vectors, axis=1)[:, None]
    assert np.abs(along.mean(axis=0)).max() < 0.05
    assert along.std(axis=0) == pytest.approx(np.full((4, 4), 60**-0.5), rel=0.25)
