"""A record that contradicts itself is refused before a word is written about it.

`check` asks of every criterion that it is known, agrees with itself, and is asked where the record has what it is about; and lets every topic
recompute what one part of the record says about another (counts, means, ranks, correlations); ranges are types of the record.
It raises `ContradictoryRecord` at the first contradiction and returns nothing.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence

from emotion_vectors.record import Record
from emotion_vectors.record.criterion import NOT_ASKED, Criterion, Detectable, Reference
from emotion_vectors.record.requirements import require, require_within
from emotion_vectors.report.topic import Card, Topic, cards
from emotion_vectors.report.wording import ranges

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "≥": operator.ge,
    "<=": operator.le,
    "≤": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def check(record: Record, topics: Sequence[Topic]) -> None:
    """Raise `ContradictoryRecord` if `record` contradicts itself."""
    check_criteria(record, cards(topics))
    for topic in topics:
        if topic.contradictions is not None:
            topic.contradictions(record)


def check_criteria(record: Record, cards: Sequence[Card]) -> None:
    """Refuse criteria that the topics don't know or that contradict themselves, and counts of verdicts that are not theirs."""
    known = {card.id: card for card in cards}
    unknown = [name for name in record.criteria if name not in known]
    lost = [card.id for card in cards if card.id not in record.criteria and not card.since]
    require(
        not unknown and not lost,
        f"The record has the criteria {', '.join(sorted(record.criteria))}; a report is about {ranges(list(known), list(known))}, each exactly once.",
    )
    for name, criterion in record.criteria.items():
        _check_one(name, criterion, known[name])
    for kind, stated in record.verdicts.items():
        found = sum(criterion.verdict == kind for criterion in record.criteria.values())
        require(stated == found, f"The record states {stated} criteria with the verdict {kind}, but {found} have it.")
    for card in cards:
        if card.id in record.criteria:
            _check_asked(record, card)


def _check_one(name: str, criterion: Criterion, card: Card) -> None:
    require(criterion.id == name, f"The criterion under {name} calls itself {criterion.id}.")
    value, whole = criterion.value, criterion.of
    if value is None:
        # The earlier reproduction's statistic can have a value where ours has none, as with published pairs alone.
        other = criterion.seed is not None and criterion.seed.value is not None
        own = (
            {"verdict": criterion.verdict}
            if other
            else {"verdict": criterion.verdict, "seed_verdict": criterion.seed_verdict}
        )
        judged = [key for key, verdict in own.items() if verdict not in ("inconclusive", NOT_ASKED)]
        require(not judged, f"{name} has no value but its {judged[0] if judged else 'verdict'} is not inconclusive.")
    if value is not None and whole is not None:
        require_within([value], 0, whole, name)
        require(float(value).is_integer(), f"{name} counts {value} of {whole}, which is not a whole number.")
    low, high = criterion.interval or (None, None)
    if whole is not None:
        require_within([low, high], 0, whole, f"An end of the interval of {name}")
        require_within([criterion.null.value if criterion.null else None], 0, whole, f"The null of {name}")
    _check_seed_verdict(name, criterion)
    _check_pass(name, criterion, card, low, high)
    _check_detectable(name, criterion.detectable)


def _check_seed_verdict(name: str, criterion: Criterion) -> None:
    """The earlier reproduction's verdict is value against threshold, by the sign in the threshold's own text."""
    bar: Criterion | Reference = criterion.reference
    text, threshold = bar.threshold_text, bar.threshold
    # What it looks at can differ from the value: |r| for V10, the gap in Elo updates for V7, raw cosines for V3.
    seen = criterion.seed.value if criterion.seed else criterion.seed_value
    value = criterion.value if seen is None else seen
    sign = re.search(r">=|<=|≥|≤|>|<", text)
    if value is None or threshold is None or sign is None or criterion.seed_verdict not in ("pass", "fail"):
        return
    compared = abs(value) if "|" in text else value
    met = _COMPARE[sign.group()](compared, threshold)
    require(
        met == (criterion.seed_verdict == "pass"),
        f"{name} is {value} and its threshold '{text}', but its verdict by Hong (2026) is {criterion.seed_verdict}.",
    )


def _check_pass(name: str, criterion: Criterion, card: Card, low: float | None, high: float | None) -> None:
    """What a pass can't be: without an interval, outside it, not beyond its bar, or with a null that is not rejected."""
    if criterion.verdict != "pass":
        return
    value, p = criterion.value, criterion.null.p if criterion.null else None
    require(low is not None or p is not None, f"{name} passes without an interval and without a null.")
    require(p is None or p <= 0.05, f"{name} passes although chance is not excluded (p = {p}).")
    if low is None or high is None or value is None:
        return
    require(
        low - 1e-9 <= value <= high + 1e-9,
        f"{name} passes with the value {value} outside its interval {low} to {high}.",
    )
    bar = criterion.bar if criterion.bar is not None else card.bar
    if bar is not None:
        beyond = high <= bar if card.lower_is_better else low >= bar and (card.bar is None or low > card.bar)
        require(beyond, f"{name} passes although its interval {low} to {high} reaches across the bar of {bar}.")


def _check_detectable(name: str, found: Detectable | None) -> None:
    """What a criterion could have seen is possible in its unit; records of older versions don't say it."""
    if found is None:
        return
    what = f"The smallest effect that {name} could have detected"
    require(bool(found.sentence), f"{what} has no sentence.")
    share = found.unit.startswith(("share", "probability", "true r"))
    require_within([found.value], 0, 1 if share else math.inf, what)


def _check_asked(record: Record, card: Card) -> None:
    """Refuse a criterion that is called not asked and has a value, or data; and one that has a value without any data."""
    name, criterion = card.id, record.criteria[card.id]
    stated = [criterion.verdict, criterion.seed_verdict].count(NOT_ASKED)
    require(stated != 1, f"{name} is not asked by one of its two verdicts only.")
    if not criterion.asked:
        held = {"value": criterion.value, "seed_value": criterion.seed_value, "interval": criterion.interval}
        said = [key for key, value in held.items() if value is not None]
        require(not said, f"{name} is not asked but has {', '.join(said)}.")
        require(bool(criterion.reason), f"{name} is not asked and gives no reason.")
        require(criterion.detectable is None, f"{name} is not asked but says what it could have detected.")
    found = None if card.has_data is None else card.has_data(record)
    # None: a part that the record leaves out altogether is one that its version did not write.
    if found is not None:
        require(
            found or not criterion.asked, f"{name} was judged, but the record has nothing that it could be judged by."
        )
        require(criterion.asked or not found, f"{name} is not asked although the record has what it is about.")
