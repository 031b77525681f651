"""The report of V2 to V5 of ours: sentences give the record's numbers, and every contradiction is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from .asking import (
    abstract,
    check,
    criteria_table,
    figure_claims,
    pair_table,
    pairs_seen,
    twins_chart,
    twins_rows,
    words_table,
)
from .contradictions import assert_refused

Record = dict[str, Any]


@pytest.fixture(scope="module")
def made(toy_run) -> Record:
    """The record of a whole run of the toy model."""
    return toy_run[1]


def _part(record: Record, *names: str) -> Record:
    part = record["experiments"]
    for name in names:
        part = part[name]
    return part


def _set(*names: str, **changes: Any) -> Callable[[Record], None]:
    return lambda record: _part(record, *names).update(changes)


def _template(key: str, change: float) -> Callable[[Record], None]:
    def alter(record: Record) -> None:
        _part(record, "numeric", "twins")["templates"][0][key]["calm"] += change

    return alter


def _criterion(name: str, **changes: Any) -> Callable[[Record], None]:
    return lambda record: record["criteria"][name].update(changes)


def _p(name: str) -> Callable[[Record], None]:
    return lambda record: record["criteria"][name]["null"].update(p=0.987)


def _seed(name: str) -> Callable[[Record], None]:
    return lambda record: record["criteria"][name]["seed"].update(value=7)


CONTRADICTIONS: dict[str, tuple[Callable[[Record], None], str]] = {
    "a count of our pairs": (_set("lens", "opposites", count=0), "The count of our opposite pairs"),
    "a number of our pairs": (_set("lens", "opposites", of=9), "Our opposite pairs count 9"),
    "words of our pairs": (_set("lens", "opposites", words=5), "Our pairs are said to have 5 words"),
    "a count of the published pairs": (_set("lens", "pairs_test", count=2), "The count of the published pairs"),
    "a p of V2": (_p("V2"), "The p of V2"),
    "V2 against its pairs": (_criterion("V2", value=0.0), "V2 is stated as 0"),
    "Hong's V2": (_seed("V2"), "V2"),
    "both lists together": (_set("scenarios", "together", of=47), "Both lists together count 47"),
    "V3 against both lists": (_criterion("V3", value=9.0), "V3 is stated as 9"),
    "a p of V3": (_p("V3"), "The p of V3"),
    "V4 against both lists": (_criterion("V4", value=1.5), "V4 is stated as 1.5"),
    "the centred mean rank": (_set("scenarios", mean_rank_centred=1.0), "The centred mean rank"),
    "Hong's V3": (_seed("V3"), "V3"),
    "an excess": (_template("excess", 0.01), "The excess over the twin of calm in 'tremor'"),
    "a change of a twin": (_template("fitted_change_twin", 0.01), "The fitted change of calm in 'tremor'"),
    "a severity's difference": (_template("severity_difference", 0.01), "The severity's difference of calm"),
    "a count of curves beyond their twin": (_set("numeric", "twins", "excess", count=50), "The excess of the templates"),
    "a mean of the severity": (_set("numeric", "twins", "severity", mean=0.5), "The severity of the templates"),
    "V5 against its curves": (_criterion("V5", value=51.0), "V5 is stated as 51"),
    "a p of V5": (_p("V5"), "The p of V5"),
    "Hong's V5": (_seed("V5"), "V5"),
    "a first list that its curves deny": (_set("numeric", "twins", "earlier", value=3.0), "V5 without twins"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, made: Record) -> None:
    assert_refused(made, *CONTRADICTIONS[name])


def test_the_sentences_give_the_numbers_of_the_record(made: Record) -> None:
    twins, scenarios = _part(made, "numeric", "twins"), _part(made, "scenarios")
    signs = {"+": 1, "-": -1}
    excess = [signs[s] * t["excess"][e] for t in twins["templates"] for e, s in t["expected"].items() if s != "none"]
    right = sum(value > 0 for value in excess)
    assert f"{right} of {len(excess)} curves exceed the curve of their twin" in figure_claims(made, "E").seen
    assert f"the mean excess is {np.mean(excess):+.4f} in cosine".replace("-", "−") in figure_claims(made, "E").seen
    ranks = [*scenarios["ranks_centred"], *(item["rank_centred"] for item in scenarios["heldout"]["items"])]
    seen = figure_claims(made, 1).seen
    assert f"it is the highest in {ranks.count(1)} of {len(ranks)}" in seen
    assert f"mean rank {np.mean(ranks):.2f} (95 % interval" in seen
    assert f"naming it, in {ranks.count(1)} the intended probe is the highest of 12" in " ".join(abstract(made))
    assert f"its mean rank is {np.mean(ranks):.2f} (95 % interval" in " ".join(abstract(made))
    assert "mean rank raw p = " in figure_claims(made, 1).chance
    negative = sum(pair["dot"] < 0 for pair in _part(made, "lens", "opposites")["pairs"])
    assert f"{negative} of {len(_part(made, 'lens', 'opposites')['pairs'])} are negative (95 % interval" in pairs_seen(
        made
    )


def test_what_words_alone_reach_is_said_with_the_interval_of_the_difference(made: Record) -> None:
    record = copy.deepcopy(made)
    own, bag, static = _part(record, "baselines")["rows"]
    own["V3"], bag["V3"], static["V3"] = 5, 8, 4
    bag["ahead"]["V3"] = {"value": 3, "interval": [1, 6]}
    static["ahead"] = None  # as in an older record
    said = "a bag of words reaches 8 of 48 (difference from the vectors +3, 95 % interval 1 to 6) and a static embedding reaches 4 of 48 (the vectors 5)."
    assert said in figure_claims(record, 1).seen
    bag["ahead"]["V3"]["interval"] = [-1, 6]
    assert "+3, 95 % interval −1 to 6, so none is shown)" in figure_claims(record, 1).seen
    ranks = {row["name"]: row["ranks"] for row in _part(made, "baselines")["rows"]}
    assert {len(found) for found in ranks.values()} == {_part(made, "scenarios")["together"]["of"]}
    for row in _part(made, "baselines")["rows"][1:]:
        first = sum(rank == 1 for rank in row["ranks"]) - sum(rank == 1 for rank in ranks["residual stream"])
        assert row["ahead"]["V3"]["value"] == pytest.approx(first)
        assert row["ahead"]["V4"]["value"] == pytest.approx(np.mean(row["ranks"]) - np.mean(ranks["residual stream"]))


def test_tables_show_the_seeds_statistic_and_both_lists_of_pairs(made: Record) -> None:
    cells = {row[0].text[:2]: row[5].text for row in criteria_table(made).rows}
    seed = made["criteria"]["V3"]["seed"]
    assert f"{seed['value']:g} of 12 scenarios whose emotion has the highest raw cosine, ≥ 8" in cells["V3"]
    table = pair_table(made)
    assert table is not None and {row[1].text for row in table.rows} == {"published", "ours"}
    words = words_table(made)
    assert words is not None and "Hong's V3, raw, first scenarios" in [row[0].text for row in words.rows]


def test_figure_e_has_a_panel_for_each_template_and_every_change(made: Record) -> None:
    templates = _part(made, "numeric", "twins")["templates"]
    assert len(twins_rows(made)) == len(templates) * 4 * 3
    chart = twins_chart(made)
    assert chart is not None and len(chart.to_dict()["concat"]) == len(templates) == 18


def test_a_record_of_an_earlier_version_is_read_too(right: Record) -> None:
    """It has neither our pairs nor both lists together nor twins; V2 to V5 are Hong's own statistics there."""
    assert "opposites" not in right["experiments"]["lens"] and "twins" not in right["experiments"]["numeric"]
    check(right)
    assert twins_chart(right) is None and pairs_seen(right) == ""
    assert "go in the direction expected in advance" in figure_claims(right, 2).seen
