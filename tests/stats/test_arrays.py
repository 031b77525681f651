"""Wrong shapes and numbers that are none are refused; what passes is what was given."""

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.stats import arrays


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf], [[1.0], [-np.inf]]], ids=str)
def test_nothing_and_what_is_no_number_are_refused_by_name(values):
    with pytest.raises(UserError, match="'scores'"):
        arrays.finite(values, "scores")


def test_a_square_loses_its_diagonal_and_nothing_else():
    given = np.arange(18.0).reshape(2, 3, 3)
    given[:, 1, 1] = np.nan
    before, found = given.copy(), arrays.square(given, "wins")
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_array_equal(found[:, off], given[:, off])
    assert np.isnan(found[:, ~off]).all()
    np.testing.assert_array_equal(given, before)  # a copy


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 1)], ids=str)
def test_what_is_no_square_is_refused(shape):
    with pytest.raises(UserError, match="must be"):
        arrays.square(np.zeros(shape), "wins")
    with pytest.raises(UserError, match="NaN"):
        arrays.square([[0, np.nan], [1, 0]], "wins")


@pytest.mark.parametrize(
    "values",
    [[1, 0, 1], [True, False], [True, True, True], [False, False, False]],
    ids=["numbers", "short", "all", "none"],
)
def test_a_half_needs_one_of_each_kind(values):
    with pytest.raises(UserError, match="steered half"):
        arrays.half(values, 3)
    assert arrays.half([True, False, False], 3).tolist() == [True, False, False]


def test_resamples_are_one_or_more():
    assert arrays.resamples(1) == 1
    with pytest.raises(UserError, match="1 or more"):
        arrays.resamples(0)
