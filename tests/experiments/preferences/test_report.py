"""Contradictions of the preferences: each is refused on its own."""

from __future__ import annotations

import pytest
from report.contradictions import PARTS, Change, Record, assert_refused, criterion, more, put

CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "win probability of 1.1": (put(PARTS + "preferences.activities.0.wins", 1.1), "preferences.activities.0.wins"),
    "category mean against its activities": (
        more(PARTS + "preferences.categories.0.bradley_terry", 5.0),
        "mean bradley_terry of",
    ),
    "a category that nobody is in": (put(PARTS + "preferences.categories.0.category", "Other"), "categories"),
    "scores that do not sum to zero": (more(PARTS + "preferences.activities.0.elo", 200.0), "mean elo"),
    "V7 against the categories": (criterion("V7", value=900, interval=[800, 950]), "V7"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])
