"""No sentence names a direction or a superlative without the interval that allows it, whatever the record holds."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from emotion_vectors.report.wording import interval
from emotion_vectors.topics import TOPICS

from .asking import abstract, arms_seen, categories_seen, contraction_seen, figure_claims, scale_seen, typed
from .record import build

CLAIM = re.compile(
    r"\b(rises?|falls?|turns?|drops?|grows?|shrinks?|raises?|lowers?|highest|lowest|largest|smallest|strongest|weakest|most|best|worst)\b"
)
# A count of what is seen, a procedure, or a condition that is spelt out; each is a fact of the record and no trend.
FACTS = (
    "the other words fall", "is the highest", "gains the most of all words", "chooses the one with the largest effect", "at most", "rise with the strength",
    "own word rises under", "the answers fell apart", "in most", "hardest to beat", "Under none of the", "the best layer of chance", "size of that r is somewhat overestimated",
)  # fmt: skip


def sentences(record: Any) -> list[str]:
    whole = typed(record)
    texts = [
        *abstract(record),
        arms_seen(record),
        categories_seen(record),
        contraction_seen(record),
        scale_seen(record),
    ]
    for topic in TOPICS:
        for figure in topic.figures:
            try:
                texts += [figure.seen(whole), figure.chance(whole)]
            except AssertionError:
                continue  # a lettered figure that this run is without
    return [one for text in texts for one in re.split(r"(?<=[.!?]) (?=[A-Z])", text)]


@pytest.mark.parametrize("build_of", [("full", 0), ("full", 3), ("toy", 0), ("toy", 1)], ids=str)
def test_a_direction_or_a_superlative_stands_beside_its_interval(build_of: tuple[str, int]) -> None:
    said = sentences(build(*build_of))
    assert len(said) > 20
    bare = [
        one for one in said if CLAIM.search(one) and "interval" not in one and not any(fact in one for fact in FACTS)
    ]
    assert not bare, bare


@pytest.mark.parametrize(("r", "bounds", "says"), [
    (-0.01, (-0.25, 0.24), None), (0.3, (-0.01, 0.5), None), (-0.4, (-0.6, -0.2), "falls"), (0.4, (0.2, 0.6), "rises"),
])  # fmt: skip
def test_a_score_rises_or_falls_only_where_the_interval_leaves_out_0(
    r: float, bounds: tuple[float, float], says: str | None
) -> None:
    record = copy.deepcopy(build("full", 0))
    found = record["experiments"]["correlation"]
    shown = found["examples"]["positive"]
    shown["r"] = r
    row = next(row for row in found["emotions"] if row["emotion"] == shown["emotion"])
    row.update(r=r, low=bounds[0], high=bounds[1])
    drawn = figure_claims(record, 5)
    words = {word for word in ("rises", "falls") if word in drawn.seen}
    assert words == ({says} if says else set()) and interval(bounds, 2) in drawn.seen
    # It is called an extreme of all emotions only where it is one.
    rank = sorted(one["r"] for one in found["emotions"] if one["r"] is not None)
    assert ("too large" in drawn.chance) == (r in (rank[0], rank[-1]))
