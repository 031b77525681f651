"""Sentences about Figure 4 (steering against correlation) and Figures 6 and 8 (one emotion, before and after)."""

from __future__ import annotations

from collections.abc import Sequence

from emotion_vectors.experiments.steering.controls import NULL_ARMS, RELABELLED
from emotion_vectors.experiments.steering.record import ControlEffect, EmotionEffect, Example, Steering
from emotion_vectors.experiments.steering.terms import VALENCES
from emotion_vectors.record import Record
from emotion_vectors.report.criteria import missing, null_sentence, reported
from emotion_vectors.report.published import CORRECTED_STEERING, CRITERIA, PAPER_STEERING, SEED_STEERING
from emotion_vectors.report.wording import (
    count,
    fixed,
    interval,
    listing,
    number,
    p_value,
    points,
    shortened,
)
from emotion_vectors.stats.scores import ELO_PER_NAT

SHORT = {arm.kind: arm.short for arm in NULL_ARMS}
# Without emotion. A vector of shuffled labels is a mixture of stories: it moves choices too, only not by its label.
EMPTY = tuple(arm.kind for arm in NULL_ARMS if arm.is_empty)
_PAPER_EXAMPLE = {"positive": "blissful", "negative": "hostile"}
_SEED_EXAMPLE = {"positive": "content", "negative": "hostile"}


def half_in_elo(nats: float | None) -> float | None:
    """Elo points by which the steered half moves when each steered option gains `nats` over each control option.

    Scores are centred, so the steered half gains one half of the transfer and the control half loses the other.
    """
    return None if nats is None else nats * ELO_PER_NAT / 2


def controls(steering: Steering) -> list[ControlEffect]:
    """The control directions of equal norm that the effects are compared with: random, orthogonal, shuffled labels."""
    return [row for row in steering.controls if row.kind in SHORT]


def control_range(steering: Steering, kinds: Sequence[str] = EMPTY) -> tuple[float, float] | None:
    """Lowest and highest move of the steered half by control directions, in Elo points of the effect in nats."""
    moves = [row.nats * ELO_PER_NAT / 2 for row in controls(steering) if row.kind in kinds]
    return (min(moves), max(moves)) if moves else None


def fallen_apart(steering: Steering) -> list[str]:
    """The steered emotions under whose vectors the answers fell apart."""
    return [row.emotion for row in steering.emotions if not row.coherent]


def scatter_seen(record: Record) -> str:
    """r with its interval, inside the valences too, the signs, and the largest rise and fall."""
    steering = record.part(Steering)
    if steering is None or not steering.emotions:
        return missing(record, "V10") or "This run has no steering."
    rows = sorted(steering.emotions, key=lambda row: row.nats)
    return " ".join((_coupling(steering), signs_seen(steering), _extremes(rows), coherence_seen(steering)))


def _coupling(steering: Steering) -> str:
    bounds = ""
    if steering.low is not None and steering.high is not None:
        bounds = f" (95 % interval {interval((steering.low, steering.high), 2)})"
    r = f"r = {fixed(steering.r)}{bounds}" if steering.r is not None else "r can't be computed"
    within = steering.within
    inside = [
        f"within the {count(int(within.of(v).emotions), f'{v} one')} it is {fixed(within.of(v).r)}"
        for v in VALENCES
        if within.of(v).r is not None
    ]
    both = (
        f"with each valence's mean subtracted {fixed(within.r)} ({p_value(within.p)})" if within.r is not None else ""
    )
    more = listing([text for text in (*inside, both) if text])
    return (
        f"Over {count(int(steering.of), 'steered emotion')} and {count(int(steering.splits), 'split')} of the activities, each used "
        f"both ways, correlation and effect have {r}" + (f"; {more}." if inside or both else ".")
    )


def signs_seen(steering: Steering) -> str:
    """The signs against valence and against correlation, stated separately with their own p."""
    of = steering.of
    by_correlation = f"the sign of its correlation with preference ({p_value(steering.p_signs_by_correlation)})."
    if steering.signs is None:
        return f"{steering.signs_by_correlation} of {of} effects have {by_correlation}"
    labelled = sum(row.valence is not None for row in steering.emotions)
    return (
        f"{steering.signs} of {labelled} effects have the sign of the emotion's valence ({p_value(steering.p_signs)}) and "
        f"{steering.signs_by_correlation} of {of} {by_correlation}"
    )


def _extremes(rows: Sequence[EmotionEffect]) -> str:
    ends = [
        f"{points(half_in_elo(row.nats))} ({row.emotion}; 95 % interval {points(half_in_elo(row.low))} to {points(half_in_elo(row.high))})"
        for row in (rows[0], rows[-1])
    ]
    return f"The steered half moves by {ends[0]} to {ends[1]} Elo points."


