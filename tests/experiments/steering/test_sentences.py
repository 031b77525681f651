"""The sentences about steering say what the record says, also where a run does not show what Hong (2026) showed."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from report.asking import (
    arms_seen,
    arms_table,
    broken_seen,
    categories_seen,
    contraction_seen,
    effects_table,
    figure_claims,
    figures,
    inversion_table,
    lettered_figures,
    limits,
    scale_seen,
    steered_category_table,
)
from report.conftest import Written
from report.reading import Page
from report.record import build

from emotion_vectors.report.wording import fixed, number, points, signed

Record = dict[str, Any]


@pytest.fixture(params=[("full", 0), ("full", 3), ("toy", 0), ("toy", 1)], ids=str)
def record(request: pytest.FixtureRequest) -> Record:
    return build(*request.param)


def _steering(record: Record) -> Record:
    return record["experiments"]["steering"]


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


def test_band_is_that_of_random_and_orthogonal_directions(record: Record) -> None:
    rows, chance = _steering(record)["controls"], figure_claims(record, 4).chance
    assert "10 random and 10 orthogonal directions" in chance and "5 shuffled-label directions" in chance
    for kinds, unit in ((("random", "orthogonal"), " Elo points (grey band)"), (("shuffled",), ";")):
        moves = [row["nats"] * 400 / np.log(10) / 2 for row in rows if row["kind"] in kinds]
        assert f"{points(min(moves))} to {points(max(moves))}{unit}" in chance


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


def _set_half(arm: Record, even: float, odd: float, width: float) -> None:
    for half, value in (("even", even), ("odd", odd)):
        arm.update(
            {f"{half}_r": value, f"{half}_low": max(value - width, -1.0), f"{half}_high": min(value + width, 1.0)}
        )


@pytest.mark.parametrize(
    ("even", "odd", "width", "sentence"),
    [
        (0.8, 0.7, 0.2, "The sign does not depend on the half."),
        (-0.8, -0.7, 0.2, "The sign does not depend on the half."),
        (0.8, 0.1, 0.2, "The sign is the same, but at least one interval holds 0"),
        (0.8, -0.7, 0.2, "The signs differ: the half decides the sign even there"),
        (0.8, -0.1, 0.2, "The signs differ: at least one of them can't be told from 0"),
    ],
)
def test_what_the_half_does_to_our_arm_follows_the_numbers(
    even: float, odd: float, width: float, sentence: str
) -> None:
    record = build("full")
    _set_half(_steering(record)["inversion"]["arms"][0], even, odd, width)
    seen = figure_claims(record, "A").seen
    assert sentence in seen
    assert f"r is {fixed(even)}" in seen
    assert ("The sign does not depend" in seen) is (even * odd > 0 and min(abs(even), abs(odd)) > width)


@pytest.mark.parametrize(
    ("r", "width", "strong"), [(-0.96, 0.1, True), (0.96, 0.1, True), (0.2, 0.1, False), (0.6, 0.7, False)]
)
def test_a_weak_pattern_on_both_activities_is_called_weak(r: float, width: float, strong: bool) -> None:
    record = build("full")
    _set_half(_steering(record)["inversion"]["arms"][1], r, -r, width)
    seen = figure_claims(record, "A").seen
    assert ("decided by the parity" in seen) is strong and ("pattern is weak" in seen) is not strong


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


def test_the_identity_is_stated_by_number(record: Record) -> None:
    arms = {arm["touch"]: arm for arm in _steering(record)["inversion"]["arms"]}
    chance = figure_claims(record, "A").chance
    points = _steering(record)["inversion"]["points"]
    total = max(abs(point["own_even"] + point["own_odd"]) for point in points)
    assert "is 0 nats on both activities" in chance and f"against {number(arms['own']['zero_sum_nats'])} nats" in chance
    assert f"at most 0 nats there, against {number(total)} nats" in chance


@pytest.mark.parametrize(
    ("slope", "lead", "mean"), [(-0.3, 0.1, -0.02), (-0.3, -0.1, 0.02), (0.2, 0.1, -0.02), (-0.3, 0.1, 0.02)]
)
def test_contraction_sentence_follows_the_signs(slope: float, lead: float, mean: float) -> None:
    record = build("full")
    inversion = _steering(record)["inversion"]
    inversion["imbalance_nats"] = lead
    inversion["arms"][1].update(mean_contraction=slope, even_mean_nats=mean, odd_mean_nats=-mean)
    text = contraction_seen(record)
    assert f"preferences have {100 * (1 + slope):.1f} % of their size" in text
    assert ("leads the odd half" in text) is (lead > 0)
    assert f"move the even half by {signed(slope * lead, 4)} nats" in text
    assert signed(mean, 4) in text


def test_categories_gain_and_lose_by_their_numbers(record: Record) -> None:
    rows = _steering(record)["categories"]
    for value in (0.31, -0.31):
        next(row for row in rows if row["category"] == "Unsafe")["positive"] = value
        text = categories_seen(record)
        assert f"has {signed(value, 3)} nats here" in text
        best = max(rows, key=lambda row: row["positive"])
        worst = min(rows, key=lambda row: row["positive"])
        assert f"{sum(row['positive'] > 0 for row in rows)} of 8 categories gain" in text
        ends = [
            f"{signed(row['positive'], 3)} {unit}({row['category']})" for row, unit in ((worst, ""), (best, "nats "))
        ]
        assert f"from {ends[0]} to {ends[1]}" in text


def test_dose_and_depth_sentences(record: Record) -> None:
    steering = _steering(record)
    ends = {row["emotion"]: (row["nats"][0], row["nats"][-1]) for row in steering["dose"]["emotions"]}
    best = max(ends, key=lambda name: ends[name][1])
    claims = figure_claims(record, "B")
    assert f"to {signed(ends[best][1], 3)} nats ({best})" in claims.seen
    assert f"{sum(low * high < 0 for low, high in ends.values())} of 4 curves have opposite signs" in claims.seen
    band = steering["dose"]["strengths"][-1]
    outside = sum(high < band["random_low"] or high > band["random_high"] for _, high in ends.values())
    assert f"{outside} of 4 curves end outside" in claims.chance
    seen = figure_claims(record, "C")
    assert "layer 20 by the one and layer 24 by the other" in seen.seen and "+0.710 nats" in seen.seen
    assert "+0.090 nats on average (p = 0.001)" in seen.chance
    steering["depth"]["chosen_layers"] = [24, 24]
    assert ": layer 24. Judged" in figure_claims(record, "C").seen


def test_scale_sentence_is_arithmetic(record: Record) -> None:
    nats = [row["nats"] for row in record["experiments"]["preferences"]["activities"]]
    span = max(nats) - min(nats)
    text = scale_seen(record)
    assert f"scores span {number(span)} nats, that is {number(span * 400 / np.log(10))} Elo points" in text
    assert f"with probability {100 / (1 + np.exp(-span)):.1f} %" in text
    # 212 Elo on one half are 424 between the halves: 2.44 nats; 689 Elo are 3.97.
    assert "are 2.4 nats and Hong's −4.6 are −0.05" in text and "689 Elo between categories are 4.0 nats" in text


def test_flip_sentence_compares_the_same_emotions(record: Record) -> None:
    steering = _steering(record)
    shown = {point["emotion"] for point in steering["inversion"]["points"]}
    own = np.array([(row["r"], row["nats"]) for row in steering["emotions"] if row["emotion"] in shown])
    text = arms_seen(record)
    assert f"against {fixed(np.corrcoef(own.T)[0, 1])} for the same ones" in text and "turn" not in text


def test_tables_hold_every_arm_and_category(record: Record) -> None:
    steering = _steering(record)
    arms, halves, categories = arms_table(record), inversion_table(record), steered_category_table(record)
    assert arms is not None and halves is not None and categories is not None
    assert len(arms.rows) == len(steering["arms"]) and len(halves.rows) == 3
    assert {row[0].text for row in categories.rows} == {row["category"] for row in steering["categories"]}
    for row in steering["categories"]:
        shown = next(line for line in categories.rows if line[0].text == row["category"])
        assert shown[3].text == signed(row["positive"], 4)


def test_limits_state_what_steering_left_out(record: Record) -> None:
    text = " ".join(limits(record))
    assert "the dose-response curve shows 7 strengths" in text
    few = copy.deepcopy(record)
    _steering(few).update(dose=None, partners=8)
    text = " ".join(limits(few))
    assert "no other strength was tried" in text and "each activity meets 8 of 63 others" in text


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


@pytest.mark.slow
def test_figures_without_sweeps_and_without_steering_are_left_out() -> None:
    record = build("toy")
    _steering(record).update(dose=None, depth=None)
    assert [figure.number for figure in lettered_figures(record)] == ["A", "D"]
    del record["experiments"]["steering"], record["experiments"]["feels"]
    assert lettered_figures(record) == [] and arms_table(record) is None and inversion_table(record) is None
