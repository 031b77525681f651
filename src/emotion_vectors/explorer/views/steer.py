"""The steer tab: how strong an addition is, and the three answers side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emotion_vectors.explorer.markup import colour, notice, text, visible
from emotion_vectors.report.wording import fixed, signed

if TYPE_CHECKING:
    from emotion_vectors.vectors.reading import Reading

# In mean residual norms. Runs steer with 0.5; from there on answers are often still words but no longer sense, and an
# addition as long as the residual itself leaves little of it.
STRONG, TOO_STRONG = 0.5, 1.0
LONGEST = 1.5
GENTLE = 0.1  # where a slider begins: it changes answers; the strength finder says whether language stays whole
ARMS = ("unsteered", "steered", "random direction")


class Answer(NamedTuple):
    """One arm: its text so far and where it is (waiting, writing, done or stopped), what was said before, and its tokens as HTML."""

    text: str = ""
    state: str = "waiting"
    before: Sequence[Mapping[str, str]] = ()
    tokens: str = ""


class Zone(NamedTuple):
    """Up to which length the answers were found whole: along the emotions, and along a random direction."""

    found: float
    by_chance: float


def total(units: np.ndarray, strengths: Sequence[float]) -> np.ndarray:
    """The sum (d,) of unit directions (k, d) times their strengths, in mean residual norms."""
    return np.asarray(strengths, dtype=np.float64) @ np.asarray(units, dtype=np.float64)


def mix(names: Sequence[str], strengths: Sequence[float]) -> dict[str, float]:
    """The strength of each emotion, added up where one is chosen twice."""
    found: dict[str, float] = {}
    for name, strength in zip(names, strengths, strict=True):
        found[name] = found.get(name, 0.0) + strength
    return found


def meter(names: Sequence[str], strengths: Sequence[float], length: float, zone_found: Zone | None = None) -> str:
    """The length of the whole addition in residual norms, with its zones in words and colour; `zone_found`: the finder's."""
    if not names or not length:
        return notice(
            "info",
            "Nothing is added yet.",
            "Choose an emotion and move its slider: then the steered answer can differ.",
        )
    length = round(length, 3)  # a unit vector's length is 1 within rounding, and 0.5 of it is not more than 0.5
    what = _sum(names, strengths)
    if not length:
        return notice(
            "info", f"Nothing is added: {what} cancel each other out.", "Move a slider, or choose another emotion."
        )
    zone, advice = "ev-fine", "in the range in which a run steers choices; an answer may fall apart sooner"
    if length > TOO_STRONG:
        zone, advice = "ev-far", "longer than the residual itself, so expect broken text"
    elif length > STRONG:
        zone, advice = "ev-strong", "strong: the answer may fall apart, so compare it with the random direction"
    if zone_found is not None:
        inside = length <= zone_found.found + 0.0051  # the slider's step
        zone = "ev-fine" if inside else zone if zone != "ev-fine" else "ev-strong"
        advice = (
            "in the range in which answers stay whole" if inside else "above the strengths at which answers stay whole"
        )
    share = 100 * min(length, LONGEST) / LONGEST
    return (
        f'<div class="ev-meter {zone}" role="status"><p>{text(what)}: together <b>{fixed(length)}</b> residual norms, {advice}.</p>'
        f'<div class="ev-scale"><i style="left:{100 * STRONG / LONGEST:.1f}%"></i><i style="left:{100 * TOO_STRONG / LONGEST:.1f}%"></i>'
        f'{_whole(zone_found)}<b style="width:{share:.1f}%"></b></div>{_told(zone_found)}</div>'
    )


def _sum(names: Sequence[str], strengths: Sequence[float]) -> str:
    """ "0.30 × calm − 0.10 × sad"."""
    first, *others = [
        (" − " if strength < 0 else " + ", f"{fixed(abs(strength))} × {name}")
        for name, strength in zip(names, strengths, strict=True)
    ]
    return f"{'−' if strengths[0] < 0 else ''}{first[1]}" + "".join(sign + part for sign, part in others)


def answers(arms: Sequence[Answer]) -> str:
    """The three answers side by side; every one is text, whatever the model wrote."""
    cards = []
    for name, arm in zip(ARMS, arms, strict=True):
        said = "".join(
            f'<p class="ev-turn"><b>{text(one["role"])}</b> {text(one["content"])}</p>' for one in arm.before
        )
        written = f'<p class="ev-story">{arm.tokens or text(arm.text)}</p>' if arm.text else '<p class="ev-note">…</p>'
        live = ' aria-live="polite"' if arm.state == "done" else ""
        cards.append(
            f'<article class="ev-card ev-arm" data-arm="{name}" data-state="{text(arm.state)}"{live}><h3>{name} <small>{text(arm.state)}</small></h3>{said}{written}</article>'
        )
    return f'<div class="ev-arms">{"".join(cards)}</div>'


def _whole(zone: Zone | None) -> str:
    return "" if zone is None else f'<u style="width:{100 * min(zone.found, LONGEST) / LONGEST:.1f}%"></u>'


def _told(zone: Zone | None) -> str:
    if zone is None:
        return ""
    own = f"up to {fixed(zone.found)} (underlined)" if zone.found else "at none of the strengths tried"
    chance = f"up to {fixed(zone.by_chance)}" if zone.by_chance else "at none"
    return (
        f'<p class="ev-note">Answers to this prompt stay whole {own}, with a random direction of the same length {chance}. Whole: at most 1 nat per '
        "token less likely under the unsteered model, and not in a loop.</p>"
    )


def coloured(
    reading: Reading, emotion: str, layer: int, answer: str, most: float | None = None, brief: bool = False
) -> tuple[str, float]:
    """The `answer` of a chat as HTML, its tokens coloured by an emotion, and the value that gets the full colour (None: its own).

    What was written after the reading stays plain; of an answer of which only a part is read (a thinking model's) nothing is coloured, "".
    `brief`: a token tells its own value alone, so that a page which is sent again with every token stays small.
    """
    from emotion_vectors.explorer.views.read import limit, show, tip

    shown, span = show(reading, emotion, layer, "centred"), reading.messages[-1]
    most = limit(shown.values[span.first : span.last]) if most is None else most
    read = "".join(reading.tokens[span.first : span.last])
    if not answer.strip().startswith(read.strip()):
        return "", most
    pieces = [
        f'<span class="ev-t" tabindex="{0 if i == span.first else -1}" style="background:{colour(float(shown.values[i]) / most)}" '
        f'data-tip="{text(f"{emotion} {signed(float(shown.values[i]), 3)}" if brief else tip(shown, i))}">{visible(reading.tokens[i])}</span>'
        for i in range(span.first, span.last)
    ]
    return "".join(pieces) + text(answer.lstrip()[len(read.lstrip()) :]), most
