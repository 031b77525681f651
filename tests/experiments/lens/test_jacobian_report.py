"""The Jacobian lens on the page: what the table and its sentence say is the record's, and a contradiction is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from report.asking import ContradictoryRecord, check, vectors_table
from report.record import build
from scipy import stats

Record = dict[str, Any]


def carried(seed: int = 0) -> Record:
    """A record whose run asked for the Jacobian lens."""
    record, rng = build("full"), np.random.default_rng(seed)
    lens = record["experiments"]["lens"]
    rows = [
        {"emotion": row["emotion"], "hit": bool(rng.random() < 0.2), "best_rank": int(rng.integers(1, 900)), "agreement": float(x),
         "top": ["<b>x</b>"]}
        for row, x in zip(lens["emotions"], rng.uniform(0.5, 1, len(lens["emotions"])), strict=True)
    ]  # fmt: skip
    own = np.array([row["hit"] for row in rows])
    logit = np.array([row["hit"] for row in lens["emotions"]])
    only, other, n, count = int((own & ~logit).sum()), int((logit & ~own).sum()), len(rows), int(own.sum())
    low, high = stats.binomtest(count, n).proportion_ci(method="wilson")
    agreement = [row["agreement"] for row in rows]
    lens["jacobian"] = {
        "texts": 14, "tokens": 1778, "texts_sha256": "0" * 64, "count": count, "of": n, "interval": [low * n, high * n],
        "other": {"through_norm": True, "count": 7}, "dealt": 1.5, "random": 0.5, "p": 0.0005, "static": 4,
        "against_static": {"vectors_only": count - 4, "static_only": 0, "p": 0.5 ** (count - 4)},
        "against_logit": {"jacobian_only": only, "logit_only": other, "p": float(stats.binomtest(only, only + other).pvalue)},
        "agreement": float(np.median(agreement)), "lowest_agreement": min(agreement), "kept": 0.35, "emotions": rows,
    }  # fmt: skip
    return record


def test_the_table_and_its_sentence_hold_the_record() -> None:
    record = carried()
    check(record)
    found, table = record["experiments"]["lens"]["jacobian"], vectors_table(record)
    cells = {row[0].text: row[1].text for row in table.rows}
    own = cells["Own word in the top 20 through the Jacobian lens: the vectors"]
    assert own.startswith(f"{found['count']} of 171 (95 % interval ")
    assert cells["Own word in the top 20 through the Jacobian lens: token embeddings of the stories"] == "4 of 171"
    said = table.note
    assert "J fitted on 14 neutral texts, 1,778 tokens" in said and f"{found['count']} of 171 vectors put" in said
    assert f"{found['against_logit']['jacobian_only']} words are recognised only by the Jacobian lens" in said
    assert f"median cosine of {found['agreement']:.2f} over the emotions" in said


def test_a_run_that_did_not_ask_for_it_says_that_it_was_not_measured() -> None:
    table = vectors_table(build("full"))
    found = [row[1].text for row in table.rows if "Jacobian" in row[0].text]
    assert found == ["not measured"] and "Jacobian" not in table.note


def _put(*path: Any, by: Callable[[Any], Any]) -> Callable[[Record], None]:
    def change(found: Record) -> None:
        *where, last = path
        for key in where:
            found = found[key]
        found[last] = by(found[last])

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_put("count", by=lambda x: x + 1), "Jacobian lens"),
        (_put("of", by=lambda x: x - 1), "out of 170"),
        (_put("interval", by=lambda x: [x[1] + 1, x[1] + 2]), "outside"),
        (_put("emotions", 0, "hit", by=lambda x: not x), "The count of the Jacobian lens"),
        (_put("emotions", 0, "emotion", by=lambda x: "no such"), "have other emotions"),
        (_put("against_logit", "jacobian_only", by=lambda x: x + 1), "What only the Jacobian lens"),
        (_put("against_logit", "logit_only", by=lambda x: x + 1), "What only the logit lens"),
        (_put("against_logit", "p", by=lambda x: x / 2 + 0.3), "A p of the Jacobian lens"),
        (_put("against_static", "p", by=lambda x: 0.9), "A p of the Jacobian lens"),
        (_put("static", by=lambda x: x + 1), "beyond the words"),
        (_put("agreement", by=lambda x: x - 0.01), "median agreement"),
        (_put("lowest_agreement", by=lambda x: x + 0.01), "lowest agreement"),
        (_put("other", "count", by=lambda x: 300), "A count of the Jacobian lens"),
        (_put("p", by=lambda x: 1.5), "outside 0 to 1"),
    ],
)
def test_contradictions_are_refused(change: Callable[[Record], None], sentence: str) -> None:
    record = copy.deepcopy(carried())
    change(record["experiments"]["lens"]["jacobian"])
    with pytest.raises(ContradictoryRecord, match=sentence):
        check(record)