def coherence_seen(steering: Steering) -> str:
    """Under how many vectors the answers fell apart, and which; how the others changed on average."""
    rows, broken = steering.emotions, fallen_apart(steering)
    if not broken:
        return f"Under none of the {count(len(rows), 'vector')} did the answers fall apart."
    return (
        f"Under {number(len(broken))} of {count(len(rows), 'vector')} the answers fell apart (hollow points: {shortened(broken)}), "
        "so those effects say little about preference."
    )


def scatter_chance(record: Record) -> str:
    """The range of the control directions, and the nulls of V10 and V11."""
    steering = record.part(Steering)
    if steering is None:
        return "Nothing to compare."
    band = control_range(steering)
    moved = "No control direction was steered."
    if band is not None:
        moved = (
            f"{control_names(steering, EMPTY)} of the same norm moved the steered half by {points(band[0])} to {points(band[1])} "
            "Elo points (grey band)."
        )
    shuffled = control_range(steering, RELABELLED)
    if shuffled is not None:
        moved += (
            f" {control_names(steering, RELABELLED)}, mixtures of the same stories, moved it by {points(shuffled[0])} to "
            f"{points(shuffled[1])}; they may move choices, but not by their labels."
        )
    times = ""
    if steering.times_control is not None:
        times = (
            f" Along the correlation the effects are {number(steering.times_control)} times the standard deviation of those of "
            f"{SHORT[steering.hardest_control]} directions, the control that is hardest to beat."
        )
    return f"{moved}{times} {null_sentence(record.criteria['V10'])} {null_sentence(record.criteria['V11'])}"


def control_names(steering: Steering, kinds_shown: Sequence[str] = tuple(SHORT)) -> str:
    """ "10 random, 10 orthogonal and 5 shuffled-label directions"."""
    kinds = [row.kind for row in controls(steering) if row.kind in kinds_shown]
    return f"{listing([f'{number(kinds.count(kind))} {name}' for kind, name in SHORT.items() if kind in kinds])} directions"


def scatter_published(record: Record) -> str:
    """The paper's, Hong's and the corrected steering result."""
    r, signs = CRITERIA["V10"], CRITERIA["V11"]
    best, worst = PAPER_STEERING["blissful"], PAPER_STEERING["hostile"]
    return (
        f"Paper: r = {reported(r.paper)}, {reported(signs.paper)} signs (read from its Figure 4), blissful {points(best)} and hostile "
        f"{points(worst)} Elo points. Hong (2026): r = {reported(r.seed)}, {reported(signs.seed)} signs, because its hook acted on both "
        f"activities; corrected later: r = {reported(r.corrected)}, {reported(signs.corrected)} signs."
    )


def example(record: Record, valence: str) -> Example | None:
    """The example of one valence ("positive": Figure 6, "negative": Figure 8); None where this run has none."""
    steering = record.part(Steering)
    return None if steering is None else steering.examples.get(valence)


def example_seen(record: Record, valence: str) -> str:
    """How many steered activities rise and fall, and the mean change of both halves."""
    shown = example(record, valence)
    if shown is None or not shown.points:
        return f"This run has no steering example of a {valence} emotion."
    steered, control = shown.changes(True), shown.changes(False)
    if not steered or not control:
        return f"The steering example {shown.emotion} lacks a steered or a control half."
    steering = record.part(Steering)
    row = next((row for row in steering.emotions if row.emotion == shown.emotion), None) if steering else None
    whole = (
        f" Over all splits it is {points(half_in_elo(row.nats))} (95 % interval {points(half_in_elo(row.low))} to {points(half_in_elo(row.high))})."
        if row is not None
        else ""
    )
    return (
        f"In this split {sum(change > 0 for change in steered)} of {count(len(steered), 'activity', 'activities')} steered with {shown.emotion} go up and "
        f"{sum(change < 0 for change in steered)} down; the steered half changes by {points(sum(steered) / len(steered))} Elo points "
        f"on average, the control half by {points(sum(control) / len(control))}.{whole}"
    )


def example_chance(record: Record, valence: str) -> str:
    """The range of the random directions for one emotion."""
    steering = record.part(Steering)
    if steering is None or valence not in steering.examples:
        return "Nothing to compare."
    moves = [row.elo_steered for row in controls(steering)]
    if not moves:
        return "No control direction was steered in this run."
    return (
        f"By the {control_names(steering)} of the same norm the steered half moves by {points(min(moves))} to {points(max(moves))} Elo "
        "points over all splits. Scores are zero-sum: what one half gains the other loses."
    )


def example_published(record: Record, valence: str) -> str:
    """The paper's and Hong's example of the same valence."""
    paper, seed = _PAPER_EXAMPLE[valence], _SEED_EXAMPLE[valence]
    return (
        f"Paper: {paper} {points(PAPER_STEERING[paper])} Elo points on average. Hong (2026): {seed} {points(SEED_STEERING[seed])}, with the hook on "
        f"both activities; corrected later: {points(CORRECTED_STEERING[valence])}."
    )
