"""The map tab: every emotion vector on the two main components of the unit vectors, its neighbours and lens tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.lens.record import Lens
from emotion_vectors.explorer.markup import Cell, notice, table, text, visible
from emotion_vectors.explorer.runs import Run
from emotion_vectors.report.charts import Box, boxed, extent, place
from emotion_vectors.report.topic import Shade
from emotion_vectors.report.wording import fixed, number, percent
from emotion_vectors.stimuli.norms import SCALES, shipped
from emotion_vectors.topics import TOPICS
from emotion_vectors.vectors.geometry import principal, towards

WIDTH, HEIGHT, EDGE = 760, 560, 28
COLOURS = {"positive": "var(--ev-blue)", "negative": "var(--ev-orange)"}
UNKNOWN = "var(--ev-grey)"
NEIGHBOURS = 8
LETTERS = {"wide": 12, "narrow": 26}  # their size in the map's units, as in style.css
ARROW = "var(--ev-arrow)"
FEWEST_RATED = 12  # emotions that a list must rate for its arrow
ANCHORS = {"left": "start", "right": "end", "center": "middle"}


class Places(NamedTuple):
    """Where n vectors are: `points` (n, 2) on the two main components, and the share of variance of each (2,)."""

    points: np.ndarray
    variance: np.ndarray


class Arrow(NamedTuple):
    """Where a scale of ratings points: r with either component, of `rated` words, and pixels of its start and end."""

    letter: str
    name: str
    right: float
    up: float
    rated: int
    start: tuple[float, float]
    end: tuple[float, float]


def components(unit_vectors: np.ndarray, positive: np.ndarray) -> Places:
    """Principal components of unit vectors (n, d); the first one points to the emotions where `positive` (n,) is true."""
    found = principal(unit_vectors, 2)
    points, share = np.zeros((len(unit_vectors), 2)), np.zeros(2)
    points[:, : len(found.shares)], share[: len(found.shares)] = found.places, found.shares
    if positive.any() and not positive.all() and points[positive, 0].mean() < points[~positive, 0].mean():
        points[:, 0] *= -1
    return Places(points, share)


def shades(run: Run) -> dict[str, Shade]:
    """What the run's map can show of each emotion beside its valence, by name."""
    if run.record is None:
        return {}
    return {shade.name: shade for topic in TOPICS for shade in topic.shades if shade.of(run.record)}


def emotion_map(run: Run, layer: int, chosen: str | None, shown: str | None = None) -> str:
    """The map as inline SVG; each point is a button with the emotion in `data-emotion`. `shown` names one of the run's `shades`."""
    if run.vectors is None:
        return notice(
            "info",
            "There are no vectors to draw yet.",
            "They are made after the stories; run the same command again to continue.",
        )
    names, valence = run.vectors.emotions, run.valence
    found = components(run.vectors.unit(layer), np.array([valence.get(name) == "positive" for name in names]))
    span = np.ptp(found.points, axis=0)
    scaled = (found.points - found.points.min(axis=0)) / np.where(span > 0, span, 1)
    pixels = [(EDGE + x * (WIDTH - 2 * EDGE), EDGE + (1 - y) * (HEIGHT - 2 * EDGE)) for x, y in scaled.tolist()]
    order = sorted(range(len(names)), key=lambda i: names[i] != chosen)  # the chosen one gets its label first
    at, called = [pixels[i] for i in order], [names[i] for i in order]
    # A narrow screen shrinks the map to less than half, so it has larger letters there, and fewer names find room.
    arrows = _arrows(names, found.points, scaled)
    lettered = {kind: _lettered(arrows, kind) for kind in LETTERS}
    written = {
        kind: {order[label.index]: label for label in place(at, called, (WIDTH, HEIGHT), size, taken=lettered[kind][1])}
        for kind, size in LETTERS.items()
    }
    marks = []
    shade = shades(run).get(shown) if shown else None
    values = shade.of(run.record) if shade and run.record else None
    largest = _largest(values)
    for i in reversed(order):  # the chosen one is drawn last, on top
        x, y = pixels[i]
        own = valence.get(names[i]) if values is None else values.get(names[i])
        mark = _around(x, y) if names[i] == chosen else ""
        mark += _mark(x, y, own) if values is None else _shaded(x, y, own, largest)
        for kind in (kind for kind, found_room in written.items() if i in found_room):
            label = written[kind][i]
            weight = ' font-weight="700"' if names[i] == chosen else ""
            mark += f'<text class="ev-on-{kind}" x="{x + label.dx:.1f}" y="{y + label.dy + LETTERS[kind] / 3:.1f}" text-anchor="{ANCHORS[label.align]}"{weight}>{text(names[i])}</text>'
        tip = text(f"{names[i]}\n{_told(own, shown if values else None)}")
        marks.append(
            f'<g class="ev-point" role="button" tabindex="-1" data-emotion="{text(names[i])}" data-tip="{tip}" '
            f'aria-label="{text(names[i])}">{mark}</g>'
        )
    marks += [_drawn(arrow) for arrow in arrows] + [letter for kind in LETTERS for letter in lettered[kind][0]]
    share = [percent(float(value), 1) for value in found.variance]
    return (
        f'<div class="ev-key">{_key(values, largest)}'
        f"<span>horizontal: first component, {share[0]} of the variance; vertical: second, {share[1]}</span>"
        f"{_arrows_key(arrows)}</div>"
        f'<div class="ev-scroll"><svg class="ev-map" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="Map of the emotion vectors">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="var(--ev-paper)" stroke="var(--ev-thin)"/>{"".join(marks)}</svg></div>'
        f"{_noted(run, layer, shade)}"
    )


