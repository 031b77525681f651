"""Sentences of "Why the earlier reproduction came out inverted": what the half does in each arm, the zero-sum identity, the contraction.

Every sentence is made from this run's numbers and says so where they do not show Hong's pattern.
"""

from __future__ import annotations

from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.experiments.steering.record_controls import Inversion, InversionArm
from emotion_vectors.experiments.steering.terms import HALVES, Half, Touch
from emotion_vectors.record import Record
from emotion_vectors.report.published import CRITERIA, SEED_HALVES, SEED_STEERING
from emotion_vectors.report.wording import count, fixed, interval, number, points, signed

TOUCHED: dict[Touch, str] = {
    "own": "on the steered activity alone",
    "both": "on both activities of a pair",
    "all": "on every token of the prompt",
}
_FAITHFUL = 0.3  # below this |r| the text calls a correlation weak; it decides no verdict


def inversion_arms(inversion: Inversion) -> dict[Touch, InversionArm]:
    """The arms by what they touch."""
    return {arm.touch: arm for arm in inversion.arms}


def parity_seen(record: Record) -> str:
    """What the choice of the half does to r, with the vector on one activity and on both."""
    steering = record.part(Steering)
    if steering is None:
        return "This run did not steer both activities of a pair."
    arms, amount = inversion_arms(steering.inversion), count(int(steering.inversion.emotions), "emotion")
    own, both = arms["own"], arms["both"]
    return (
        f"For {amount}, with the vector {TOUCHED['own']}, {_halves(own)}. {_own_meaning(own)} With the same vectors {TOUCHED['both']}, "
        f"{_halves(both)}. {_both_meaning(both)}"
    )


def _halves(arm: InversionArm) -> str:
    return "r is " + " and ".join(f"{_r(arm, half)} when the {half} half is steered" for half in HALVES)


def _r(arm: InversionArm, half: Half) -> str:
    found = arm.half(half)
    if found.r is None:
        return "not defined"
    bounds = ""
    if found.low is not None and found.high is not None:
        bounds = f" (95 % interval {interval((found.low, found.high), 2)})"
    return f"{fixed(found.r)}{bounds}"


def _clear(arm: InversionArm, half: Half) -> bool:
    """Whether the interval of r on a half leaves out 0."""
    found = arm.half(half)
    return found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)


def _own_meaning(arm: InversionArm) -> str:
    """Whether the half matters where it must not, as far as this run can tell."""
    if arm.even_r is None or arm.odd_r is None:
        return "So this run can't say whether the half matters there."
    clear = all(_clear(arm, half) for half in HALVES)
    if arm.even_r * arm.odd_r <= 0:
        what = "the half decides the sign even there" if clear else "at least one of them can't be told from 0"
        return f"The signs differ: {what}, so these effects are not evidence that steering follows the correlation."
    if clear:
        return "The sign does not depend on the half."
    return "The sign is the same, but at least one interval includes 0, so this run shows the rule only weakly."


def _both_meaning(arm: InversionArm) -> str:
    """That the sign flips there by arithmetic, and how strong a pattern it flips in this run."""
    r = arm.even_r
    if r is None:
        return "There the two halves mirror each other by arithmetic, but no r can be computed from this run's effects."
    flips = "The sign flips with the half, whatever the model does"
    if _clear(arm, "even") and abs(r) > _FAITHFUL:
        return f"{flips}: which of the two a report shows is decided by the parity of an index."
    return f"{flips}; this run's own pattern is weak there (the interval includes 0 or |r| is at most {number(_FAITHFUL)}), so the size of r means little."


def identity_seen(record: Record) -> str:
    """The zero-sum identity by number, and how far both halves are from adding up to 0."""
    steering = record.part(Steering)
    if steering is None:
        return "Nothing to compare."
    arms = inversion_arms(steering.inversion)
    own, both = arms["own"], arms["both"]
    sums = ", ".join(f"{nats(arm.zero_sum_nats)} {TOUCHED[touch]}" for touch, arm in arms.items() if touch != "own")
    return (
        "Scores are zero-sum: if both activities of a pair get the same vector, whatever one gains the other loses. The largest "
        f"|E[i, j] + E[j, i]| is {sums}, against {nats(own.zero_sum_nats)} {TOUCHED['own']}; the effects on a half and on "
        f"its complement add up to at most {nats(both.halves_sum_nats)} there, against {nats(own.halves_sum_nats)}. "
        f"The mean net transfer is {nats(both.net_transfer_nats)} against {nats(own.net_transfer_nats)}."
    )


def nats(value: float) -> str:
    """A size in nats; sizes below a ten-thousandth keep their power of ten."""
    if 0 < abs(value) < 1e-4:
        return f"{value:.1e} nats".replace("-", "−")
    return f"{number(value)} nats"


def contraction_seen(inversion: Inversion) -> str:
    """What is left when no transfer is possible: contraction, and what it does to a half with a lead of its own."""
    arms, lead = inversion_arms(inversion), inversion.imbalance_nats
    own, both = arms["own"], arms["both"]
    text = (
        f"What is left on both activities is a change that belongs to the pair: preferences {_contracted(both.mean_contraction)} of their size "
        f"(on the steered activity alone they {_contracted(own.mean_contraction)}). Before steering the mean score of the even half "
        f"less that of the odd half is {nats(lead)}, "
    )
    if both.mean_contraction is None or both.mean_contraction * lead == 0:
        return f"{text}so this gives neither half a direction."
    expected = both.mean_contraction * lead
    found = both.even_mean_nats
    return (
        f"{text}so this alone would move the even half by {signed(expected, 4)} nats. Its mean effect is {signed(found, 4)} nats, and that of the odd half {signed(both.odd_mean_nats, 4)}. The steered half moves by "
        f"{points(both.mean_size_elo).lstrip('+')} Elo points on average, against {points(own.mean_size_elo).lstrip('+')} "
        "with the vector on the steered activity alone."
    )


def _contracted(slope: float | None) -> str:
    if slope is None:
        return "keep an unmeasured part"
    return f"keep {fixed(100 * (1 + slope), 1)} %"


def inversion_published(record: Record) -> str:
    """Hong's r on the two halves, and what the corrected version found with the vector on one activity."""
    r, signs = CRITERIA["V10"], CRITERIA["V11"]
    return (
        f"Hong (2026): r = {number(r.seed.value)} and {number(signs.seed.value)} of {number(signs.seed.of)} signs with the hook on both activities, with "
        f"moves of {points(SEED_STEERING['content'])} and {points(SEED_STEERING['hostile'])} Elo points. Its author later steered the other half: "
        f"r went from {number(SEED_HALVES[0])} to {number(SEED_HALVES[1])}. With the vector on one activity it was {number(r.corrected.value)}, "
        f"{number(signs.corrected.value)} of {number(signs.corrected.of)} signs. The paper steers one activity and reports no other half."
    )
