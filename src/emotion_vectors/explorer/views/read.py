"""The read tab: a text or chat with each token coloured by an emotion.

Shapes: t tokens, e emotions, l layers. The first token is left out of the scale and of all means: in most models it
collects attention whatever the text is, and its residual is many times longer than the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.markup import Cell, bar, colour, legend, notice, table, text, visible
from emotion_vectors.report.wording import fixed, signed
from emotion_vectors.vectors.calibration import KINDS, Calibration
from emotion_vectors.vectors.in_sample import SAID

if TYPE_CHECKING:
    from emotion_vectors.vectors.reading import Reading

SCALES = {
    "centred": "cosine, centred on neutral text",
    "raw": "raw cosine",
    "projection": "projection, in residual norms",
}
Scale = Literal["centred", "raw", "projection"]
TOP = 5
MOST_VALUES = 20_000_000  # numbers kept per reading and visitor (80 MB); beyond that only one layer is read
MOST_CHARACTERS = 20_000
ROLE = re.compile(r"^(system|user|human|assistant)\s*:[ \t]*", re.IGNORECASE | re.MULTILINE)
EXAMPLE_TEXT = (
    "She read the letter twice. The results were back, and the doctor wanted to see her today. Her hands shook as she "
    "folded it.\n\nThen the phone rang: it had been a mix-up. She laughed until she cried, and went out to buy a cake."
)
EXAMPLE_CHAT = (
    "User: I studied for months and failed the exam by one point. I don't know how to tell my parents.\n"
    "Assistant: I'm so sorry. One point must feel cruel after all that work.\n"
    "User: They will say I was lazy. Maybe they are right."
)


class Shown(NamedTuple):
    """What is drawn of a reading: one emotion at one layer. `values` (t,); `every` (t, e)."""

    reading: Reading
    emotion: str
    layer: int
    scale: Scale
    values: np.ndarray
    every: np.ndarray


def parse(written: str, chat: bool) -> str | list[dict[str, str]]:
    """A plain text as it is, or a chat of lines that begin with `User:`, `Assistant:` or `System:` as messages."""
    if not written.strip():
        raise UserError("There is nothing to read; paste a text, or choose an example.")
    if len(written) > MOST_CHARACTERS:
        raise UserError(
            f"The text has {len(written):,} characters and this page reads {MOST_CHARACTERS:,}; use `emotion-vectors read` for long texts."
        )
    if not chat:
        return written
    starts = list(ROLE.finditer(written))
    if not starts or written[: starts[0].start()].strip():
        raise UserError(
            "A chat begins with User:, Assistant: or System: on a line of its own; put one there, or read it as plain text."
        )
    messages = []
    for this, following in zip(starts, [*starts[1:], None], strict=True):
        role = this.group(1).lower().replace("human", "user")
        content = written[this.end() : following.start() if following else len(written)].strip()
        if not content:
            raise UserError(f"A message of the {role} is empty; write something after its name, or delete the line.")
        messages.append({"role": role, "content": content})
    return messages


def layers_to_read(characters: int, emotions: int, layers: int, layer: int) -> list[int]:
    """All layers where a text of this many characters leaves few enough numbers, else the chosen one alone."""
    return list(range(layers)) if characters * emotions * layers * 3 <= MOST_VALUES else [layer]


def show(reading: Reading, emotion: str, layer: int, scale: Scale) -> Shown:
    """One emotion at one layer of a reading; raw values where the vectors carry no centre."""
    table = {"raw": reading.raw, "projection": reading.projection, "centred": reading.centred}[scale]
    if table is None:
        scale, table = "raw", reading.raw
    every = table[:, :, list(reading.layers).index(layer)]
    values = every[:, list(reading.emotions).index(emotion)]
    return Shown(reading, emotion, layer, scale, values, every)


def limit(values: np.ndarray) -> float:
    """The value that gets the full colour: the 98th percentile of the sizes (t,), without the first token."""
    rest = np.abs(values[1:] if len(values) > 1 else values)
    return max(float(np.quantile(rest, 0.98)), 1e-6)


def top_emotions(shown: Shown, token: int, most: int = TOP) -> list[tuple[str, float]]:
    """The emotions with the highest values at one token, best first."""
    row = shown.every[token]
    return [(shown.reading.emotions[i], float(row[i])) for i in np.argsort(-row)[:most].tolist()]


def tokens(shown: Shown) -> str:
    """The text as coloured tokens; each has its values in `data-tip`, which the page shows on hover, focus and tap."""
    reading, most = shown.reading, limit(shown.values)
    starts = {span.first: span.role for span in reading.messages if span.role != "text"}
    inside = np.zeros(len(reading.tokens), dtype=bool)
    for span in reading.messages:
        inside[span.first : span.last] = True
    pieces = []
    for i, token in enumerate(reading.tokens):
        if i in starts:
            pieces.append(f'<span class="ev-role">{text(starts[i])}</span>')
        marked = i == reading.response
        classes = "ev-t" + ("" if inside[i] or marked else " ev-frame") + (" ev-response" if marked else "")
        classes += " ev-control" if i in reading.control else ""
        background = "transparent" if i == 0 and not inside[0] else colour(float(shown.values[i]) / most)
        # Only one token is a stop of the Tab key; arrow keys go from token to token.
        pieces.append(
            f'<span class="{classes}" tabindex="{0 if i == 0 else -1}" style="background:{background}" data-tip="{text(tip(shown, i))}">'
            f"{visible(token)}</span>"
        )
        if marked:
            pieces.append('<span class="ev-mark">◂ response position: the answer begins here</span>')
    scale = SCALES[shown.scale]
    if reading.centred is None:
        scale += " (these vectors come without a neutral mean, so nothing can be centred)"
    ends = legend(f"−{number(most)} away from {shown.emotion}", f"+{number(most)} towards {shown.emotion}")
    head = f'<p class="ev-facts"><b>{text(shown.emotion)}</b> at layer {shown.layer} · {scale}</p>'
    return f'{head}{ends}<div class="ev-text" role="group" aria-label="Tokens; arrow keys move between them">{"".join(pieces)}</div>'


def number(value: float) -> str:
    """A cosine or projection as it is written everywhere on this tab."""
    return fixed(value, 3)


def tip(shown: Shown, i: int) -> str:
    """What the page tells about one token, as lines of plain text."""
    reading, where = shown.reading, list(shown.reading.layers).index(shown.layer)
    column = list(reading.emotions).index(shown.emotion)
    written = " (a control token in the text itself)" if i in reading.control else ""
    lines = [
        f"token {i}: {reading.tokens[i]!r}{written}",
        f"{shown.emotion}, raw: {signed(float(reading.raw[i, column, where]), 3)}",
    ]
    if reading.centred is not None:
        lines.append(f"{shown.emotion}, centred: {signed(float(reading.centred[i, column, where]), 3)}")
    lines.append(
        f"{shown.emotion}, projection: {signed(float(reading.projection[i, column, where]), 3)} residual norms"
    )
    best = ", ".join(f"{name} {signed(value, 2)}" for name, value in top_emotions(shown, i))
    return "\n".join([*lines, f"strongest: {best}"])


def summary(shown: Shown, calibration: Calibration | None = None, columns: Sequence[int] = (), most: int = 8) -> str:
    """The strongest emotions at the response position and on average over the text, as two small tables.

    With the run's `calibration` each cosine also stands among those of the neutral texts; `columns` are the numbers of the
    reading's emotions in the vectors.
    """
    reading = shown.reading
    rest = shown.every[1:] if len(shown.every) > 1 else shown.every
    found = [("On average over the text", "mean", rest.mean(axis=0), len(rest))]
    if reading.response is not None:
        found.insert(0, ("At the response position", "response", shown.every[reading.response], 1))
    parts = []
    for caption, statistic, values, counted in found:
        top = np.argsort(-values)[:most].tolist()
        largest = max(float(np.abs(values[top]).max()), 1e-9)
        percentiles = _percentiles(shown, calibration, columns, statistic, values, counted)
        headings, cells = ["emotion", "value"], [[text(reading.emotions[i]), signed(float(values[i]), 3)] for i in top]
        if percentiles is not None:
            headings.append("percentile")
            cells = [[*row, percentile(float(percentiles[i]), calibration)] for row, i in zip(cells, top, strict=True)]
        if reading.reliability:
            headings.append("reliability")
            cells = [[*row, own_reliability(reading.reliability[i])] for row, i in zip(cells, top, strict=True)]
        rows = [
            [Cell(name), *(Cell(number, True) for number in numbers), Cell(bar(float(values[i]) / largest, 70))]
            for (name, *numbers), i in zip(cells, top, strict=True)
        ]
        parts.append(table(caption, (*headings, ""), rows))
    told = (
        f'<p class="ev-note">percentile: share of the run\'s {calibration.texts} neutral texts with a lower value of the same statistic</p>'
        if calibration is not None and shown.scale in KINDS
        else ""
    )
    if reading.reliability:
        told += '<p class="ev-note">reliability: r of the emotion\'s directions from two halves of its texts; 1 is the same direction twice</p>'
    return f'<div class="ev-columns">{"".join(parts)}</div>{told}'


def percentile(value: float, calibration: Calibration | None) -> str:
    """A percentile as far as m neutral texts can tell: above all of 200 is "99.5 or more", below all "0.5 or less"."""
    finest = 100 / calibration.texts if calibration is not None else 0.0
    if value >= 100 and finest:
        return f"{100 - finest:.1f} or more"
    return f"{finest:.1f} or less" if value <= 0 and finest else f"{value:.1f}"


def own_reliability(r: float | None) -> str:
    """How far an emotion's direction agrees with itself, as it is written everywhere on this page."""
    return "not measured" if r is None else fixed(r)


