"""Sentences of the controls follow the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from report.asking import (
    arms_seen,
    categories_seen,
    figure_claims,
    scale_seen,
)

from emotion_vectors.report.wording import fixed, number, points, signed
from experiments.steering.records import _steering

Record = dict[str, Any]


def test_band_is_that_of_random_and_orthogonal_directions(record: Record) -> None:
    rows, chance = _steering(record)["controls"], figure_claims(record, 4).chance
    assert "10 random and 10 orthogonal directions" in chance and "5 shuffled-label directions" in chance
    for kinds, unit in ((("random", "orthogonal"), " Elo points (grey band)"), (("shuffled",), ";")):
        moves = [row["nats"] * 400 / np.log(10) / 2 for row in rows if row["kind"] in kinds]
        assert f"{points(min(moves))} to {points(max(moves))}{unit}" in chance


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
