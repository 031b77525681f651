"""What is left without the words, on the page: its table, its sentences, and what its part of the record must agree on."""

from __future__ import annotations

import numpy as np

from emotion_vectors.experiments.baselines.record import LOWER_IS_BETTER, Baselines
from emotion_vectors.experiments.words_out.record import (
    LEFT,
    LENS,
    OTHERS,
    OWN,
    STATIC,
    STATIC_LEFT,
    TESTS,
    Column,
    WordsOut,
)
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import require, require_close, require_within
from emotion_vectors.report.topic import Cell, Shade, Table, TableOf, Topic
from emotion_vectors.report.wording import count, fixed, listing, number, p_value, percent

ALPHA = 0.05
_TITLES = {
    "V1": "V1, own word in the lens", "V2": "V2, opposites apart", "V3": "V3, implied emotion first", "V4": "V4, mean rank",
    "V5": "V5, signs", "V6": "V6, strong trends", "V8": "V8, valence of the extremes", "V9": "V9, |r| > 0.3",
    "heldout": "Held-out, first, raw", "retrieval": "Retrieval, first, raw", "retrieval_rank": "Retrieval, mean rank, raw",
}  # fmt: skip
_ORDER = ("reliability", *_TITLES)


def beyond_chance(column: Column) -> list[str]:
    """The tests in which these vectors are beyond their own chance."""
    return [
        test for test in TESTS if (p := column.p(test)) is not None and column.value(test) is not None and p <= ALPHA
    ]


def left_seen(record: Record) -> str:
    """How much of the tests remains without the words, beside both controls; "" where this was not asked."""
    part = record.part(WordsOut)
    if part is None:
        return ""
    own, left, others, static, static_left = (part.column(name) for name in (OWN, LEFT, OTHERS, STATIC, STATIC_LEFT))
    assert (
        own is not None and left is not None and others is not None and static is not None and static_left is not None
    )
    passed = beyond_chance(own)
    remain = [test for test in passed if test in beyond_chance(left)]
    kept = [test for test in passed if test not in LENS and test in beyond_chance(others)]
    asked = [test for test in passed if test not in LENS]
    sentences = [
        f"The vectors are beyond chance (p ≤ 0.05) in {count(len(passed), 'test')}, and without the words in {number(len(remain))} of these"
        f"{f' ({_names(remain)})' if remain else ''}. With the words of other stories removed instead {number(len(asked))} of these "
        f"{'was' if len(asked) == 1 else 'were'} repeated, and the vectors are beyond chance in {number(len(kept))}."
    ]  # fmt: skip
    if left.explained is not None and left.cosine is not None and left.norm is not None:
        sentences.append(
            f"A regression on the words, fitted on other topics, predicts {_share(left.explained)} of the variance between the "
            f"stories of a topic{f' (words of other stories {_share(others.explained)})' if others.explained is not None else ''}; "
            "the vectors without them have a "
            f"median cosine of {fixed(left.cosine)} with those before and {fixed(left.norm)} times their length."
        )  # fmt: skip
    plain, after = beyond_chance(static), beyond_chance(static_left)
    sentences.append(
        "How thorough the removal is shows in what it leaves of pure words: the static embedding is beyond chance in "
        f"{count(len(plain), 'test')} and without "
        f"its words in {number(len(after))}{f' ({_names(after)})' if after else ''}."
    )
    return " ".join(sentences)


def _share(value: float) -> str:
    return percent(value, 1).replace("-", "−")


def _names(tests: list[str]) -> str:
    return listing(
        [_TITLES[test].partition(",")[0] if test.startswith("V") else _TITLES[test].lower() for test in tests]
    )


def left_table(record: Record) -> Table | None:
    """The vectors, the same without the words, and both controls; None where this was not asked."""
    part = record.part(WordsOut)
    if part is None:
        return None
    rows = []
    for test in _ORDER:
        if test == "reliability":
            rows.append((Cell("Split-half reliability"), *(Cell(_reliability(one), "number") for one in part.columns)))
        elif part.of.get(test) is not None:
            rows.append(
                (Cell(_TITLES[test]), *(Cell(_value(one, test, part.of[test]), "number") for one in part.columns))
            )
    note = (
        f"{left_seen(record)} {number(part.components)} components of the words (TF-IDF), fitted on the other topics ({number(part.folds)} groups). "
        "Each p is against the column's own chance level. V7 does not involve the vectors."
    )
    names = tuple(one.name[0].upper() + one.name[1:] for one in part.columns)
    return Table("What is left without the words", ("Test", *names), tuple(rows), note)


def _reliability(column: Column) -> str:
    if column.reliability is None:
        return "not measured"
    return f"r = {fixed(column.reliability)} ({p_value(column.reliability_p)})"


def _value(column: Column, test: str, whole: float | None) -> str:
    value, p = column.value(test), column.p(test)
    if value is None:
        return "not measured"
    text = fixed(value) if test in LOWER_IS_BETTER else f"{number(value)} of {number(whole)}"
    return f"{text} ({p_value(p)})" if p is not None else text


def by_emotion(record: Record) -> dict[str, float]:
    """How far the halves of each emotion's direction agree without the words of the stories."""
    part = record.part(WordsOut)
    left = part.column(LEFT) if part else None
    return dict(left.reliability_of) if left else {}


def by_emotion_note(record: Record) -> str:
    """The same before, and what the removal leaves of pure words."""
    part = record.part(WordsOut)
    if part is None:
        return ""
    told = [f"{_quoted(one)} {_reliability(one)}" for one in part.columns if one.reliability is not None]
    return f"Pearson r of the directions from the even and the odd topics, words removed. Medians, p against chance: {'; '.join(told)}."


def contradictions(record: Record) -> None:
    """Refuse impossible values, and columns before the removal that are not the criteria's and the baselines' own."""
    part, beside = record.part(WordsOut), record.part(Baselines)
    if part is None:
        return
    names = [one.name for one in part.columns]
    require(
        names == [OWN, LEFT, OTHERS, STATIC, STATIC_LEFT], f"What is left without the words has the columns {names}."
    )
    for one in part.columns:
        for test in TESTS:
            value, whole = one.value(test), part.of.get(test)
            require(whole is not None or value is None, f"{test} of {_quoted(one)} is {value} of nothing.")
            if whole is not None:
                require_within([value], 1 if test in LOWER_IS_BETTER else 0, whole, f"{test} of {_quoted(one)}")
        if one.reliability_of:
            median = float(np.median(list(one.reliability_of.values())))
            require_close(one.reliability, median, 1e-6, f"the split-half r of {_quoted(one)}")
    own = part.columns[0]
    for test in TESTS:
        if test in record.criteria:
            require_close(own.value(test), record.criteria[test].value, 0.006, f"{test} before the words are taken out")
    if beside is not None:
        static = next((row for row in beside.rows if row.name == STATIC), None)
        for test in TESTS:
            if static is not None and test not in LENS:
                require_close(part.columns[3].value(test), static.get(test), 1e-6, f"{test} of the {STATIC}")


def _quoted(column: Column) -> str:
    return f"'{column.name}'"


TOPIC = Topic(
    "words_out", "What is left without the words", parts=(WordsOut,), tables=(TableOf(left_table, place=61),), contradictions=contradictions,
    shades=(Shade("Agreement of halves without the words (r)", by_emotion, by_emotion_note),),
)  # fmt: skip
