"""Directions against scikit-learn and planted directions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from emotion_vectors.vectors import directions


def test_planted_directions_are_recovered():
    generator = np.random.default_rng(0)
    planted = generator.normal(size=(20, 64))
    means = planted + generator.normal(size=64) * 10
    found = directions.contrast(means)
    truth = planted - planted.mean(0)
    assert np.diag(directions.cosine(found, truth)).min() > 0.999999


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_components_equal_scikit_learns(share):
    neutral = np.random.default_rng(1).normal(size=(60, 30)) * np.linspace(5, 0.1, 30)
    found = directions.neutral_components(neutral, share)
    peer = PCA(svd_solver="full").fit(neutral)
    count = int(np.searchsorted(np.cumsum(peer.explained_variance_ratio_), share)) + 1
    assert len(found.basis) == count
    assert found.explained == pytest.approx(peer.explained_variance_ratio_[:count].sum())
    np.testing.assert_allclose(np.abs(np.sum(found.basis * peer.components_[:count], axis=1)), 1, atol=1e-8)


def test_no_share_takes_no_component():
    assert directions.neutral_components(np.eye(4), 0).basis.shape == (0, 4)


def test_a_share_that_is_met_exactly_takes_no_extra_component():
    rows = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    assert len(directions.neutral_components(rows, 0.5).basis) == 1


def test_texts_without_variance_are_refused():
    with pytest.raises(ValueError, match="variance"):
        directions.neutral_components(np.ones((5, 3)), 0.5)


@given(st.integers(0, 10_000))
def test_nothing_is_left_in_the_removed_span(seed):
    generator = np.random.default_rng(seed)
    basis = np.linalg.qr(generator.normal(size=(16, 4)))[0].T
    left = directions.project_out(generator.normal(size=(7, 16)), basis)
    assert np.abs(left @ basis.T).max() < 1e-12
    np.testing.assert_allclose(directions.project_out(left, basis), left, atol=1e-12)


@given(st.integers(0, 10_000))
def test_cosines_stay_within_one(seed):
    rows = np.random.default_rng(seed).normal(size=(5, 8)).astype(np.float32)
    values = directions.cosine(rows, rows)
    assert np.abs(values).max() <= 1
    np.testing.assert_allclose(np.diag(values), 1, atol=1e-6)


def test_a_zero_vector_stays_zero():
    assert (directions.unit(np.zeros((2, 3))) == 0).all()
