"""Contradictions of the preferences: each is refused on its own."""

from __future__ import annotations

import pytest
from report.asking import category_table
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


def test_category_table_is_sorted_and_equals_the_record(record: Record) -> None:
    table = category_table(record)
    assert table is not None
    shown = [float(row[1].text.replace(",", "")) for row in table.rows]
    expected = {row["category"]: row["bradley_terry"] for row in record["experiments"]["preferences"]["categories"]}
    assert shown == sorted(shown, reverse=True)
    assert {row[0].text: float(row[1].text.replace(",", "")) for row in table.rows} == {
        name: round(v) for name, v in expected.items()
    }
