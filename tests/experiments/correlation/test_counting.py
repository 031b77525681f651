"""Counts of strong correlations and their p values: against plain loops; what is not defined counts for nothing."""

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments.correlation import counting


def test_strong_is_counted_along_the_last_axis():
    r = np.array([[0.31, -0.5, 0.3, np.nan], [0.0, 0.29, -0.31, 0.9]])
    assert counting.strong(r).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("value", "of", "draws", "low", "high"),
    [
        (20, 40, [12, 18, 22, 28], 12, 28),
        (20, 40, [24, 26, 28, 30], 10, None),  # pushed upwards: mirrored, the interval would end below the count itself
        (0, 20, [0, 1, 3, 5], 0, None),
        (20, 20, [20, 20, 20, 20], None, 20),
        (10, 20, [10, 10, 10, 10], None, None),
    ],
)
def test_the_interval_of_a_count_is_mirrored_and_never_without_width(value, of, draws, low, high):
    """None: the end is scipy's Wilson interval's."""
    wilson = stats.binomtest(value, of).proportion_ci(method="wilson")
    wanted = (wilson.low * of if low is None else low, wilson.high * of if high is None else high)
    found = counting.count_interval(value, np.repeat(draws, 100), of)
    assert found == pytest.approx(wanted) and found[0] < found[1]


def test_p_values_equal_a_loop_over_the_draws():
    generator = np.random.default_rng(0)
    dealt, r = np.tanh(generator.standard_normal((200, 5)) / 5), np.array([0.1, -0.5, np.nan, 0.0, 0.9])
    p, largest = counting.p_values(r, dealt)
    for i in (0, 1, 3, 4):
        assert p[i] == pytest.approx((1 + sum(abs(draw) >= abs(r[i]) for draw in dealt[:, i])) / 201)
    assert np.isnan(p[2])
    assert largest == pytest.approx(np.quantile([max(abs(row[[0, 1, 3, 4]])) for row in dealt], 0.95))


def test_an_emotion_whose_draws_are_not_defined_is_left_out():
    dealt = np.array([[0.1, np.nan], [0.2, 0.1], [0.0, 0.1]])
    p, _ = counting.p_values(np.array([0.15, 0.9]), dealt)
    assert p[0] == pytest.approx(2 / 4) and np.isnan(p[1])
    p, largest = counting.p_values(np.array([np.nan]), dealt[:, :1])
    assert np.isnan(p).all() and np.isnan(largest)


def test_bands_and_discoveries_leave_out_what_is_not_defined():
    assert counting.discoveries(np.array([0.01, 0.049, 0.05, np.nan])) == 2
    assert counting.band(np.array([np.nan, *np.linspace(-1, 1, 201)])) == pytest.approx(0.95, abs=0.01)
    assert counting.band(np.array([np.nan])) is None
