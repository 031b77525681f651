"""The decision table, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_vectors.errors import UserError
from emotion_vectors.stats.verdict import verdict_from_interval

NAN = float("nan")


@pytest.mark.parametrize(
    ("estimate", "interval", "p", "chance", "expected"),
    [
        (5.0, (3.0, 7.0), 0.01, 1.0, ("pass", "beyond the bar")),
        (5.0, (3.0, 7.0), None, None, ("pass", "beyond the bar")),
        (5.0, (3.0, 7.0), 0.05, None, ("pass", "beyond the bar")),
        (5.0, (3.0, 7.0), 0.06, None, ("inconclusive", "chance not excluded")),
        (5.0, (1.0, 7.0), 0.01, None, ("inconclusive", "straddles the bar")),
        (5.0, (2.0, 7.0), 0.01, None, ("inconclusive", "straddles the bar")),
        (5.0, (1.0, 7.0), 0.5, None, ("inconclusive", "straddles the bar")),
        (1.0, (0.0, 1.9), 0.01, None, ("fail", "wrong side")),
        (1.0, (0.0, 2.0), 0.01, None, ("fail", "wrong side")),
        (1.0, (0.0, 1.9), 0.9, None, ("fail", "wrong side")),
        (5.0, (3.0, 7.0), 0.9, 8.0, ("fail", "no better than chance")),
        (5.0, (3.0, 7.0), 0.9, 6.0, ("inconclusive", "chance not excluded")),
        (NAN, (3.0, 7.0), 0.01, None, ("inconclusive", "not estimable")),
        (5.0, (NAN, 7.0), 0.01, None, ("inconclusive", "not estimable")),
        (5.0, (3.0, 7.0), NAN, None, ("inconclusive", "not estimable")),
        (5.0, (3.0, 7.0), 0.01, NAN, ("inconclusive", "not estimable")),
        (8.0, (3.0, 7.0), 0.01, None, ("inconclusive", "not estimable")),
    ],
)
def test_table(
    estimate: float, interval: tuple[float, float], p: float | None, chance: float | None, expected: tuple[str, str]
) -> None:
    assert verdict_from_interval(estimate, interval, bar=2.0, p=p, chance=chance) == expected
    mirrored = verdict_from_interval(
        -estimate, (-interval[1], -interval[0]), bar=-2.0, direction="below", p=p,
        chance=None if chance is None else -chance,
    )  # fmt: skip
    assert mirrored == expected


def test_a_bar_that_counts_as_reached() -> None:
    assert verdict_from_interval(20, (20, 30), bar=20, inclusive=True).verdict == "pass"
    assert verdict_from_interval(20, (20, 30), bar=20).verdict == "inconclusive"
    assert verdict_from_interval(15, (10, 20), bar=20, inclusive=True).verdict == "inconclusive"
    assert verdict_from_interval(15, (10, 20), bar=20).verdict == "fail"


def test_an_interval_without_spread_survives_rounding() -> None:
    assert verdict_from_interval(0.3, (0.30000000000000004, 0.30000000000000004), bar=0).verdict == "pass"
    assert verdict_from_interval(0.0, (0.0, 0.0), bar=0, p=1.0).verdict == "fail"


@given(st.floats(-10, 10), st.floats(0, 5), st.floats(0, 5), st.floats(-10, 10), st.one_of(st.none(), st.floats(0, 1)))
def test_a_pass_means_what_it_says(estimate: float, down: float, up: float, bar: float, p: float | None) -> None:
    low, high = estimate - down, estimate + up
    above = verdict_from_interval(estimate, (low, high), bar=bar, p=p).verdict
    below = verdict_from_interval(estimate, (low, high), bar=bar, direction="below", p=p).verdict
    assert (above == "pass") == (low > bar and (p is None or p <= 0.05))
    assert (above == "fail") == (high <= bar)
    assert not (above == "pass" and below == "pass")
    assert not (above == "pass" and below == "inconclusive")


def test_refused() -> None:
    with pytest.raises(UserError):
        verdict_from_interval(1, (2, 1), bar=0)
    with pytest.raises(UserError):
        verdict_from_interval(1, (0, 2), bar=NAN)
    with pytest.raises(UserError):
        verdict_from_interval(1, (0, 2), bar=0, direction="up")  # type: ignore[arg-type]


def test_numpy_numbers_are_fine() -> None:
    decision = verdict_from_interval(np.float64(1), (np.float64(0.5), np.float64(2)), bar=0, p=np.float64(0.01))
    assert decision.verdict == "pass"
