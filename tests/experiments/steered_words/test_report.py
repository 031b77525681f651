"""Words while steered in the report: sentences and tables hold the record, contradictions are refused, old records read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from report.asking import (
    check,
    feels_rows,
    figure_claims,
    leaks_seen,
    leaks_table,
    lettered_figures,
    render,
    sentences_table,
)
from report.contradictions import assert_refused
from report.record import build

from emotion_vectors.experiments.steered_words.report import MISSING

Record = dict[str, Any]


def test_the_figure_holds_every_vector_and_word_of_the_papers_sentences(right: Record) -> None:
    rows = feels_rows(right)
    assert len(rows) == 2 * 12 * 12 and {row["sentence"] for row in rows} == {"He feels", "I feel"}
    for sentence in right["experiments"]["feels"]["sentences"][:2]:
        own = [row["nats"] for row in rows if row["own"] and row["sentence"] == sentence["sentence"]]
        assert own == np.diag(sentence["change"]).tolist()


def test_the_sentences_say_what_the_tables_say(right: Record) -> None:
    claims, feels = figure_claims(right, "D"), right["experiments"]["feels"]
    for row in feels["sentences"][:2]:
        table = np.array(row["change"])
        own, rest = table[np.eye(12, dtype=bool)], table[~np.eye(12, dtype=bool)]
        difference = f"{own.mean() - rest.mean():+.2f}".replace("-", "−")
        assert f"the difference is {difference} (95" in claims.seen
        assert f"rises under {(own > 0).sum()} of 12" in claims.seen
    judged = [row["beyond_chance"] for row in feels["sentences"][:2]]
    assert claims.seen.count("not beyond chance") == judged.count(False)
    assert "p = 0.06" in claims.chance and "0.5 times" in claims.chance and "52 and 53" in claims.published
    table = sentences_table(right)
    assert table is not None and [row[0].text for row in table.rows] == ["He feels (paper)", "I feel (paper)", "She feels (ours)"]  # fmt: skip
    assert table.rows[2][6].text == "not asked"


def test_the_answers_are_given_in_percent_with_what_was_not_seen(right: Record) -> None:
    table, leaks = leaks_table(right), right["experiments"]["leaks"]
    assert table is not None and len(table.rows) == 4
    for part, row in zip(leaks["strengths"], table.rows[1::2], strict=True):
        assert row[1].text == f"{100 * np.diag(part['table']).mean():.1f} %" and row[2].text == "2.0 %"
    assert (
        "no leak beyond chance" in leaks_seen(right) and "weak" in leaks_seen(right) and "26.0 %" in leaks_seen(right)
    )


@pytest.mark.slow
def test_a_leak_is_named_with_its_words_and_these_are_escaped(right: Record) -> None:
    record = build("full")
    part = record["experiments"]["leaks"]["strengths"][0]
    table = np.array(part["table"]) + 0.1 * np.eye(12)
    own, rest = float(np.diag(table).mean()), float(table[~np.eye(12, dtype=bool)].mean())
    part["table"] = table.tolist()
    part["own"] |= {
        "diagonal": own, "off_diagonal": rest, "contrast": own - rest, "interval": [0.05, 0.2], "dealt": {"mean": 0, "p": 0.001},
        "beyond_chance": True,
    }  # fmt: skip
    part["levels"]["special"] |= {"steered": own, "difference": own - 0.02, "interval": [0.05, 0.2]}
    check(record)
    assert "beyond chance: story content or words of the feeling" in leaks_seen(record)
    page = render(record, [])
    assert "<b>rain</b>" not in page and "&lt;b&gt;rain&lt;/b&gt; (sad, 3)" in page


@pytest.mark.parametrize("absent", ["missing", "none"])
@pytest.mark.slow
def test_a_record_without_these_parts_is_reported_with_a_sentence(absent: str) -> None:
    record = build("toy")
    for name in ("feels", "leaks"):
        if absent == "missing":
            del record["experiments"][name]
        else:
            record["experiments"][name] = None
    check(record)
    drawn = lettered_figures(record)
    assert [figure.number for figure in drawn] == ["A", "B", "C"]
    assert MISSING.replace("'", "&#39;") in render(record, drawn)


def _feels(record: Record) -> Record:
    return record["experiments"]["feels"]["sentences"][0]


def _leaks(record: Record) -> Record:
    return record["experiments"]["leaks"]["strengths"][0]


def _change_cell(record: Record) -> None:
    _feels(record)["change"][3][4] += 30.0


CONTRADICTIONS = [
    (_change_cell, "contrast of 'He feels'"),
    (lambda r: _feels(r)["change"].pop(), "are not 12 x 12"),
    (lambda r: _feels(r).update(own_up=13), "own words are said to rise"),
    (lambda r: _feels(r)["base"].__setitem__(0, 0.5), "feels.sentences.0.base.0"),
    (lambda r: _feels(r).update(beyond_chance=not _feels(r)["beyond_chance"]), "does not follow"),
    (lambda r: _feels(r).update(interval=[5.0, 6.0]), "is outside 5"),
    (lambda r: _feels(r)["per_token"].update(contrast=9.0), "per token"),
    (lambda r: _feels(r)["dealt"].update(p=1.5), "feels.sentences.0.dealt.p can't be right: 1.5"),
    (lambda r: r["experiments"]["feels"]["valence"].pop(), "11 valences"),
    (lambda r: _leaks(r)["table"][0].__setitem__(1, 1.5), "leaks.strengths.0.table.0.1 can't be right: 1.5"),
    (lambda r: _leaks(r)["levels"]["special"].update(steered=0.9), "The level of the answers"),
    (lambda r: _leaks(r)["levels"]["topics"].update(difference=0.5), "topics words of the answers"),
    (lambda r: _leaks(r)["own"].update(own_first=13), "counts of the answers"),
    (lambda r: r["experiments"]["leaks"].update(ceiling=1.2), "leaks.ceiling can't be right: 1.2"),
]


@pytest.mark.parametrize(("change", "message"), CONTRADICTIONS, ids=[message for _, message in CONTRADICTIONS])
def test_contradictions_are_refused(change: Any, message: str, right: Record) -> None:
    assert_refused(right, change, message)
