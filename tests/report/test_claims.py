"""Every sentence says what the record says: numbers are recomputed here, the plain way."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments.correlation.sentences import chance_band
from emotion_vectors.report.wording import fixed, points

from .asking import (
    abstract,
    bars_chance,
    category_table,
    criteria_table,
    figure_claims,
    limits,
    method_table,
    verdict_counts,
)
from .record import build

Record = dict[str, Any]


@pytest.fixture(params=[("full", 0), ("full", 3), ("toy", 0), ("toy", 1)], ids=str)
def record(request: pytest.FixtureRequest) -> Record:
    return build(*request.param)


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
    texts = []
    for verdict in ("pass", "fail", "inconclusive"):
        changed = copy.deepcopy(record)
        changed["criteria"]["V10"]["verdict"] = verdict
        texts.append(abstract(changed)[-1])
    assert "preferences move the way" in texts[0]
    assert "do not move the way" in texts[1] and "it remains open" in texts[2]


def test_scenario_sentence(record: Record) -> None:
    scenarios = record["experiments"]["scenarios"]
    seen, counts = figure_claims(record, 1).seen, []
    for kind in ("raw", "centred"):
        matrix = np.array(scenarios[kind])
        first = int(np.sum(matrix.argmax(axis=0) == np.arange(12)))
        rank = np.mean([np.sum(matrix[:, j] >= matrix[j, j]) for j in range(12)])
        assert f"{first} of 12 scenarios" in seen and f"mean rank {rank:.2f}" in seen
        counts.append(first)
    said = f"The intended probe is the highest in {counts[0]} of 12 texts that imply an emotion without naming it"
    assert f"{said} ({counts[1]} of 12 after centring; guessing gives 1 of 12)." in abstract(record)
    assert "first in 1 of 12 and at mean rank 6.5" in figure_claims(record, 1).chance


def test_numeric_sentence(record: Record) -> None:
    numeric = record["experiments"]["numeric"]
    changes = [t["cosine"][e][-1] - t["cosine"][e][0] for t in numeric["templates"] for e in numeric["emotions"]]
    right = total = 0
    for template in numeric["templates"]:
        for emotion, sign in template["expected"].items():
            if sign != "none":
                total += 1
                rho = stats.spearmanr(template["values"], template["cosine"][emotion]).statistic
                right += bool((rho > 0) == (sign == "+"))
    seen = figure_claims(record, 2).seen
    assert f"{right} of {total} curves go in the direction expected in advance" in seen
    assert f"{max(changes, key=abs):+.3f}".replace("-", "−") in seen


def test_correlation_sentence(record: Record) -> None:
    rows = record["experiments"]["correlation"]["emotions"]
    r = np.array([row["r"] for row in rows])
    claims = figure_claims(record, 3)
    assert f"{np.sum(np.abs(r) > 0.3)} of {len(r)} emotions have |r| > 0.3" in claims.seen
    assert f"r runs from {fixed(r.min())} to {fixed(r.max())}" in claims.seen
    for position in (np.argmax(r), np.argmin(r)):
        one = rows[position]
        assert f"{one['emotion']} ({one['valence']}, {fixed(one['low'])} to {fixed(one['high'])})" in claims.seen
    assert f"{sum(row['q'] < 0.05 for row in rows)} of {len(rows)} hold" in claims.chance


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


def test_direction_words_follow_the_sign(record: Record) -> None:
    for figure, valence in ((5, "positive"), (7, "negative")):
        shown, rows = (
            record["experiments"]["correlation"]["examples"][valence],
            record["experiments"]["correlation"]["emotions"],
        )
        row = next(row for row in rows if row["emotion"] == shown["emotion"])
        said = figure_claims(record, figure).seen
        assert ("the score rises" in said, "the score falls" in said) == (row["low"] > 0, row["high"] < 0)


def test_category_table_is_sorted_and_equals_the_record(record: Record) -> None:
    table = category_table(record)
    assert table is not None
    shown = [float(row[1].text.replace(",", "")) for row in table.rows]
    expected = {row["category"]: row["bradley_terry"] for row in record["experiments"]["preferences"]["categories"]}
    assert shown == sorted(shown, reverse=True)
    assert {row[0].text: float(row[1].text.replace(",", "")) for row in table.rows} == {
        name: round(v) for name, v in expected.items()
    }


def test_method_table_marks_what_differs() -> None:
    record = build("full")
    marks = {row[0].text: row[4].text for row in method_table(record).rows}
    assert marks["Emotions"] == "= same" and marks["Topics"] == "≠ differs" and marks["Parameters"] == "· no comparison"
    record["settings"]["topics"] = 100
    record["experiments"]["steering"]["tokens"] = "both activities"
    marks = {row[0].text: row[4].text for row in method_table(record).rows}
    assert marks["Topics"] == "= same" and marks["Steered tokens"] == "≠ differs"


def test_limits_name_what_the_pack_lacks() -> None:
    record = build("toy")
    record["stimuli"]["supplied_by_ours"] = ["opposite pairs"]
    assert "The pack lacks opposite pairs; that list comes from this package." in limits(record)


def test_chance_band_equals_scipy_p_value() -> None:
    for n in (12, 64):
        band = chance_band(n)
        assert band is not None
        x = stats.norm.rvs(size=n, random_state=n)
        noise = stats.norm.rvs(size=n, random_state=n + 1)
        x -= x.mean()
        noise -= noise.mean()
        noise -= x * (noise @ x) / (x @ x)
        y = band * x / np.linalg.norm(x) + np.sqrt(1 - band**2) * noise / np.linalg.norm(noise)
        assert stats.pearsonr(x, y).pvalue == pytest.approx(0.05, abs=1e-6)


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
