"""Contradictions of the numeric curves: each is refused on its own."""

from __future__ import annotations

import pytest
from report.contradictions import PARTS, Change, Record, assert_refused, criterion, put

CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "numeric cosine of 2": (put(PARTS + "numeric.templates.1.cosine.sad.0", 2.0), "outside -1 to 1"),
    "a curve too short": (put(PARTS + "numeric.templates.1.cosine.sad", [0.1]), "has 1 points"),
    "a rho that the curve denies": (put(PARTS + "numeric.templates.0.spearman.happy", 0.99), "Spearman"),
    "a change that the curve denies": (put(PARTS + "numeric.templates.0.change.happy", 0.5), "The change of happy"),
    "V5 against the signs": (criterion("V5", value=16, verdict="fail"), "V5 is stated as 16"),
    "V6 against the curves": (criterion("V6", value=11, verdict="fail"), "V6 is stated as 11"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])
