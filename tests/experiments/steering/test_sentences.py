"""The sentences about steering say what the record says, also where a run does not show what Hong (2026) showed."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from report.asking import (
    arms_seen,
    broken_seen,
    categories_seen,
    contraction_seen,
    effects_table,
    figure_claims,
    figures,
    lettered_figures,
    limits,
    scale_seen,
)
from report.reading import Page
from report.record import build
from report.reports import Written

from emotion_vectors.report.wording import fixed
from experiments.steering.records import _steering

Record = dict[str, Any]


def test_signs_by_valence_and_by_correlation_are_two_counts(record: Record) -> None:
    rows, seen = _steering(record)["emotions"], figure_claims(record, 4).seen
    by_valence = sum((row["nats"] > 0) == (row["valence"] == "positive") for row in rows)
    by_correlation = sum(row["nats"] * row["r"] > 0 for row in rows)
    assert f"{by_valence} of {len(rows)} effects have the sign of the emotion's valence" in seen
    assert f"{by_correlation} of {len(rows)} the sign of its correlation" in seen


def test_r_within_each_valence_is_stated_where_there_is_one(record: Record) -> None:
    seen = figure_claims(record, 4).seen
    for valence in ("positive", "negative"):
        own = [(row["r"], row["nats"]) for row in _steering(record)["emotions"] if row["valence"] == valence]
        stated = f"within the {len(own)} {valence} ones it is"
        if len(own) >= 4:
            assert f"{stated} {fixed(np.corrcoef(np.array(own).T)[0, 1])}" in seen
        else:
            assert stated not in seen


@pytest.mark.slow
def test_broken_answers_are_counted_named_and_drawn_hollow(record: Record) -> None:
    steering = _steering(record)
    assert "Under none of the" in figure_claims(record, 4).seen
    broken = [steering["emotions"][i] for i in (0, 3)]
    for row in broken:
        row["coherent"] = False
    steering["arms"][1]["broken"] = 2
    figure = figures(record)[3]
    for row in broken:
        assert row["emotion"] in figure.seen
    assert f"Under 2 of {steering['of']} vectors" in figure.seen
    assert {row["emotion"] for row in figure.rows if row["answers"] == "fell apart"} == {
        row["emotion"] for row in broken
    }
    assert figure.chart is not None
    layers = figure.chart.to_dict()["hconcat"][0]["layer"]
    hollow = [layer["mark"] for layer in layers if "fell apart" in str(layer.get("transform"))]
    assert len(hollow) == 1 and hollow[0]["fill"] == "white"
    named = {
        row["emotion"]
        for layer in layers
        if layer["mark"]["type"] == "text"
        for row in _data(figure.chart.to_dict(), layer)
    }
    assert named >= {row["emotion"] for row in broken}
    assert f"under 2 of {steering['of']} emotion vectors" in broken_seen(record)
    table = effects_table(record)
    assert table is not None and sum(row[-1].text == "fell apart" for row in table.rows) == 2


def _data(specification: dict[str, Any], layer: dict[str, Any]) -> list[dict[str, Any]]:
    given = layer["data"]
    return given["values"] if "values" in given else specification["datasets"][given["name"]]


def test_r_that_is_not_defined_is_said() -> None:
    record = build("full")
    for arm in _steering(record)["inversion"]["arms"]:
        arm.update({f"{half}_{key}": None for half in ("even", "odd") for key in ("r", "low", "high")})
    seen = figure_claims(record, "A").seen
    assert (
        seen.count("not defined") == 4
        and "can't say whether the half matters" in seen
        and "no r can be computed" in seen
    )


def test_limits_state_what_steering_left_out(record: Record) -> None:
    text = " ".join(limits(record))
    emotions = len(_steering(record)["dose"]["emotions"])
    assert f"the dose-response curve shows 7 strengths for {emotions} emotion" in text
    few = copy.deepcopy(record)
    _steering(few).update(dose=None, partners=8)
    text = " ".join(limits(few))
    assert "preferences were steered with no other" in text and "each activity is paired with 8 of 63 others" in text


@pytest.mark.slow
def test_the_page_shows_the_sections_and_their_sentences(full: Written) -> None:
    text = Page(full.page).text.replace("\u00a0", " ")
    for heading in ("Why the earlier reproduction came out inverted", "Controls of the steering experiment"):
        assert heading in text
    shown = [
        contraction_seen(full.record),
        categories_seen(full.record),
        scale_seen(full.record),
        arms_seen(full.record),
    ]
    for figure in lettered_figures(full.record):
        shown += [figure.seen, figure.chance, figure.published]
    for sentence in shown:
        assert sentence in text
