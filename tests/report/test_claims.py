"""Every sentence says what the record says: numbers are recomputed here, the plain way."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest

from emotion_vectors.report.wording import fixed, points
from report.asking import (
    abstract,
    bars_chance,
    criteria_table,
    figure_claims,
    limits,
    verdict_counts,
)
from report.record import build

Record = dict[str, Any]


def test_abstract_counts_the_verdicts_of_the_table(record: Record) -> None:
    text = " ".join(abstract(record))
    rows = criteria_table(record).rows
    counted = {
        verdict: sum(row[4].text.endswith(verdict) for row in rows) for verdict in ("pass", "fail", "inconclusive")
    }
    stated = {
        "pass": r"(\d+) pass(?:es)? \(V",
        "fail": r"(\d+) fails? \(V",
        "inconclusive": r"(\d+) (?:is|are) inconclusive \(V",
    }
    for verdict, pattern in stated.items():
        found = re.findall(pattern, text)
        assert [int(number) for number in found] == ([counted[verdict]] if counted[verdict] else [])
    by_threshold = sum(row[5].text.startswith("✓") for row in rows)
    assert f"Hong (2026) alone {by_threshold} of 11 pass" in text


def test_changing_a_verdict_changes_the_sentence() -> None:
    record = build("full")
    before = " ".join(abstract(record))
    for name in ("V1", "V2", "V11"):
        record["criteria"][name].update(verdict="fail")
    assert verdict_counts(record)["fail"] == ["V1", "V2", "V11"]
    after = " ".join(abstract(record))
    assert "3 fail (V1, V2, V11)" in after and "3 fail" not in before


def test_steering_sentence_turns_with_its_verdict() -> None:
    record = build("full")
    record["experiments"]["steering"].update(low=-0.1, high=0.2, r=0.1)
    texts = []
    for verdict in ("pass", "fail", "inconclusive"):
        changed = copy.deepcopy(record)
        changed["criteria"]["V10"]["verdict"] = verdict
        texts.append(abstract(changed)[-1])
    assert "preferences move the way" in texts[0]
    assert "it is not shown that preferences move the way" in texts[1] and "it remains open" in texts[2]


@pytest.mark.parametrize(
    ("ends", "said"), [((0.2, 0.35), "less closely than V10 asks"), ((-0.9, -0.2), "move against")]
)
def test_a_failed_v10_says_the_direction_of_its_interval(ends: tuple[float, float], said: str) -> None:
    record = build("full")
    record["criteria"]["V10"]["verdict"] = "fail"
    record["experiments"]["steering"].update(low=ends[0], high=ends[1], r=sum(ends) / 2)
    assert said in abstract(record)[-1]


def test_steering_sentences(record: Record) -> None:
    steering = record["experiments"]["steering"]
    best = max(steering["emotions"], key=lambda row: row["nats"])
    seen = figure_claims(record, 4).seen
    assert f"r = {steering['r']:.2f}" in seen and f"{steering['signs']} of {steering['of']}" in seen
    best_elo, *bounds = (points(best[key] * 400 / np.log(10) / 2) for key in ("nats", "low", "high"))
    assert f"{best_elo} ({best['emotion']}; 95 % interval {bounds[0]} to {bounds[1]})" in seen
    for figure, valence in ((6, "positive"), (8, "negative")):
        shown = steering["examples"][valence]["points"]
        change = np.array([point["after"] - point["baseline"] for point in shown if point["steered"]])
        text = figure_claims(record, figure).seen
        assert (
            f"{np.sum(change > 0)} of {len(change)} activities steered with" in text
            and f"go up and {np.sum(change < 0)} down" in text
        )
        mean = re.search(r"steered half changes by ([+−]?[\d.,]+) Elo", text)
        assert mean and float(mean[1].replace("−", "-").replace(",", "")) == pytest.approx(change.mean(), abs=0.51)


def test_limits_name_what_the_pack_lacks() -> None:
    record = build("toy")
    record["stimuli"]["supplied_by_ours"] = ["opposite pairs"]
    assert "The pack lacks opposite pairs; that list comes from this package." in limits(record)


def test_v11_shows_both_counts_each_beside_what_it_is() -> None:
    record = build("full", 0)
    row = next(row for row in criteria_table(record).rows if row[0].text.startswith("V11"))
    effects = record["experiments"]["steering"]["emotions"]
    by_r = sum(one["r"] * one["nats"] > 0 for one in effects)
    assert row[1].text.endswith(f"by valence, {by_r}/{len(effects)} by sign of r")
    assert row[6].text == "28/36 by sign of r", "the paper's figure shows signs of r"


def test_discoveries_say_how_many_of_their_directions_the_halves_share() -> None:
    record = build("full", 0)
    rows, halves = record["experiments"]["correlation"]["emotions"], record["vectors"]["split_half"]
    for number, row in enumerate(rows):
        row["q"] = 0.01 if number < 6 else 0.5
    named = {row["emotion"]: number for number, row in enumerate(rows)}
    for row in halves["rows"]:
        row["r"] = halves["null"]["high"] + (0.1 if named[row["emotion"]] < 4 else -0.1)
    assert f"6 of {len(rows)} hold at a false-discovery rate of 5 %; of these, 4 have a direction" in bars_chance(
        record
    )
    record["vectors"]["split_half"] = None
    assert f"6 of {len(rows)} hold at a false-discovery rate of 5 %. " in bars_chance(record)


def test_the_abstract_says_how_far_the_vectors_agree_with_themselves() -> None:
    record = build("full", 0)
    halves = record["vectors"]["split_half"]
    said = f"median r of {fixed(halves['median'])}"
    assert said in " ".join(abstract(record)) and f"{halves['beyond_null']} of {halves['emotions']}" in " ".join(
        abstract(record)
    )
    record["vectors"]["caution"] = "These vectors don't agree with themselves."
    text = " ".join(abstract(record))
    assert "don't agree with themselves" in text and said not in text
