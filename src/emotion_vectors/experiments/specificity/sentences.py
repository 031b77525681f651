"""What the specificity of steering says: one sentence each in the reasons of V10 and V11, and those below figure and table."""

from __future__ import annotations

from emotion_vectors.experiments.specificity.record import Arm, Estimate, Specificity
from emotion_vectors.experiments.steering.controls import NULL_ARMS
from emotion_vectors.report.wording import count, fixed, interval, listing, number, p_value, percent

DEGENERATE = 0.9  # a mean r whose whole interval is above it: every vector does the same thing; chosen before any model was looked at
NAMES = {"emotion": "emotion vectors"} | {arm.kind: arm.plural for arm in NULL_ARMS}


def remarks(part: Specificity) -> dict[str, str]:
    """What is added to the reasons of V10 and V11; it changes no verdict."""
    alike, second = same_seen(part), part.references
    if second is None:
        return {name: alike for name in ("V10", "V11") if alike}
    against = f"Scored against {count(len(second.activities), 'activity', 'activities')} that are never steered"
    r = "r is not known"
    if second.r is not None and second.low is not None and second.high is not None:
        r = f"r is {fixed(second.r)} (95 % interval {interval((second.low, second.high), 2)}, {p_value(second.p)})"
    found = {"V10": f"{alike} {against}, {r}.".strip()}
    if second.signs is not None and second.signs_of is not None:
        signs = f"{number(second.signs)} of {number(second.signs_of)} effects have the sign of the valence"
        found["V11"] = f"{alike} {against}, {signs} ({p_value(second.signs_p)})."
    return found


def degenerate(arm: Arm) -> bool:
    """Whether every vector of the arm does the same thing, by its whole interval."""
    return arm.r.low is not None and arm.r.low > DEGENERATE


def same_seen(part: Specificity) -> str:
    """How alike the emotion vectors act, beside the control directions, as a sentence; "" where that is not known."""
    own = part.arm("emotion")
    if own is None or own.r.value is None:
        return ""
    others = [row for row in part.arms if row.kind != "emotion" and row.r.value is not None]
    beside = f"; {listing([f'{NAMES[row.kind]} {fixed(row.r.value)}' for row in others])}" if others else ""
    verdict = " Every vector does the same thing (degenerate)." if degenerate(own) else ""
    return (
        f"The effects of two emotion vectors correlate over the activities at {fixed(own.r.value)} on average (95 % interval "
        f"{_bounds(own.r)}{beside}), and which vector it is explains {_percent(own.vector)} of their variance.{verdict}"
    )


def _bounds(found: Estimate) -> str:
    return interval((found.low, found.high), 2) if found.low is not None and found.high is not None else "not available"


def _percent(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "not available"
    return f"{percent(found.value, 1)} (95 % interval {100 * found.low:.0f} to {100 * found.high:.0f} %)"


def shares_seen(part: Specificity) -> str:
    """Whose variance the effects of the emotion vectors are, with intervals, and how they differ from each control."""
    own = part.arm("emotion")
    if own is None or own.vector.value is None:
        return ""
    text = (
        f"Of the variance of the emotion vectors' effects {_percent(own.activity)} is what an activity gets under every vector, "
        f"{_percent(own.vector)} what a vector does to every activity, and {_percent(own.interaction)} belongs to both together."
    )
    differences = [
        f"{fixed(row.beyond.value)} ({_bounds(row.beyond)}) for {NAMES[row.kind]}"
        for row in part.arms
        if row.beyond is not None and row.beyond.value is not None
    ]
    return f"{text} Their mean r minus that of control directions is {listing(differences)}." if differences else text


def matrix_seen(part: Specificity) -> str:
    """The mean correlation, and by valence."""
    if part.same_valence is None or part.other_valence is None:
        return same_seen(part)
    return (
        f"{same_seen(part)} Two emotions of the same valence correlate at {fixed(part.same_valence)}, two of opposite valences at "
        f"{fixed(part.other_valence)}."
    )


def matrix_chance(part: Specificity) -> str:
    """What control directions give, with intervals."""
    others = [row for row in part.arms if row.kind != "emotion" and row.r.value is not None]
    if not others:
        return "This run steered no control directions to compare with."
    found = [f"{NAMES[row.kind]} {fixed(row.r.value)} ({_bounds(row.r)})" for row in others]
    return (
        f"Chance is what control directions of the same norm give: {listing(found)}. It need not be 0, because rounding of the unsteered "
        "answers enters every effect alike."
    )


def second_seen(part: Specificity) -> str:
    """How the second way to score agrees with the first, as a sentence."""
    second = part.references
    if second is None:
        return "No steered activity is paired with a reference in this run, so there is no second way to score."
    agreement = "is not known"
    if second.agreement is not None and second.agreement_low is not None and second.agreement_high is not None:
        agreement = (
            f"is {fixed(second.agreement)} (95 % interval {interval((second.agreement_low, second.agreement_high), 2)})"
        )
    return (
        f"Scored a second way, against {count(len(second.activities), 'activity', 'activities')} that are never steered "
        f"({number(second.pairs)} pairs), the effects' correlation over emotions with those of the verdict {agreement}. Unsteered, the means "
        f"of both groups differ by {fixed(abs(second.imbalance_nats), 3)} nats, on which a contraction of all preferences could act."
    )
