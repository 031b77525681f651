"""The verdict on a criterion, from its interval and its null.

A criterion claims that a quantity lies beyond a bar ("above" or "below" it). The verdict does not look at which side
the point estimate falls on: it asks what the interval allows and what chance would give.

Decision table, first row that applies (for "below" everything is mirrored):

| what is seen                                                                 | verdict      | because                |
|------------------------------------------------------------------------------|--------------|------------------------|
| estimate, an end of the interval or p is not a number, or the estimate lies  |              |                        |
| outside its interval                                                         | inconclusive | not estimable          |
| whole interval on the wrong side of the bar                                  | fail         | wrong side             |
| chance is known and the whole interval is no better than chance              | fail         | no better than chance  |
| interval touches both sides of the bar                                       | inconclusive | straddles the bar      |
| whole interval beyond the bar, null not rejected (p > alpha)                 | inconclusive | chance not excluded    |
| whole interval beyond the bar, null rejected (p <= alpha) or no null applies | pass         | beyond the bar         |

A null that is not rejected never makes a fail by itself: it shows a lack of evidence, not a lack of effect. A fail
needs an interval narrow enough to say so.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from emotion_vectors.errors import UserError

Verdict = Literal["pass", "fail", "inconclusive"]
Because = Literal[
    "not estimable", "wrong side", "no better than chance", "straddles the bar", "chance not excluded", "beyond the bar"
]


class Decision(NamedTuple):
    """A verdict and the row of the decision table that gave it."""

    verdict: Verdict
    because: Because


def verdict_from_interval(
    estimate: float,
    interval: tuple[float, float],
    *,
    bar: float,
    direction: Literal["above", "below"] = "above",
    inclusive: bool = False,
    p: float | None = None,
    alpha: float = 0.05,
    chance: float | None = None,
) -> Decision:
    """Decide by the table above.

    `interval` is (low, high) in the unit of `estimate` and `bar`. `inclusive` counts the bar itself as reached
    (">= 20"), otherwise it must be exceeded. `p` is the p value of the null, None only where no null applies. `chance`
    is the mean of the null in the unit of the estimate, None where it means nothing. Raises `UserError` for an
    upside-down interval or a bar that is not a number.
    """
    low, high = interval
    if direction not in ("above", "below") or low > high or math.isnan(bar):
        raise UserError(f"A verdict needs 'above' or 'below', a bar and low <= high, not {direction} {bar} {interval}.")
    if direction == "below":
        estimate, low, high, bar, chance = -estimate, -high, -low, -bar, None if chance is None else -chance
    known = [value for value in (estimate, low, high, p, chance) if value is not None]
    rounding = 1e-9 * max(1.0, abs(estimate))  # draws without any spread may miss the estimate by rounding
    if any(math.isnan(value) for value in known) or not low - rounding <= estimate <= high + rounding:
        return Decision("inconclusive", "not estimable")
    if high < bar or (high == bar and not inclusive):
        return Decision("fail", "wrong side")
    if chance is not None and high <= chance:
        return Decision("fail", "no better than chance")
    if low < bar or (low == bar and not inclusive):
        return Decision("inconclusive", "straddles the bar")
    if p is not None and p > alpha:
        return Decision("inconclusive", "chance not excluded")
    return Decision("pass", "beyond the bar")
