"""Sentences about Figure 4 (steering against correlation) and Figures 6 and 8 (one emotion, before and after)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emotion_vectors.report.claims_validation import null_sentence, reported
from emotion_vectors.report.contradiction import parts
from emotion_vectors.report.published import CORRECTED_STEERING, CRITERIA, PAPER_STEERING, SEED_STEERING
from emotion_vectors.report.wording import ELO_PER_NAT, count, fixed, interval, number, points

Record = dict[str, Any]
_PAPER_EXAMPLE = {"positive": "blissful", "negative": "hostile"}
_SEED_EXAMPLE = {"positive": "content", "negative": "hostile"}


def half_in_elo(nats: float | None) -> float | None:
    """Elo points by which the steered half moves when each steered option gains `nats` over each control option.

    Scores are centred, so the steered half gains one half of the transfer and the control half loses the other.
    """
    return None if nats is None else nats * ELO_PER_NAT / 2


def random_range(record: Record) -> tuple[float, float] | None:
    """Lowest and highest move of the steered half by the random directions, in Elo points."""
    moves = [row["nats"] * ELO_PER_NAT / 2 for row in parts(record, "experiments", "steering").get("random") or []]
    return (min(moves), max(moves)) if moves else None


def scatter_seen(record: Record) -> str:
    """r with its interval, the signs, and the largest rise and fall."""
    steering = parts(record, "experiments", "steering")
    rows = sorted(
        (row for row in steering.get("emotions") or [] if row["nats"] is not None), key=lambda row: row["nats"]
    )
    if not rows:
        return "This run has no steering."
    bounds = (
        f" (95 % interval {interval((steering['low'], steering['high']), 2)})"
        if steering.get("low") is not None
        else ""
    )
    r = f"r = {fixed(steering['r'])}{bounds}" if steering.get("r") is not None else "r can't be computed"
    by_correlation = ""
    if steering.get("signs_by_correlation") is not None:
        by_correlation = f", {steering['signs_by_correlation']} the sign of its correlation"
    return (
        f"Over {count(steering['of'], 'steered emotion')}, correlation and effect have {r}; {steering['signs']} of "
        f"{steering['of']} effects have the sign of the emotion's valence{by_correlation}. The steered half moves most by {points(half_in_elo(rows[-1]['nats']))} "
        f"({rows[-1]['emotion']}) and {points(half_in_elo(rows[0]['nats']))} Elo points ({rows[0]['emotion']})."
    )


def scatter_chance(record: Record) -> str:
    """The range of the random directions, and the nulls of V10 and V11."""
    steering, band = parts(record, "experiments", "steering"), random_range(record)
    if not steering:
        return "Nothing to compare."
    moved = "No random direction was steered."
    if band is not None:
        moved = (
            f"{count(len(steering['random']), 'random direction')} of the same norm moved the steered half by {points(band[0])} to "
            f"{points(band[1])} Elo points (grey band)."
        )
    return f"{moved} {null_sentence(record['criteria']['V10'])} {null_sentence(record['criteria']['V11'])}"


def scatter_published(record: Record) -> str:
    """The paper's, the seed's and the corrected seed's steering result."""
    r, signs = CRITERIA["V10"], CRITERIA["V11"]
    best, worst = PAPER_STEERING["blissful"], PAPER_STEERING["hostile"]
    return (
        f"Paper: r = {reported(r.paper)}, {reported(signs.paper)} signs (read from its Figure 4), blissful {points(best)} and hostile "
        f"{points(worst)} Elo points. Seed: r = {reported(r.seed)}, {reported(signs.seed)} signs, because its hook acted on both "
        f"activities; corrected by its author: r = {reported(r.corrected)}, {reported(signs.corrected)} signs."
    )


def example(valence: str) -> tuple[Callable[[Record], str], Callable[[Record], str], Callable[[Record], str]]:
    """The three sentences about the example of one valence ("positive": Figure 6, "negative": Figure 8)."""
    return (
        lambda record: example_seen(record, valence),
        lambda record: example_chance(record, valence),
        lambda record: example_published(record, valence),
    )


def example_seen(record: Record, valence: str) -> str:
    """How many steered activities rise and fall, and the mean change of both halves."""
    shown = parts(record, "experiments", "steering", "examples", valence)
    if not shown or not shown.get("points"):
        return f"This run has no steering example of a {valence} emotion."
    halves = {
        side: [p["after"] - p["baseline"] for p in shown["points"] if p["steered"] is side] for side in (True, False)
    }
    steered, control = halves[True], halves[False]
    if not steered or not control:
        return f"The steering example {shown['emotion']} lacks a steered or a control half."
    return (
        f"Steering with {shown['emotion']} raises {sum(change > 0 for change in steered)} of {count(len(steered), 'steered activity', 'steered activities')} "
        f"and lowers {sum(change < 0 for change in steered)}; the steered half changes by {points(sum(steered) / len(steered))} Elo points "
        f"on average, the control half by {points(sum(control) / len(control))}."
    )


def example_chance(record: Record, valence: str) -> str:
    """The range of the random directions for one emotion."""
    shown, band = parts(record, "experiments", "steering", "examples", valence), random_range(record)
    if not shown:
        return "Nothing to compare."
    if band is None:
        return "No random direction was steered in this run."
    amount = number(len(record["experiments"]["steering"]["random"]))
    return (
        f"With the {amount} random directions of the same norm the steered half moved by {points(band[0])} to {points(band[1])} Elo points. "
        "Scores are zero-sum: what one half gains the other loses."
    )


def example_published(record: Record, valence: str) -> str:
    """The paper's and the seed's example of the same valence."""
    paper, seed = _PAPER_EXAMPLE[valence], _SEED_EXAMPLE[valence]
    return (
        f"Paper: {paper} {points(PAPER_STEERING[paper])} Elo points on average. Seed: {seed} {points(SEED_STEERING[seed])}, with the hook on "
        f"both activities; corrected by its author: {points(CORRECTED_STEERING[valence])}."
    )
