"""Contradictions inside the steering part and about the counts of verdicts: each is refused on its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from report.asking import check
from report.contradictions import assert_refused

from experiments.steering.changes import Change, Record, all_of, more, put, turn


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
    "r of 1.5": (put("r", 1.5), "outside -1 to 1"),
    "an interval that does not hold r": (all_of(put("low", -0.5), put("high", -0.4)), "outside its own interval"),
    "an interval that does not hold its effect": (put("emotions.3.low", 5.0), "the interval runs from 5.0"),
    "an effect beyond its interval": (
        all_of(put("emotions.3.low", 5.0), put("emotions.3.high", 6.0)),
        "outside its own interval",
    ),
    "an interval in Elo of another rate": (more("emotions.3.elo_low", 40.0), "in Elo, its low end,"),
    "five names called six": (put("of", 36), "counts 36 emotions but lists 35"),
    "an emotion twice": (put("emotions.1.emotion", "droopy"), "steered twice"),
    "signs of valence miscounted": (more("signs", -1), "Steering's count 'signs'"),
    "an effect with the other sign": (
        all_of(turn("emotions.34.nats"), put("emotions.34.low", -9.0), put("emotions.34.high", 9.0)),
        "The steering r",
    ),
    "signs of correlation miscounted": (more("signs_by_correlation", 1), "Steering's count 'signs_by_correlation'"),
    "more signs of correlation than emotions": (put("signs_by_correlation", 40), "outside 0 to 35"),
    "a p of signs above 1": (put("p_signs_by_correlation", 1.5), "outside 0 to 1"),
    "V11's p is another": (put("p_signs", 0.4), "The p of V11"),
    "its sign in 23 of 22 splits": (put("emotions.0.same_sign_splits", 23), "outside 0 to 22"),
    "its sign in no split but on both halves": (put("emotions.0.same_sign_splits", 0), "even and odd half deny"),
    "an r within the valences of 1.2": (put("within.positive.r", 1.2), "outside -1 to 1"),
    "another r within a valence": (more("within.negative.r", -0.1), "within the negative emotions"),
    "another r within both": (more("within.r", -0.1), "The steering r within the valences"),
    "more positive emotions than steered": (
        more("within.positive.emotions", 1),
        "within the positive emotions counts",
    ),
    "V10 passes on two clusters": (put("within.p", 0.3), "two clusters could give it"),
    "a nat of effect worth negative Elo": (turn("elo_per_nat"), "Elo points for a nat of effect"),
    "the line goes elsewhere": (more("slope", 30.0), "The slope of the steered half"),
    "further beyond control directions": (more("times_control", 2.0), "The effect against"),
    "an easier control called the hardest": (
        lambda record: record["experiments"]["steering"].update(hardest_control="mean"),
        "hardest_control can't be right: input should be 'random', 'orthogonal' or 'shuffled'",
    ),
    "V10's p below that of the controls": (
        lambda record: record["criteria"]["V10"]["null"].update(p=1e-9),
        "V10 states p",
    ),
    "a control direction of no kind": (put("controls.0.kind", "other"), "controls.0.kind can't be right"),
    "a control direction in other Elo points": (more("controls.2.elo_steered", 9.0), "direction in Elo"),
    "fewer controls than ordered": (_settings(random_directions=20), "10 random directions were steered"),
    "more shuffled vectors than ordered": (_settings(shuffled_vectors=3), "5 shuffled directions were steered"),
    "other splits than ordered": (_settings(random_splits=50), "22 splits"),
    "another strength than ordered": (_settings(strength=0.1), "The strength is 0.5"),
    "another layer than the vectors": (put("layer", 19), "layer 19"),
    "fewer control emotions than ordered": (_settings(control_emotions=20), "12 control emotions"),
    "answers without mass called coherent": (put("emotions.4.mass", 0.1), "called coherent although"),
    "answers without order called coherent": (put("emotions.4.consistency", 0.1), "called coherent although"),
    "whole answers called broken": (put("emotions.4.coherent", False), "called broken although"),
    "a mass of 1.3": (put("emotions.4.mass", 1.3), "outside 0 to 1"),
    "a negative divergence": (put("emotions.4.divergence", -0.5), "the divergence"),
    "a verdict on broken answers": (_broken(4), "fell apart under 4 of 35"),
    "a category that loses with a positive change": (turn("categories.0.positive"), "do not add up to 0"),
    "a category that nobody is in": (put("categories.0.category", "Other"), "not those of the activities"),
    "nine activities called eight": (put("categories.2.activities", 9), "counts 9 activities of 8"),
    "a category's score against its activities": (more("categories.2.baseline_nats", 0.5), "its score"),
    "a valence without an effect": (put("categories.0.negative", None), "disagree"),
    "a range of scores that is another": (more("scale.score_range_nats", 1.0), "of the scale"),
    "a whisper of 50 % at four nats": (put("scale.win_at_range", 0.5), "win_at_range"),
    "a mean gap above the largest": (put("scale.mean_gap_nats", 90.0), "above the largest"),
    "an Elo point of one nat": (put("scale.nats_per_elo_point", 1.0), "nats_per_elo_point"),
    "a mean effect against the list": (more("scale.mean_effect_nats", 0.1), "mean_effect_nats"),
    "an example that was not steered": (put("examples.positive.emotion", "nobody"), "was not steered"),
    "an example that is not zero-sum": (more("examples.positive.points.1.after", 60.0), "not by 0"),
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
