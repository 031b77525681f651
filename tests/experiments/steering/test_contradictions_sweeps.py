"""Contradictions of the sweeps over strengths and layers: each is refused on its own."""

from __future__ import annotations

import pytest
from report.contradictions import assert_refused

from experiments.steering.changes import Change, Record, all_of, more, put, turn

CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "a curve shorter than its strengths": (
        lambda record: record["experiments"]["steering"]["dose"]["emotions"][0]["nats"].pop(),
        "has 6 points for 7 strengths",
    ),
    "strengths out of order": (
        lambda record: record["experiments"]["steering"]["dose"]["strengths"].reverse(),
        "not in order",
    ),
    "an effect at strength 0 of a curve": (put("dose.emotions.1.nats.2", 0.1), "at strength 0"),
    "a curve beside the main experiment": (more("dose.emotions.1.nats.5", 0.1), "at the judged strength"),
    "another slope of a curve": (turn("dose.emotions.0.nats_per_strength"), "its slope"),
    "a band upside down": (
        all_of(put("dose.strengths.6.random_low", 3.0)),
        "steering.dose.strengths.6 can't be right: the random band",
    ),
    "more random curves than directions": (put("dose.random_directions", 11), "of 10"),
    "a chosen layer that was not swept": (put("depth.chosen_layers", [20, 21]), "not two of those"),
    "layers out of order": (
        lambda record: record["experiments"]["steering"]["depth"]["rows"].reverse(),
        "not in order",
    ),
    "another effect along the correlation": (more("depth.rows.1.contrast", 0.2), "Layer 12 of the sweep"),
    "a p of the chosen layer of 2": (put("depth.p", 2.0), "steering.depth.p can't be right"),
    "another effect at the analysis layer": (
        all_of(more("depth.rows.3.emotions.0.nats", 0.2), put("depth.rows.3.contrast", None)),
        "Layer 20 of the sweep",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])
