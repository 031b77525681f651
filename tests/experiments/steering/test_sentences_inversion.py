"""Sentences of the inversion follow the numbers."""

from __future__ import annotations

from typing import Any

import pytest
from report.asking import (
    contraction_seen,
    figure_claims,
)
from report.record import build

from emotion_vectors.report.wording import fixed, number, signed
from experiments.steering.records import _steering

Record = dict[str, Any]


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
        (0.8, 0.1, 0.2, "The sign is the same, but at least one interval includes 0"),
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
    assert f"preferences keep {100 * (1 + slope):.1f} % of their size" in text
    # The difference with its sign, and no word for its direction: it has no interval.
    assert f"less that of the odd half is {'−' if lead < 0 else ''}0.1 nats" in text and "leads" not in text
    assert f"move the even half by {signed(slope * lead, 4)} nats" in text
    assert signed(mean, 4) in text
