"""The criteria on the page: the check of each, the table of verdicts, and the questions that they answer together.

A question's answer is a function of its criteria's verdicts alone: yes if all pass, no if all fail, in part if some pass,
not asked if none was asked, else not shown. So it can't say more than the verdicts below it.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from emotion_vectors.record import Record
from emotion_vectors.record.criterion import NOT_ASKED, VERDICTS, Criterion, Detectable, Reference
from emotion_vectors.report.published import Reported
from emotion_vectors.report.requirements import require, require_within
from emotion_vectors.report.topic import Card, Cell, Table
from emotion_vectors.report.wording import interval, measured, number, p_value, ranges

SYMBOLS = {"pass": "✓", "fail": "✗", "inconclusive": "?", NOT_ASKED: "–"}
NOT_JUDGED = "not judged (older run)"
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "≥": operator.ge,
    "<=": operator.le,
    "≤": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


class Answer(NamedTuple):
    """A question with its answer: `kind` is the verdict whose colour fits, `because` names each criterion's verdict."""

    question: str
    word: str
    kind: str
    because: str


def answers(record: Record, cards: Sequence[Card]) -> list[Answer]:
    """One answer for each question of the cards, in their order."""
    questions = dict.fromkeys(card.question for card in cards)
    return [_answer(record, question, cards) for question in questions]


def _answer(record: Record, question: str, cards: Sequence[Card]) -> Answer:
    names = [card.id for card in cards if card.question == question and card.id in record.criteria]
    verdicts = [record.criteria[name].verdict for name in names]
    passed = verdicts.count("pass")
    if not names or verdicts.count(NOT_ASKED) == len(names):
        word, kind = "Not asked", "not-asked"
    elif passed == len(names):
        word, kind = "Yes", "pass"
    elif verdicts.count("fail") == len(names):
        word, kind = "No", "fail"
    elif passed:
        word, kind = "In part", "inconclusive"
    else:
        word, kind = "Not shown", "inconclusive"
    order = [card.id for card in cards]
    stated = {verdict: [name for name in names if record.criteria[name].verdict == verdict] for verdict in VERDICTS}
    because = "; ".join(f"{ranges(found, order)} {verdict}" for verdict, found in stated.items() if found)
    return Answer(question, word, kind, because)


def verdict_counts(record: Record, cards: Sequence[Card], *, seed: bool = False) -> dict[str, list[str]]:
    """Which criteria got which verdict, in their order; with `seed` by the earlier reproduction's thresholds."""
    judged = [record.criteria[card.id] for card in cards if card.id in record.criteria]
    return {
        verdict: [one.id for one in judged if (one.seed_verdict if seed else one.verdict) == verdict]
        for verdict in VERDICTS
    }


def css(verdict: str) -> str:
    """The CSS class of a verdict."""
    return verdict.replace(" ", "-")


def verdict_cell(verdict: str) -> Cell:
    """A verdict as symbol and word."""
    return Cell(f"{SYMBOLS[verdict]} {verdict}", f"verdict {css(verdict)}")


def verdict_line(record: Record, card: Card) -> dict[str, str]:
    """A criterion for the strip at the top of the page."""
    criterion = record.criteria.get(card.id)
    if criterion is None:
        return {
            "id": card.id, "name": card.title, "verdict": NOT_JUDGED, "symbol": SYMBOLS[NOT_ASKED], "kind": css(NOT_ASKED),
            "value": "", "unit": "", "seed": NOT_JUDGED,
        }  # fmt: skip
    return {
        "id": card.id, "name": criterion.name, "verdict": criterion.verdict, "symbol": SYMBOLS[criterion.verdict],
        "kind": css(criterion.verdict), "value": measured(criterion), "unit": criterion.unit, "seed": criterion.seed_verdict,
    }  # fmt: skip


