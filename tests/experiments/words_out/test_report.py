"""What the page says where words were taken out, and what it refuses."""

import copy
from types import SimpleNamespace

import pytest

from emotion_vectors.experiments.baselines.record import Baselines, Chances, Row, Sizes
from emotion_vectors.experiments.words_out import report
from emotion_vectors.experiments.words_out.record import (
    LEFT,
    OTHERS,
    OWN,
    STATIC,
    STATIC_LEFT,
    TESTS,
    Column,
    LensCount,
    WordsOut,
)
from emotion_vectors.record import ContradictoryRecord


def column(name, value, p, **more):
    row = {test: value for test in Chances.model_fields if test not in ("p",)}
    row = Row(name=name, **row, p=Chances(**dict.fromkeys(Chances.model_fields, p)))
    lens = LensCount(value=value, p=p) if name in (OWN, LEFT) else None
    facts = {"explained": None, "cosine": None, "norm": None, "reliability": 0.5, "reliability_p": 0.01} | more
    return Column(row=row, V1=lens, V2=lens, **facts)


def part():
    removed_from = {"explained": 0.25, "cosine": 0.5, "norm": 0.75}
    return WordsOut(
        components=9, folds=12, of=dict.fromkeys(TESTS, 12),
        columns=[
            column(OWN, 5, 0.01), column(LEFT, 2, 0.2, **removed_from), column(OTHERS, 4, 0.02, **removed_from | {"explained": -0.02}),
            column(STATIC, 3, 0.03), column(STATIC_LEFT, 1, 0.5, **removed_from),
        ],
    )  # fmt: skip


def record(found):
    static = found.columns[3].row
    beside = Baselines(rows=[static], of=Sizes(**dict.fromkeys(Sizes.model_fields, 12)), vocabulary=9)
    criteria = {test: SimpleNamespace(value=5) for test in TESTS if test.startswith("V")}
    parts = {WordsOut: found, Baselines: beside}
    return SimpleNamespace(part=parts.get, criteria=criteria)


def test_the_page_says_what_is_left_and_what_chance_is():
    said = report.left_seen(record(part()))
    assert (
        f"The vectors are beyond chance (p ≤ 0.05) in {len(TESTS)} tests, and without the words in 0 of these." in said
    )
    assert f"{len(TESTS) - 2} of these were repeated, and the vectors are beyond chance in {len(TESTS) - 2}." in said
    assert (
        "A regression on the words, fitted on other topics, predicts 25 %" in said
        and "(words of other stories −2 %)" in said
    )
    assert f"beyond chance in {len(TESTS) - 2} tests and without its words in 0." in said
    shown = report.left_table(record(part()))
    assert len(shown.rows) == 1 + len(TESTS) and len(shown.columns) == 6
    assert shown.rows[1][2].text == "2 of 12 (p = 0.20)" and shown.rows[1][3].text == "not measured"
    assert report.left_table(SimpleNamespace(part=lambda kind: None)) is None


def test_the_map_shows_what_is_left_of_each_emotion_beside_what_is_left_of_pure_words():
    found = part()
    found.columns[1] = column(LEFT, 2, 0.2, reliability=0.3, reliability_of={"sad": 0.4, "calm": 0.2})
    assert report.by_emotion(record(found)) == {"sad": 0.4, "calm": 0.2}
    said = report.by_emotion_note(record(found))
    assert "'without the words' r = 0.30 (p = 0.01)" in said and "'static embedding without its words' r = 0.50" in said


def test_contradictions_are_refused():
    report.contradictions(record(part()))
    for change, message in (
        (lambda d: d["columns"][0]["row"].__setitem__("V3", 7), "V3 before the words"),
        (lambda d: d["columns"][1]["V1"].__setitem__("value", 70), "V1 of 'without the words'"),
        (lambda d: d["columns"].reverse(), "has the columns"),
        (lambda d: d["columns"][1].__setitem__("reliability_of", {"sad": 0.4}), "split-half r of 'without the words'"),
    ):
        damaged = copy.deepcopy(part().dump())
        change(damaged)
        with pytest.raises(ContradictoryRecord, match=message):
            report.contradictions(record(WordsOut.model_validate(damaged)))


def test_one_test_is_singular():
    found = part()
    row = column(OWN, 5, 0.2).row
    one = {"row": row.model_copy(update={"p": row.p.model_copy(update={"V6": 0.01})})}
    lens = dict.fromkeys(("V1", "V2"), LensCount(value=2, p=0.5))
    found.columns[0] = found.columns[0].model_copy(update=one | lens)
    said = report.left_seen(record(found))
    assert "in 1 test, and without the words in 0 of these" in said and "1 of these was repeated" in said
