"""Contradictions of the control arms and of the inversion: each is refused on its own."""

from __future__ import annotations

import pytest
from report.contradictions import assert_refused

from experiments.steering.changes import Change, Record, all_of, more, put, turn

CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "more broken than vectors": (put("arms.3.broken", 11), "outside 0 to 10"),
    "broken vectors that are not listed": (put("arms.1.broken", 2), "counts 2 broken vectors"),
    "an arm with r of -1.2": (put("arms.7.r", -1.2), "outside -1 to 1"),
    "an arm twice": (put("arms.3.arm", "emotion"), "listed twice"),
    "a mean above the largest": (put("arms.10.mean_nats", 9.0), "largest effect disagree"),
    "the main arm against its emotions": (more("arms.1.mean_nats", 0.05), "mean_nats of the arm 'emotion'"),
    "the main arm with more vectors": (put("arms.1.vectors", 36), "has 36 vectors"),
    "the random arm against its directions": (put("arms.3.mean_nats", 0.0), "mean_nats of the arm 'random'"),
    "a net effect with both activities steered": (
        all_of(put("arms.8.mean_size_nats", 0.2), put("arms.8.largest_nats", 0.3)),
        "which no vector on both can have",
    ),
    "an effect at strength 0": (
        all_of(put("arms.0.mean_size_nats", 0.4), put("arms.0.largest_nats", 0.4)),
        "shows an effect of 0.4",
    ),
    "halves that don't add up to 0": (more("inversion.points.2.both_even", 0.01), "inversion's arm 'both'"),
    "sums that deny the identity": (put("inversion.arms.1.zero_sum_nats", 0.3), "must be 0"),
    "both halves beyond any pair": (put("inversion.arms.0.zero_sum_nats", 0.0), "but no pair to more than"),
    "a net transfer beyond any pair": (put("inversion.arms.0.net_transfer_nats", 99.0), "more than any of its pairs"),
    "halves' sum against the points": (put("inversion.arms.0.halves_sum_nats", 0.0), "the sum of both halves"),
    "r of a half with the other sign": (
        all_of(
            turn("inversion.arms.1.odd_r"),
            put("inversion.arms.1.odd_low", -1.0),
            put("inversion.arms.1.odd_high", 1.0),
        ),
        "r on the odd half",
    ),
    "r of a half of 1.5": (put("inversion.arms.0.even_r", 1.5), "outside -1 to 1"),
    "mean of a half against the points": (more("inversion.arms.2.even_mean_nats", 0.1), "the mean on the even half"),
    "a size in Elo against the points": (more("inversion.arms.1.mean_size_elo", 5.0), "the mean size in Elo"),
    "a point that the main arm denies": (more("inversion.points.0.own_even", 0.5), "on the even half"),
    "a point nobody steered": (put("inversion.points.0.emotion", "nobody"), "was not steered"),
    "five points called six": (put("inversion.emotions", 13), "13 emotions of 12"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])
