"""The steer tab: how strong an addition is, and the three answers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.explorer.markup import notice, text
from emotion_vectors.report.wording import fixed

# In mean residual norms. Runs steer with 0.5; from there on answers are often still words but no longer sense, and an
# addition as long as the residual itself leaves little of it.
STRONG, TOO_STRONG = 0.5, 1.0
LONGEST = 1.5
ARMS = ("unsteered", "steered", "random direction")


class Answer(NamedTuple):
    """One arm: its text so far and where it is (waiting, writing, done, stopped or a sentence of what went wrong)."""

    text: str = ""
    state: str = "waiting"


def total(units: np.ndarray, strengths: Sequence[float]) -> np.ndarray:
    """The sum (d,) of unit directions (k, d) times their strengths, in mean residual norms."""
    return np.asarray(strengths, dtype=np.float64) @ np.asarray(units, dtype=np.float64)


def meter(names: Sequence[str], strengths: Sequence[float], length: float) -> str:
    """The length of the whole addition in residual norms, with its zones in words and colour."""
    if not names or not length:
        return notice(
            "info",
            "Nothing is added yet.",
            "Choose an emotion and move its slider: then the steered answer can differ.",
        )
    length = round(length, 3)  # a unit vector's length is 1 within rounding, and 0.5 of it is not more than 0.5
    what = " + ".join(f"{fixed(strength)} × {name}" for name, strength in zip(names, strengths, strict=True))
    zone, advice = "ev-fine", "within what a run steers with"
    if length > TOO_STRONG:
        zone, advice = "ev-far", "longer than the residual itself: expect broken text"
    elif length > STRONG:
        zone, advice = "ev-strong", "strong: the answer may fall apart, so compare it with the random direction"
    share = 100 * min(length, LONGEST) / LONGEST
    return (
        f'<div class="ev-meter {zone}" role="status"><p>{text(what)}: together <b>{fixed(length)}</b> residual norms, {advice}.</p>'
        f'<div class="ev-scale"><i style="left:{100 * STRONG / LONGEST:.1f}%"></i><i style="left:{100 * TOO_STRONG / LONGEST:.1f}%"></i>'
        f'<b style="width:{share:.1f}%"></b></div></div>'
    )


def answers(arms: Sequence[Answer]) -> str:
    """The three answers side by side; every one is text, whatever the model wrote."""
    cards = []
    for name, arm in zip(ARMS, arms, strict=True):
        written = f'<p class="ev-story">{text(arm.text)}</p>' if arm.text else '<p class="ev-note">…</p>'
        live = ' aria-live="polite"' if arm.state == "done" else ""
        cards.append(
            f'<article class="ev-card ev-arm" data-arm="{name}" data-state="{text(arm.state)}"{live}><h3>{name} <small>{text(arm.state)}</small></h3>{written}</article>'
        )
    return f'<div class="ev-arms">{"".join(cards)}</div>'