def _largest(values: Mapping[str, float | str] | None) -> float | None:
    """The largest absolute value; None where there are none, or names of groups."""
    return max((abs(value) for value in (values or {}).values() if not isinstance(value, str)), default=None)


def _key(values: Mapping[str, float | str] | None, largest: float | None) -> str:
    """What the marks are."""
    called = ("positive", "negative")
    if values is not None:
        if largest is None:
            return "<span>numbers: groups</span>"
        called = ("above 0", f"below 0; the larger, the farther from 0, up to {number(largest)}")
    return (
        f'<span><svg width="12" height="12"><circle cx="6" cy="6" r="5" fill="var(--ev-blue)"/></svg> {called[0]}</span>'
        f'<span><svg width="12" height="12"><path d="M6 1 11 11H1Z" fill="var(--ev-orange)"/></svg> {called[1]}</span>'
    )


def _noted(run: Run, layer: int, shade: Shade | None) -> str:
    """What chance and words alone give of what is shown, and of which layer it is."""
    if shade is None or run.record is None or run.vectors is None:
        return ""
    elsewhere = (
        ""
        if layer == run.vectors.layer
        else f" Of layer {run.vectors.layer}, where it was measured; the places are those of layer {layer}."
    )
    return f'<p class="ev-note">{text(shade.note(run.record) + elsewhere)}</p>'


def _told(own: float | str | None, shown: str | None) -> str:
    if shown is None:
        return str(own or "valence not known")
    value = "not measured" if own is None else own if isinstance(own, str) else number(own)
    return f"{shown}: {value}"


def _arrows(names: Sequence[str], points: np.ndarray, scaled: np.ndarray) -> list[Arrow]:
    """An arrow from the emotions' middle for each scale of the ratings that come with the package, where they rate enough of them."""
    x, y = scaled.mean(axis=0).tolist()
    x, y = EDGE + x * (WIDTH - 2 * EDGE), EDGE + (1 - y) * (HEIGHT - 2 * EDGE)
    found = []
    for norms in shipped():
        for scale in SCALES:
            rows, ratings = norms.of(names, scale)
            if len(rows) < FEWEST_RATED or np.ptp(ratings) == 0:
                continue
            right, up = towards(points[rows], ratings[:, 0]).tolist()
            end = (x + right * HEIGHT / 2, y - up * HEIGHT / 2)
            letter = "ABCDEFGHIJ"[len(found)]
            found.append(Arrow(letter, f"{scale}, {norms.name}", right, up, len(rows), (x, y), end))
    return found


def _drawn(arrow: Arrow) -> str:
    (x, y), (to_x, to_y) = arrow.start, arrow.end
    tip = text(f"{arrow.name}: r = {arrow.right:.2f} across, {arrow.up:.2f} up, {arrow.rated} words")
    return (
        f'<g class="ev-arrow" data-tip="{tip}"><title>{tip}</title>'
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{ARROW}" stroke-width="2"/>'
        f'<circle cx="{to_x:.1f}" cy="{to_y:.1f}" r="4" fill="{ARROW}"/></g>'
    )


