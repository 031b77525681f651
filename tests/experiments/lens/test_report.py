"""Contradictions of the logit lens: each is refused on its own."""

from __future__ import annotations

import pytest
from report.contradictions import PARTS, Change, Record, assert_refused, criterion, more, put

CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "lens count against its list": (more(PARTS + "lens.count", 1), "recognised emotions"),
    "V1 against the lens": (criterion("V1", value=60), "V1 is stated as 60"),
    "V1 out of another number": (criterion("V1", of=170), "out of 170"),
    "lens cosine of 1.5": (put(PARTS + "lens.pairs.0.cosine", -1.5), "outside -1 to 1"),
    "dot product against cosine": (put(PARTS + "lens.pairs.0.dot", 3.0), "opposite signs"),
    "V2 against the pairs": (criterion("V2", value=4, interval=[3, 5]), "V2 is stated as 4"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])
