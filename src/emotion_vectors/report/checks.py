"""A record that contradicts itself is refused before a word is written about it.

`check` lets every topic recompute what one part of the record says about another (counts, means, ranks, correlations); ranges
are types of the record. It raises `ContradictoryRecord` at the first contradiction and returns nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from emotion_vectors.record import Record
from emotion_vectors.report.criteria_checks import check_criteria
from emotion_vectors.report.topic import Topic, cards


def check(record: Record, topics: Sequence[Topic]) -> None:
    """Raise `ContradictoryRecord` if `record` contradicts itself."""
    check_criteria(record, cards(topics))
    for topic in topics:
        if topic.contradictions is not None:
            topic.contradictions(record)
