"""Sentences of the abstract and the limits that are not yet beside their experiments."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.published import CRITERIA as PUBLISHED
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.wording import count, fixed, interval, number

Record = dict[str, Any]


def steered(record: Record) -> str:
    """The steering result with its direction, beside the paper's and the seed's."""
    steering, verdict = parts(record, "experiments", "steering"), record["criteria"]["V10"]["verdict"]
    if not steering or steering.get("r") is None:
        return "The steering experiment gives no correlation in this run."
    direction = {
        "pass": "preferences move the way the correlation predicts",
        "fail": "preferences do not move the way the correlation predicts",
        "inconclusive": "it stays open whether preferences move the way the correlation predicts",
    }[verdict]
    paper, seed = PUBLISHED["V10"].paper, PUBLISHED["V10"].seed
    assert paper is not None
    bounds = interval((steering["low"], steering["high"]), 2) if steering.get("low") is not None else "not available"
    return (
        f"When the vectors are added on the steered activities alone, {direction}: r = {fixed(steering['r'])} over "
        f"{count(steering['of'], 'emotion')} (95 % interval {bounds}), against {number(paper.value)} in the paper and "
        f"{number(seed.value)} in the seed report, whose hook acted on both activities."
    )


def _steering_limits(steering: Record, settings: Record) -> list[str]:
    """What the steering experiment can't tell; nothing where nothing was steered."""
    if not steering:
        return []
    strength = number(steering["strength"])
    swept = len(parts(steering, "dose").get("strengths") or [])
    other = (
        f"the dose-response curve shows {number(swept)} strengths for a few emotions"
        if swept
        else "no other strength was tried"
    )
    sentences = [
        f"The steering verdicts use one strength, {strength} times the residual norm; {other}. The paper finds that a strength "
        "of 0.5 on an activity already overwrites its content."
    ]
    controls, emotions = parts(steering, "inversion").get("emotions"), steering["of"]
    if controls is not None and controls < emotions:
        sentences.append(
            f"The arms on both activities and on every token use {number(controls)} of the {number(emotions)} steered emotions."
        )
    partners, activities = steering["partners"], len(parts(steering, "examples", "positive").get("points") or [])
    if activities and partners < activities - 1:
        sentences.append(
            f"Under steering each activity meets {number(partners)} of {number(activities - 1)} others, so effects of single activities are rough."
        )
    return sentences
