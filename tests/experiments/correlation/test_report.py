"""Contradictions of the correlations: each is refused on its own."""

from __future__ import annotations

import pytest
from report.contradictions import PARTS, Change, Record, assert_refused, criterion, more, put

CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "correlation of 1.2": (put(PARTS + "correlation.emotions.0.r", 1.2), "outside -1 to 1"),
    "correlation interval upside down": (put(PARTS + "correlation.emotions.0.low", 0.999), "runs from"),
    "the same emotion twice": (put(PARTS + "correlation.emotions.1.emotion", "afraid"), "two correlations"),
    "V9 against the list": (criterion("V9", value=100, interval=[80, 120]), "V9 is stated as 100"),
    "an example's r against its points": (more(PARTS + "correlation.examples.positive.r", -0.2), "example"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])
