"""The criteria on the page: the table of verdicts, and the questions that they answer together.

A question's answer is a function of its criteria's verdicts alone: yes if all pass, no if all fail, in part if some pass,
not asked if none was asked, else not shown. So it can't say more than the verdicts below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from emotion_vectors.record import Record
from emotion_vectors.record.criterion import NOT_ASKED, VERDICTS, Criterion
from emotion_vectors.report.published import Reported
from emotion_vectors.report.topic import Card, Cell, Table
from emotion_vectors.report.wording import interval, measured, number, p_value, ranges

SYMBOLS = {"pass": "✓", "fail": "✗", "inconclusive": "?", NOT_ASKED: "–"}
NOT_JUDGED = "not judged (older run)"


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
    """Every criterion with value, threshold, interval, null, both verdicts, reason and the published values."""
    rows, reasons = [], []
    for card in cards:
        criterion = record.criteria.get(card.id)
        published = (Cell(reported_value(one), "measured") for one in card.published or (None, None, None))
        if criterion is None:
            rows.append(
                (Cell(f"{card.id} {card.title}"), *(Cell("") for _ in range(3)), Cell(NOT_JUDGED), Cell(""), *published)
            )
            reasons.append("An older version made this run; running the same command again judges it.")
            continue
        seen = criterion.detectable.sentence if criterion.detectable else ""
        reasons.append(
            " ".join(text for text in (criterion.reason, criterion.note, seen) if text) or "No reason recorded."
        )
        value = measured(criterion) + (card.beside(record) if criterion.value is not None else "")
        rows.append(
            (
                Cell(f"{card.id} {criterion.name}"),
                Cell(value, "measured"),
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
        "By Hong's threshold",
        "Paper",
        "Hong (2026)",
        "Hong, corrected",
    )
    note = (
        "The verdict depends on the interval and on chance; Hong's threshold is applied to the value alone, scaled where the number "
        "that it counts is another. For V2 to V5 that value is Hong's own statistic (five pairs, raw cosines of the first scenarios, templates "
        "without twins); the verdict is on a stronger one of ours. V10 passes only with the right sign."
    )
    return Table("Verdicts", columns, tuple(rows), note, tuple(card.id for card in cards), tuple(reasons), "cards")


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
