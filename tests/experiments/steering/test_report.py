"""Contradictions between steering, its criteria and the correlations: each is refused on its own."""

from __future__ import annotations

import pytest
from report.contradictions import PARTS, Change, Record, assert_refused, criterion, more, put


def _pass_with_crossing_interval(record: Record) -> None:
    steering = record["experiments"]["steering"]
    steering["low"] = -0.1
    record["criteria"]["V10"].update(verdict="pass", interval=[-0.1, steering["high"]])


def _inverted_but_passed(record: Record) -> None:
    for row in record["experiments"]["steering"]["emotions"]:
        row.update(
            nats=-row["nats"], low=-row["high"], high=-row["low"], elo=-row["elo"], elo_steered=-row["elo_steered"]
        )
    steering = record["experiments"]["steering"]
    steering.update(
        r=-steering["r"], low=-steering["high"], high=-steering["low"], slope=-steering["slope"], examples={}
    )
    record["criteria"]["V10"].update(value=steering["r"], interval=[steering["low"], steering["high"]], verdict="pass")


CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "pass across the bar": (_pass_with_crossing_interval, "reaches across the bar"),
    "inverted steering that passes": (_inverted_but_passed, "reaches across the bar"),
    "steering r against its emotions": (more(PARTS + "steering.r", -0.1), "steering r"),
    "more signs than emotions": (put(PARTS + "steering.signs", 36), "outside 0 to 35"),
    "five names called six": (put(PARTS + "steering.of", 36), "counts 36 emotions but lists 35"),
    "slope against r": (put(PARTS + "steering.slope", -1.0), "opposite signs"),
    "a score that the line denies": (
        more(PARTS + "steering.emotions.3.elo_steered", 600.0),
        "The slope of the steered half",
    ),
    "two correlations for one emotion": (more(PARTS + "steering.emotions.34.r", -0.01), "The r of the steered emotion"),
    "V10 against steering": (criterion("V10", value=0.7, interval=[0.5, 0.9]), "V10 is stated as 0.7"),
    "V11 against steering": (criterion("V11", value=28), "V11 is stated as 28"),
    "an example's change against its points": (
        more(PARTS + "steering.examples.negative.elo_steered", 20.0),
        "The change by",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])
