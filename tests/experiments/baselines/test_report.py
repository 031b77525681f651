"""Sentences and tables of the controls say what the record says, recomputed the plain way."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from report.asking import battery_table, check, figure_claims, layers_seen, retrieval_seen, words_seen, words_table
from report.contradictions import PARTS, Change, assert_refused, criterion, more, put
from report.record import build

Record = dict[str, Any]


@pytest.fixture(params=[("full", 0), ("full", 3), ("toy", 1)], ids=str)
def record(request: pytest.FixtureRequest) -> Record:
    return build(*request.param)


def test_held_out_sentence(record: Record) -> None:
    ranks = np.array([item["rank_raw"] for item in record["experiments"]["scenarios"]["heldout"]["items"]])
    seen = figure_claims(record, 1).seen
    assert f"For 36 held-out scenarios it is the highest in {(ranks == 1).sum()} (95" in seen
    assert f"mean rank {ranks.mean():.2f}; centred in" in seen


def test_retrieval_sentence(record: Record) -> None:
    items = record["experiments"]["scenarios"]["retrieval"]["items"]
    ranks = np.array([item["rank_raw"] for item in items])
    text = retrieval_seen(record)
    assert f"first for {(ranks == 1).sum()} of 171" in text and f"first ten for {(ranks <= 10).sum()} " in text
    assert f"mean rank is {ranks.mean():.1f}" in text


def test_layer_sentence(record: Record) -> None:
    matches = [row["matches"] for row in record["experiments"]["scenarios"]["by_layer"]]
    text = layers_seen(record)
    assert f"run from {min(matches)} to {max(matches)} at layer {int(np.argmax(matches))}" in text
    assert "follows a rule" in text and text in figure_claims(record, 1).chance
    record["experiments"]["scenarios"]["layer_set_by_hand"] = True
    assert "was set by hand" in layers_seen(record)


def test_word_sentence_counts_who_does_as_well(record: Record) -> None:
    own, bag, static = record["experiments"]["baselines"]["rows"]
    for row in (bag, static):
        names = [
            key
            for key in ("V3", "V4", "V5", "V6", "V8", "V9")
            if row[key] is not None and (row[key] <= own[key] if key == "V4" else row[key] >= own[key])
        ]
        which = f" ({', '.join(names)})" if names else ""
        assert f"a {row['name']} reaches the value of the residual stream in {len(names)}{which}" in words_seen(record)
    assert "V5" in words_seen(record) and "V8" in words_seen(record)


def test_better_words_change_the_sentence() -> None:
    record = build("full")
    before = words_seen(record)
    record["experiments"]["baselines"]["rows"][2]["V4"] = 1.0
    check(record)
    assert words_seen(record) != before and re.search(r"static embedding reaches .* in 1 \(V4\)", words_seen(record))


def test_tables_hold_the_record(record: Record) -> None:
    tables = battery_table(record), words_table(record)
    assert tables[0] is not None and tables[1] is not None
    scenarios = record["experiments"]["scenarios"]
    expected = [
        m["value"]
        for part in ("heldout", "retrieval")
        for kind in ("raw", "centred")
        for m in scenarios[part][kind].values()
    ]
    shown = [float(row[1].text.split(" of ")[0]) for row in tables[0].rows]
    assert shown == pytest.approx(expected, abs=0.0051)
    rows = record["experiments"]["baselines"]["rows"]
    keys = ("V3", "V4", "heldout", "retrieval", "retrieval_rank", "V5", "V6", "V8", "V9")
    for key, line in zip(keys, tables[1].rows, strict=True):
        for row, cell in zip(rows, line[1:], strict=True):
            value = None if cell.text == "not measured" else float(cell.text.split(" ")[0])
            assert value == (None if row[key] is None else pytest.approx(row[key], abs=0.0051))


def test_a_run_without_controls_has_no_such_table_or_sentence() -> None:
    record = build("toy")
    record["experiments"].pop("baselines")
    for key in ("heldout", "retrieval", "by_layer", "best_layer"):
        record["experiments"]["scenarios"].pop(key)
    check(record)
    assert battery_table(record) is None and words_table(record) is None
    assert "held-out" not in figure_claims(record, 1).seen and layers_seen(record) == words_seen(record) == ""


CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "the words reach more than all": (put(PARTS + "baselines.rows.1.V3", 13), "V3 of the bag of words is 13"),
    "half a hit of the words": (put(PARTS + "baselines.rows.1.heldout", 2.5), "not a whole number"),
    "a mean rank of the words below 1": (put(PARTS + "baselines.rows.2.V4", 0.5), "outside 1 to 12"),
    "a p of the words above 1": (put(PARTS + "baselines.rows.1.p.V5", 1.2), "outside 0 to 1"),
    "the residual stream's V5 is not V5": (more(PARTS + "baselines.rows.0.V5", -1), "V5 of the residual stream"),
    "the residual stream's retrieval is another": (
        more(PARTS + "baselines.rows.0.retrieval", 1),
        "retrieval of the residual stream",
    ),
    "a note that flatters the words": (
        criterion("V3", note="A static embedding reaches 7 of 12."),
        "In the note of V3 the static embedding",
    ),
    "one representation and nothing beside it": (put(PARTS + "baselines.rows", []), "not compared"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])
