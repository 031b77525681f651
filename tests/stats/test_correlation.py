"""Correlations against scipy and closed forms."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.errors import UserError
from emotion_vectors.stats.correlation import (
    group_columns,
    linear_fit,
    partial_correlation,
    pearson,
    pearson_pairs,
    spearman_rows,
)


def test_pearson_equals_scipy_for_every_column() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(5, 2, (64, 30)), generator.normal(size=64)
    x[:, :10] += 3 * y[:, None]
    np.testing.assert_allclose(pearson(x, y), [stats.pearsonr(column, y).statistic for column in x.T])
    assert float(pearson(x[:, 0], y)) == pytest.approx(stats.pearsonr(x[:, 0], y).statistic)


def test_pearson_of_a_line_is_never_beyond_one() -> None:
    x = np.random.default_rng(1).normal(size=(50, 200)) * 1e6
    r = np.array([pearson(column, 3 * column + 0.1) for column in x.T])
    assert (np.abs(r) <= 1).all() and np.allclose(r, 1)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9, 1e-300])
def test_constant_input_is_nan_without_a_warning(value: float) -> None:
    y = np.arange(40.0)
    x = np.column_stack([np.full(40, value), y])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r = pearson(x, y)
        flat = pearson(y, np.full(40, value))
    assert np.isnan(r[0]) and r[1] == pytest.approx(1)
    assert np.isnan(flat)


def test_a_tiny_but_real_spread_is_not_called_constant() -> None:
    y = np.random.default_rng(2).normal(size=64)
    assert float(pearson(1e-6 * y + 1.0, y)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y"), [(np.ones((5, 2)), np.ones(4)), (np.ones(2), np.ones(2)), (np.array([1, np.nan, 2]), np.arange(3.0))]
)
def test_what_cannot_be_correlated_is_refused(x: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(UserError):
        pearson(x, y)


def test_spearman_equals_scipy_with_and_without_ties() -> None:
    generator = np.random.default_rng(3)
    x = np.array([1.0, 2, 2, 5, 8, 13])
    rows = generator.integers(0, 5, (4, 7, 6)).astype(float)
    rows[0, 0] = [3, 1, 4, 1, 5, 9]
    rows[1, 1] = 2.0
    ours = spearman_rows(x, rows)
    assert ours.shape == (4, 7)
    for place in np.ndindex(4, 7):
        if np.ptp(rows[place]) == 0:
            assert np.isnan(ours[place])
        else:
            assert ours[place] == pytest.approx(stats.spearmanr(x, rows[place]).statistic)


def test_line_equals_scipy() -> None:
    generator = np.random.default_rng(4)
    x = generator.normal(100, 3, 35)
    y = 2 - 0.7 * x + generator.normal(size=35)
    theirs = stats.linregress(x, y)
    assert linear_fit(x, y) == pytest.approx((theirs.slope, theirs.intercept))
    assert np.isnan(linear_fit(np.ones(5), np.arange(5.0))).all()


def test_partial_correlation_of_one_given_equals_the_closed_form() -> None:
    generator = np.random.default_rng(5)
    z = generator.normal(size=100)
    x, y = z + generator.normal(size=100), 2 * z + generator.normal(size=100)
    xy, xz, yz = (stats.pearsonr(*pair).statistic for pair in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert float(partial_correlation(x, y, z)) == pytest.approx(expected)
    np.testing.assert_allclose(partial_correlation(np.column_stack([x, -x]), y, z), [expected, -expected])


def test_two_far_clusters_give_r_near_one_and_nothing_within() -> None:
    """The trap of the 35 strongest emotions: two clusters correlate whatever happens inside them."""
    generator = np.random.default_rng(6)
    groups = ["low"] * 50 + ["high"] * 50
    centre = np.repeat([-10.0, 10.0], 50)
    x, y = centre + generator.normal(size=100), centre + generator.normal(size=100)
    assert float(pearson(x, y)) > 0.98
    within = float(partial_correlation(x, y, group_columns(groups)))
    assert abs(within) < 0.25
    left = [values - np.repeat([values[:50].mean(), values[50:].mean()], 50) for values in (x, y)]
    assert within == pytest.approx(stats.pearsonr(*left).statistic)


def test_partial_correlation_with_nothing_left_is_nan() -> None:
    z = np.random.default_rng(7).normal(size=20)
    assert np.isnan(partial_correlation(3 * z + 1, np.arange(20.0) ** 2, z))


def test_group_columns() -> None:
    np.testing.assert_array_equal(group_columns(["a", "b", "c", "a"]), [[0, 0], [1, 0], [0, 1], [0, 0]])
    assert group_columns(["a", "a"]).shape == (2, 0)
    y = np.array([1.0, 2, 4, 3])
    assert float(partial_correlation(np.arange(4.0), y, group_columns(["a"] * 4))) == pytest.approx(
        float(pearson(np.arange(4.0), y))
    )


def test_pairs_of_columns_equal_scipy_one_by_one() -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 15, 4))
    y[:, 2] = 5.0
    found = pearson_pairs(x, y)
    for column in (0, 1, 3):
        assert found[column] == pytest.approx(stats.pearsonr(x[:, column], y[:, column]).statistic)
    assert np.isnan(found[2])
