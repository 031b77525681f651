"""Contradictions inside the steering part and about the counts of verdicts: each is refused on its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from .asking import check
from .contradictions import assert_refused

Record = dict[str, Any]
Change = Callable[[Record], None]


def _part(record: Record, path: str) -> tuple[Any, Any]:
    *way, last = [int(step) if step.lstrip("-").isdigit() else step for step in path.split(".")]
    part: Any = record["experiments"]["steering"]
    for step in way:
        part = part[step]
    return part, last


def _put(path: str, value: Any) -> Change:
    """Replace what stands at `path` inside the steering part."""

    def change(record: Record) -> None:
        part, last = _part(record, path)
        part[last] = value

    return change


def _turn(path: str) -> Change:
    """Give the number at `path` the other sign."""

    def change(record: Record) -> None:
        part, last = _part(record, path)
        part[last] = -part[last]

    return change


def _more(path: str, amount: float) -> Change:
    def change(record: Record) -> None:
        part, last = _part(record, path)
        part[last] += amount

    return change


def _all(*changes: Change) -> Change:
    def change(record: Record) -> None:
        for one in changes:
            one(record)

    return change


def _verdicts(**stated: int) -> Change:
    return lambda record: record.update(verdicts=stated)


def _tenth_pass(record: Record) -> None:
    """Hong's own contradiction: V11 far below its bar and counted as passed."""
    criterion = record["criteria"]["V11"]
    criterion.update(
        seed_verdict="pass", threshold=criterion["value"] + 1, threshold_text=f"≥ {criterion['value'] + 1}"
    )


def _broken(amount: int) -> Change:
    def change(record: Record) -> None:
        steering = record["experiments"]["steering"]
        for row in steering["emotions"][:amount]:
            row.update(mass=0.1, coherent=False)
        for arm in steering["arms"]:
            if arm["arm"] in ("emotion", "wrong emotion"):
                arm["broken"] = amount

    return change


def _settings(**changes: Any) -> Change:
    return lambda record: record["settings"].update(changes)


CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "nine passes called ten": (_tenth_pass, "its verdict by Hong (2026) is pass"),
    "a stated count of passes": (_verdicts(**{"pass": 11}), "states 11 criteria with the verdict pass"),
    "a stated count of failures": (_verdicts(fail=3), "states 3 criteria with the verdict fail"),
    "r of 1.5": (_put("r", 1.5), "outside -1 to 1"),
    "an interval that does not hold r": (_all(_put("low", -0.5), _put("high", -0.4)), "outside its own interval"),
    "an interval that does not hold its effect": (_put("emotions.3.low", 5.0), "the interval runs from 5.0"),
    "an effect beyond its interval": (
        _all(_put("emotions.3.low", 5.0), _put("emotions.3.high", 6.0)),
        "outside its own interval",
    ),
    "an interval in Elo of another rate": (_more("emotions.3.elo_low", 40.0), "in Elo, its low end,"),
    "five names called six": (_put("of", 36), "counts 36 emotions but lists 35"),
    "an emotion twice": (_put("emotions.1.emotion", "droopy"), "steered twice"),
    "signs of valence miscounted": (_more("signs", -1), "Steering's count 'signs'"),
    "an effect with the other sign": (
        _all(_turn("emotions.34.nats"), _put("emotions.34.low", -9.0), _put("emotions.34.high", 9.0)),
        "The steering r",
    ),
    "signs of correlation miscounted": (_more("signs_by_correlation", 1), "Steering's count 'signs_by_correlation'"),
    "more signs of correlation than emotions": (_put("signs_by_correlation", 40), "outside 0 to 35"),
    "a p of signs above 1": (_put("p_signs_by_correlation", 1.5), "outside 0 to 1"),
    "V11's p is another": (_put("p_signs", 0.4), "The p of V11"),
    "its sign in 23 of 22 splits": (_put("emotions.0.same_sign_splits", 23), "outside 0 to 22"),
    "its sign in no split but on both halves": (_put("emotions.0.same_sign_splits", 0), "even and odd half deny"),
    "an r within the valences of 1.2": (_put("within.positive.r", 1.2), "outside -1 to 1"),
    "another r within a valence": (_more("within.negative.r", -0.1), "within the negative emotions"),
    "another r within both": (_more("within.r", -0.1), "The steering r within the valences"),
    "more positive emotions than steered": (
        _more("within.positive.emotions", 1),
        "within the positive emotions counts",
    ),
    "V10 passes on two clusters": (_put("within.p", 0.3), "two clusters could give it"),
    "a nat of effect worth negative Elo": (_turn("elo_per_nat"), "Elo points for a nat of effect"),
    "the line goes elsewhere": (_more("slope", 30.0), "The slope of the steered half"),
    "further beyond control directions": (_more("times_control", 2.0), "The effect against"),
    "an easier control called the hardest": (
        lambda record: record["experiments"]["steering"].update(hardest_control="mean"),
        "hardest_control can't be right: input should be 'random', 'orthogonal' or 'shuffled'",
    ),
    "V10's p below that of the controls": (
        lambda record: record["criteria"]["V10"]["null"].update(p=1e-9),
        "V10 states p",
    ),
    "a control direction of no kind": (_put("controls.0.kind", "other"), "controls.0.kind can't be right"),
    "a control direction in other Elo points": (_more("controls.2.elo_steered", 9.0), "direction in Elo"),
    "fewer controls than ordered": (_settings(random_directions=20), "10 random directions were steered"),
    "more shuffled vectors than ordered": (_settings(shuffled_vectors=3), "5 shuffled directions were steered"),
    "other splits than ordered": (_settings(random_splits=50), "22 splits"),
    "another strength than ordered": (_settings(strength=0.1), "The strength is 0.5"),
    "another layer than the vectors": (_put("layer", 19), "layer 19"),
    "fewer control emotions than ordered": (_settings(control_emotions=20), "12 control emotions"),
    "answers without mass called coherent": (_put("emotions.4.mass", 0.1), "called coherent although"),
    "answers without order called coherent": (_put("emotions.4.consistency", 0.1), "called coherent although"),
    "whole answers called broken": (_put("emotions.4.coherent", False), "called broken although"),
    "a mass of 1.3": (_put("emotions.4.mass", 1.3), "outside 0 to 1"),
    "a negative divergence": (_put("emotions.4.divergence", -0.5), "the divergence"),
    "a verdict on broken answers": (_broken(4), "fell apart under 4 of 35"),
    "more broken than vectors": (_put("arms.3.broken", 11), "outside 0 to 10"),
    "broken vectors that are not listed": (_put("arms.1.broken", 2), "counts 2 broken vectors"),
    "an arm with r of -1.2": (_put("arms.7.r", -1.2), "outside -1 to 1"),
    "an arm twice": (_put("arms.3.arm", "emotion"), "listed twice"),
    "a mean above the largest": (_put("arms.10.mean_nats", 9.0), "largest effect disagree"),
    "the main arm against its emotions": (_more("arms.1.mean_nats", 0.05), "mean_nats of the arm 'emotion'"),
    "the main arm with more vectors": (_put("arms.1.vectors", 36), "has 36 vectors"),
    "the random arm against its directions": (_put("arms.3.mean_nats", 0.0), "mean_nats of the arm 'random'"),
    "a net effect with both activities steered": (
        _all(_put("arms.8.mean_size_nats", 0.2), _put("arms.8.largest_nats", 0.3)),
        "which no vector on both can have",
    ),
    "an effect at strength 0": (
        _all(_put("arms.0.mean_size_nats", 0.4), _put("arms.0.largest_nats", 0.4)),
        "shows an effect of 0.4",
    ),
    "halves that don't add up to 0": (_more("inversion.points.2.both_even", 0.01), "inversion's arm 'both'"),
    "sums that deny the identity": (_put("inversion.arms.1.zero_sum_nats", 0.3), "must be 0"),
    "both halves beyond any pair": (_put("inversion.arms.0.zero_sum_nats", 0.0), "but no pair to more than"),
    "a net transfer beyond any pair": (_put("inversion.arms.0.net_transfer_nats", 99.0), "more than any of its pairs"),
    "halves' sum against the points": (_put("inversion.arms.0.halves_sum_nats", 0.0), "the sum of both halves"),
    "r of a half with the other sign": (
        _all(
            _turn("inversion.arms.1.odd_r"),
            _put("inversion.arms.1.odd_low", -1.0),
            _put("inversion.arms.1.odd_high", 1.0),
        ),
        "r on the odd half",
    ),
    "r of a half of 1.5": (_put("inversion.arms.0.even_r", 1.5), "outside -1 to 1"),
    "mean of a half against the points": (_more("inversion.arms.2.even_mean_nats", 0.1), "the mean on the even half"),
    "a size in Elo against the points": (_more("inversion.arms.1.mean_size_elo", 5.0), "the mean size in Elo"),
    "a point that the main arm denies": (_more("inversion.points.0.own_even", 0.5), "on the even half"),
    "a point nobody steered": (_put("inversion.points.0.emotion", "nobody"), "was not steered"),
    "five points called six": (_put("inversion.emotions", 13), "13 emotions of 12"),
    "a curve shorter than its strengths": (
        lambda record: record["experiments"]["steering"]["dose"]["emotions"][0]["nats"].pop(),
        "has 6 points for 7 strengths",
    ),
    "strengths out of order": (
        lambda record: record["experiments"]["steering"]["dose"]["strengths"].reverse(),
        "not in order",
    ),
    "an effect at strength 0 of a curve": (_put("dose.emotions.1.nats.2", 0.1), "at strength 0"),
    "a curve beside the main experiment": (_more("dose.emotions.1.nats.5", 0.1), "at the judged strength"),
    "another slope of a curve": (_turn("dose.emotions.0.nats_per_strength"), "its slope"),
    "a band upside down": (
        _all(_put("dose.strengths.6.random_low", 3.0)),
        "steering.dose.strengths.6 can't be right: the random band",
    ),
    "more random curves than directions": (_put("dose.random_directions", 11), "of 10"),
    "a chosen layer that was not swept": (_put("depth.chosen_layers", [20, 21]), "not two of those"),
    "layers out of order": (
        lambda record: record["experiments"]["steering"]["depth"]["rows"].reverse(),
        "not in order",
    ),
    "another effect along the correlation": (_more("depth.rows.1.contrast", 0.2), "Layer 12 of the sweep"),
    "a p of the chosen layer of 2": (_put("depth.p", 2.0), "steering.depth.p can't be right"),
    "another effect at the analysis layer": (
        _all(_more("depth.rows.3.emotions.0.nats", 0.2), _put("depth.rows.3.contrast", None)),
        "Layer 20 of the sweep",
    ),
    "a category that loses with a positive change": (_turn("categories.0.positive"), "do not add up to 0"),
    "a category that nobody is in": (_put("categories.0.category", "Other"), "not those of the activities"),
    "nine activities called eight": (_put("categories.2.activities", 9), "counts 9 activities of 8"),
    "a category's score against its activities": (_more("categories.2.baseline_nats", 0.5), "its score"),
    "a valence without an effect": (_put("categories.0.negative", None), "disagree"),
    "a range of scores that is another": (_more("scale.score_range_nats", 1.0), "of the scale"),
    "a whisper of 50 % at four nats": (_put("scale.win_at_range", 0.5), "win_at_range"),
    "a mean gap above the largest": (_put("scale.mean_gap_nats", 90.0), "above the largest"),
    "an Elo point of one nat": (_put("scale.nats_per_elo_point", 1.0), "nats_per_elo_point"),
    "a mean effect against the list": (_more("scale.mean_effect_nats", 0.1), "mean_effect_nats"),
    "an example that was not steered": (_put("examples.positive.emotion", "nobody"), "was not steered"),
    "an example that is not zero-sum": (_more("examples.positive.points.1.after", 60.0), "not by 0"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])


def test_true_counts_of_verdicts_pass(right: Record) -> None:
    record = copy.deepcopy(right)
    kinds = [criterion["verdict"] for criterion in record["criteria"].values()]
    record["verdicts"] = {kind: kinds.count(kind) for kind in ("pass", "fail", "inconclusive")}
    check(record)


def test_a_few_broken_answers_and_an_inconclusive_verdict_pass(right: Record) -> None:
    record = copy.deepcopy(right)
    _broken(3)(record)
    check(record)
    _broken(9)(record)
    for name in ("V10", "V11"):
        record["criteria"][name]["verdict"] = "inconclusive"
    check(record)


def test_a_run_without_sweeps_passes(right: Record) -> None:
    record = copy.deepcopy(right)
    record["experiments"]["steering"].update(dose=None, depth=None)
    check(record)