def criteria_table(record: Record, cards: Sequence[Card]) -> Table:
    """Table 3: every criterion with value, threshold, interval, null, both verdicts, reason and the published values."""
    rows, reasons = [], []
    for card in cards:
        criterion = record.criteria.get(card.id)
        published = (Cell(reported_value(one), "number") for one in card.published or (None, None, None))
        if criterion is None:
            rows.append(
                (Cell(f"{card.id} {card.title}"), *(Cell("") for _ in range(3)), Cell(NOT_JUDGED), Cell(""), *published)
            )
            reasons.append("An older version made this run; the same command judges it.")
            continue
        seen = criterion.detectable.sentence if criterion.detectable else ""
        reasons.append(
            " ".join(text for text in (criterion.reason, criterion.note, seen) if text) or "No reason recorded."
        )
        value = measured(criterion) + (card.beside(record) if criterion.value is not None else "")
        rows.append(
            (
                Cell(f"{card.id} {criterion.name}"),
                Cell(value, "number"),
                Cell(interval(criterion.interval), "number"),
                Cell(_null(criterion), "null"),
                verdict_cell(criterion.verdict),
                _by_threshold(criterion),
                *published,
            )
        )
    columns = (
        "Criterion",
        "Value",
        "95 % interval",
        "Null",
        "Verdict",
        "By the seed's threshold",
        "Paper",
        "Seed",
        "Seed, corrected",
    )
    note = (
        "The verdict asks what the interval allows and what chance gives; the seed's threshold is applied to the value alone, scaled where fewer "
        "emotions were run. For V2 to V5 that value is the seed's own statistic (five pairs, raw cosines of the first scenarios, templates "
        "without twins); the verdict is on a stronger one of ours. V10 passes only with the right sign."
    )
    return Table("Table 3. Verdicts", columns, tuple(rows), note, tuple(card.id for card in cards), tuple(reasons))


def _by_threshold(criterion: Criterion) -> Cell:
    verdict, own = verdict_cell(criterion.seed_verdict), criterion.seed
    threshold = criterion.reference.threshold_text
    if own and own.value is not None:
        out_of = f" of {number(own.of)}" if own.of is not None else ""
        threshold = f"{number(own.value)}{out_of} {own.unit}, {threshold}"
    return Cell(
        f"{verdict.text} ({threshold})" if threshold else verdict.text, f"threshold {css(criterion.seed_verdict)}"
    )


def _null(criterion: Criterion) -> str:
    null = criterion.null
    if null is None or (null.value is None and null.p is None):
        return "none"
    value = number(null.value) if null.value is not None else ""
    p = p_value(null.p) if null.p is not None else ""
    return f"{null.what}: {', '.join(text for text in (value, p) if text)}"


def null_sentence(criterion: Criterion) -> str:
    """What the criterion's own null gives, or that it has none."""
    if not criterion.asked:
        return f"{criterion.id} is not asked in this run."
    null = criterion.null
    if null is None:
        return f"{criterion.id} has no null in this run."
    value = number(null.value) if null.value is not None else "not available"
    out_of = f" of {number(criterion.of)}" if criterion.of is not None else ""
    tail = f" ({p_value(null.p)})" if null.p is not None else ""
    return f"{criterion.id}, {null.what}: {value}{out_of}{tail}."


def missing(record: Record, name: str) -> str:
    """Why the criterion `name` was not asked, or "" where it was."""
    criterion = record.criteria[name]
    return "" if criterion.asked else f"{name} is not asked. {criterion.reason}"


def reported_value(value: Reported | None) -> str:
    """A published value for a table: 57/171, 0.85."""
    if value is None:
        return "not given"
    text = f"{number(value.value)}/{value.of}" if value.of is not None else number(value.value)
    return f"{text} {value.counts}".strip()


def reported(value: Reported | None) -> str:
    """A published value for a sentence: 57 of 171, 0.85."""
    if value is None:
        return "no value"
    return f"{number(value.value)} of {value.of}" if value.of is not None else number(value.value)


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
        require(float(value).is_integer(), f"{name} counts {value} of {whole}, which is no whole number.")
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
        f"{name} is {value} and its threshold '{text}', but its seed verdict is {criterion.seed_verdict}.",
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
    what = f"The smallest effect that {name} could have seen"
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
        require(criterion.detectable is None, f"{name} is not asked but says what it could have seen.")
    found = None if card.has_data is None else card.has_data(record)
    # None: a part that the record leaves out altogether is one that its version did not write.
    if found is not None:
        require(
            found or not criterion.asked, f"{name} was judged, but the record has nothing that it could be judged by."
        )
        require(criterion.asked or not found, f"{name} is not asked although the record has what it is about.")
