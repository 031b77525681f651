"""Reliability of the vectors in the report: the table holds the record, and a contradiction is refused."""

from typing import Any

import pytest

from .asking import ContradictoryRecord, abstract, check, reliability_seen, render, vectors_table
from .reading import Page
from .record import build


def test_the_table_and_its_sentence_hold_the_record() -> None:
    record = build("full")
    check(record)
    found, table = record["vectors"]["split_half"], vectors_table(record)
    assert table is not None
    cells = {row[0].text: row[1].text for row in table.rows}
    assert cells["Split-half r, median over emotions"] == f"{found['median']:.2f}"
    assert cells["Emotions above the 95th percentile of chance"] == f"{found['beyond_null']} of {found['emotions']}"
    for row in record["experiments"]["lens"]["baselines"]:
        assert cells[f"Own word in the top {record['experiments']['lens']['k']}: {row['what']}"].endswith(
            f" of {row['of']}"
        )
    assert f"median r of {found['median']:.2f}" in table.note and f"{found['beyond_null']} are above 0.35" in table.note


def test_a_run_with_one_topic_has_no_reliability() -> None:
    record = build("full")
    record["vectors"]["split_half"] = None
    record["experiments"]["lens"].pop("baselines")
    check(record)
    assert reliability_seen(record) == "" and vectors_table(record) is None


def _beyond(split: dict[str, Any]) -> None:
    split["beyond_null"] += 1


def _row(split: dict[str, Any]) -> None:
    split["rows"][3]["r"] = 1.2


def _lowest(split: dict[str, Any]) -> None:
    split["min"] = 0.1


def _missing(split: dict[str, Any]) -> None:
    split["rows"].pop()


def _more_found(split: dict[str, Any]) -> None:
    split["identification"]["top1"] = split["identification"]["of"] + 1


def _rank(split: dict[str, Any]) -> None:
    split["identification"]["mean_rank"] = 0.5


@pytest.mark.parametrize("break_it", [_beyond, _row, _lowest, _missing, _more_found, _rank])
def test_a_reliability_that_contradicts_itself_is_refused(break_it: Any) -> None:
    record = build("full")
    break_it(record["vectors"]["split_half"])
    with pytest.raises(ContradictoryRecord):
        check(record)


NOISE = "These vectors don't agree with themselves: r = 0.03 (0.33 wanted)."


def _said(median: float, said: str, passed: bool) -> dict[str, Any]:
    record = build("full")
    split = record["vectors"]["split_half"]
    shift = median - split["median"]
    for row in split["rows"]:
        row["r"] += shift
    split |= {"median": median, "min": split["min"] + shift, "max": split["max"] + shift}
    split["beyond_null"] = sum(row["r"] > split["null"]["high"] for row in split["rows"])
    record["vectors"]["caution"] = said
    record["doctor"]["reliability"] = {
        "title": "The vectors agree with themselves", "measured": median, "limit": 1 / 3, "passed": passed, "kind": "warn", "detail": said,
    }  # fmt: skip
    return record


@pytest.mark.slow
def test_noise_is_called_noise_at_the_top_of_the_page_and_beside_the_numbers() -> None:
    for record, said in ((_said(0.03, NOISE, False), True), (_said(0.5, "", True), False), (build("full"), False)):
        page = Page(render(record, [])).text.replace("\u00a0", " ")
        top = page[: page.index("Do the vectors carry")]
        assert (NOISE in top) == said
        table = vectors_table(record)
        assert table is not None and (NOISE in table.note) == said == (NOISE in abstract(record))


@pytest.mark.parametrize(
    ("median", "said", "passed"), [(0.03, "", True), (0.5, NOISE, False), (0.03, NOISE, True), (0.5, "", False)]
)
def test_a_sentence_that_the_halves_don_t_bear_out_is_refused(median: float, said: str, passed: bool) -> None:
    with pytest.raises(ContradictoryRecord, match="reliability"):
        check(_said(median, said, passed))
    record = _said(0.03, NOISE, False)
    record["doctor"]["reliability"]["measured"] = 0.2
    with pytest.raises(ContradictoryRecord, match="reliability"):
        check(record)