def control(reading: Reading) -> str:
    """A box that says so where somebody wrote the template's own marks."""
    if not reading.control:
        return ""
    count = len(reading.control)
    return notice(
        "warning",
        f"The text itself contains {count} control token{'s' if count > 1 else ''} of the chat template (underlined); the model reads "
        "such tokens as its own marks.",
    )


def in_sample(reading: Reading) -> str:
    """A box that says so where the vectors were made from the very text that is read."""
    return notice("warning", SAID) if reading.in_sample else ""


def _percentiles(
    shown: Shown, calibration: Calibration | None, columns: Sequence[int], statistic: str, values: np.ndarray, counted: int
) -> np.ndarray | None:  # fmt: skip
    """Percentiles (e,) of a statistic of `counted` tokens among the neutral texts; None where like can't be compared."""
    form = "text" if all(span.role == "text" for span in shown.reading.messages) else "message"
    # The mean over a chat has the tokens of the prompt format in it, which the neutral messages' means have not.
    if calibration is None or shown.scale not in KINDS or (statistic == "mean" and form == "message"):
        return None
    ranked = calibration.rank(values[None], statistic, np.array([counted]), shown.layer, columns, form, shown.scale)
    return ranked.percentile[0]


def token_table(shown: Shown) -> str:
    """Every token with its value and its strongest emotions, for those who don't hover."""
    rows = [
        [
            Cell(str(i), True), Cell(f"<code>{visible(token)}</code>"), Cell(signed(float(shown.values[i]), 3), True),
            Cell(text(", ".join(f"{name} {signed(value, 2)}" for name, value in top_emotions(shown, i, 3)))),
        ]
        for i, token in enumerate(shown.reading.tokens)
    ]  # fmt: skip
    return table("Every token", ["", "token", shown.emotion, "strongest emotions"], rows, tall=True)