def _lettered(arrows: Sequence[Arrow], kind: str) -> tuple[list[str], list[Box]]:
    """The letters of arrows beside their ends and the boxes that they fill, which no emotion's name may cover.

    Arrows that end at one place have their letters side by side there.
    """
    size = LETTERS[kind]
    together: list[tuple[tuple[float, float], str]] = []
    for arrow in arrows:
        near = next(
            (i for i, (end, _) in enumerate(together) if np.hypot(*np.subtract(end, arrow.end)) < size * 1.5), None
        )
        if near is None:
            together.append((arrow.end, arrow.letter))
        else:
            together[near] = (together[near][0], f"{together[near][1]} {arrow.letter}")
    placed = place([end for end, _ in together], [letters for _, letters in together], (WIDTH, HEIGHT), size)
    marks, boxes = [], []
    for label in placed:
        end, letters = together[label.index]
        boxes.append(boxed(end, label, extent(letters, size)))
        marks.append(
            f'<text class="ev-on-{kind} ev-letter" x="{end[0] + label.dx:.1f}" y="{end[1] + label.dy + size / 3:.1f}" '
            f'text-anchor="{ANCHORS[label.align]}" font-weight="700">{letters}</text>'
        )
    return marks, boxes


def _arrows_key(arrows: Sequence[Arrow]) -> str:
    """What the arrows are, by letter."""
    if not arrows:
        return ""
    called = "; ".join(f"<b>{arrow.letter}</b> {text(arrow.name)}" for arrow in arrows)
    return f"<span>arrows: r of human ratings with the two components, of which 1 is half the height: {called}</span>"


def _around(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" fill="none" stroke="var(--ev-ink)" stroke-width="2"/>'


def _mark(x: float, y: float, valence: float | str | None, size: float = 5) -> str:
    """A circle for positive, a triangle for negative, a square for what is not known; `size` is the radius in the map's units."""
    fill = COLOURS.get(str(valence), UNKNOWN)
    if valence == "negative":
        return f'<path d="M{x:.1f} {y - 1.1 * size:.1f} l{1.1 * size:.1f} {2 * size:.1f} h-{2.2 * size:.1f} Z" fill="{fill}"/>'
    if valence == "positive":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.3g}" fill="{fill}"/>'
    return f'<rect x="{x - 0.9 * size:.1f}" y="{y - 0.9 * size:.1f}" width="{1.8 * size:.3g}" height="{1.8 * size:.3g}" fill="{fill}"/>'


def _shaded(x: float, y: float, own: float | str | None, largest: float | None) -> str:
    """The mark of a value: its sign by the form, its size by the mark's; a group by its name."""
    if own is None:
        return _mark(x, y, None, 2)
    if isinstance(own, str):
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="var(--ev-paper)" stroke="var(--ev-ink)"/>'
            f'<text x="{x:.1f}" y="{y + 3.5:.1f}" text-anchor="middle" font-size="10">{text(own)}</text>'
        )
    return _mark(x, y, "negative" if own < 0 else "positive", 2 + 6 * abs(own) / (largest or 1))


def neighbours(run: Run, emotion: str, layer: int) -> str:
    """The most and least similar vectors of one emotion and the tokens that it promotes and suppresses."""
    if run.vectors is None or emotion not in run.vectors.emotions:
        return notice("info", "Choose an emotion: select a point of the map, or its name in the list above it.")
    names, units = run.vectors.emotions, run.vectors.unit(layer)
    cosines = units @ units[run.vectors.index(emotion)]
    order = [int(i) for i in np.argsort(-cosines) if names[i] != emotion]
    most = min(NEIGHBOURS, len(order) // 2 or len(order))
    near, far = order[:most], order[::-1][:most]
    rows = [
        [
            Cell(text(names[a])),
            Cell(fixed(float(cosines[a])), True),
            Cell(text(names[b])),
            Cell(fixed(float(cosines[b])), True),
        ]
        for a, b in zip(near, far, strict=True)
    ]
    shown = table(f"Neighbours of {emotion} at layer {layer}", ("nearest", "cosine", "farthest", "their cosine"), rows)
    return f"<h3>{text(emotion)}</h3>{_lens(run, emotion)}{shown}"


def _lens(run: Run, emotion: str) -> str:
    lens = run.part(Lens)
    row = next((row for row in lens.emotions if row.emotion == emotion), None) if lens else None
    if row is None or run.record is None or run.record.vectors is None:
        return '<p class="ev-note">Only a finished run shows the tokens that this vector promotes.</p>'
    pieces = [
        f"<dt>{title}</dt><dd>{' '.join(f'<code>{visible(token)}</code>' for token in tokens)}</dd>"
        for tokens, title in ((row.top, "Promotes"), (row.bottom, "Suppresses"))
    ]
    where = run.record.vectors.layer
    return f'<dl class="ev-lens">{"".join(pieces)}</dl><p class="ev-note">Logit lens at the analysis layer {where}.</p>'