def passages(shown: Shown, most: int = 10, template: bool = False) -> str:
    """The tokens with the highest values, strongest first, each with the words around it.

    Of the text or the messages alone, unless the `template`'s own are asked for: its marks, and a system prompt that nobody wrote.
    """
    reading = shown.reading
    own = {i for span in reading.messages for i in range(span.first, span.last)}
    order = [i for i in np.argsort(-shown.values).tolist() if i > 0 and (template or i in own)][:most]
    rows = []
    for i in order:
        before, after = "".join(reading.tokens[max(0, i - 6) : i]), "".join(reading.tokens[i + 1 : i + 6])
        rows.append(
            [
                Cell(signed(float(shown.values[i]), 3), True),
                Cell(f"{visible(before)}<mark>{visible(reading.tokens[i])}</mark>{visible(after)}"),
            ]
        )
    return table(f"Strongest tokens for {shown.emotion}", (shown.emotion, "where"), rows)


def waiting(run_has_vectors: bool) -> str:
    """What the tab says before anything is read."""
    if not run_has_vectors:
        return notice(
            "info",
            "This run has no vectors yet, so there is nothing to read with.",
            "Choose another run, or run the same command again to continue this one.",
        )
    return notice(
        "info", "Press Read to colour the text.", "The first time, the model is loaded; that takes a few seconds."
    )
