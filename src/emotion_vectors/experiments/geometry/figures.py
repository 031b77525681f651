"""Figure G: the emotions on the first two components of their vectors, with an arrow for each scale of human ratings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from emotion_vectors.experiments.geometry.record import Geometry
from emotion_vectors.record import Record
from emotion_vectors.report.charts import Box, Label, boxed, extent, place
from emotion_vectors.report.palette import INK, NOT_GIVEN, data, valence_colours, valence_shapes
from emotion_vectors.report.topic import Rows
from emotion_vectors.report.wording import percent

WIDTH, HEIGHT, EDGE = 680, 520, 1.12
_ARROW = "#5b3f99"
_BOLD = 1.1  # how much wider bold letters are


def map_rows(record: Record) -> Rows:
    """One row per emotion and one per arrow; an arrow's place is its r with the two components."""
    part = record.part(Geometry)
    if part is None:
        return []
    found: Rows = [
        {"kind": "emotion", "name": row.emotion, "valence": row.valence or NOT_GIVEN, "x": row.at[0], "y": row.at[1]}
        for row in part.places
    ]
    for name, x, y in arrows(part):
        found.append({"kind": "ratings", "name": name, "valence": "", "x": x, "y": y})
    return found


def arrows(part: Geometry) -> list[tuple[str, float, float]]:
    """Name and r with the first two components of each scale."""
    first, second = [*part.vectors.components, None, None][:2]
    return [
        (f"{scale}, {norms}", first.r[place] if first else 0.0, second.r[place] if second else 0.0)
        for place, (norms, scale) in enumerate(part.scales)
    ]


def map_chart(record: Record) -> Any | None:
    """The map: an arrow as long as the frame's half would be an r of 1."""
    part, rows = record.part(Geometry), map_rows(record)
    if part is None or len(part.vectors.components) < 2:
        return None
    reach = EDGE * max(max(abs(row["x"]), abs(row["y"]) * WIDTH / HEIGHT) for row in rows if row["kind"] == "emotion")
    half = (reach, reach * HEIGHT / WIDTH)
    emotions = [row for row in rows if row["kind"] == "emotion"]
    shares = [percent(one.share, 1) for one in part.vectors.components[:2]]
    x = alt.X(
        "x:Q",
        title=f"First component ({shares[0]} of the variance)",
        scale=alt.Scale(domain=[-half[0], half[0]], nice=False),
    )
    y = alt.Y("y:Q", title=f"Second component ({shares[1]})", scale=alt.Scale(domain=[-half[1], half[1]], nice=False))
    points = (
        alt.Chart(data(emotions))
        .mark_point(filled=True, size=48, opacity=0.8)
        .encode(
            x,
            y,
            alt.Color("valence:N", scale=valence_colours(emotions), legend=alt.Legend(title="Valence")),
            alt.Shape("valence:N", scale=valence_shapes(emotions), legend=alt.Legend(title="Valence")),
            tooltip=[
                alt.Tooltip("name:N", title="Emotion"),
                alt.Tooltip("x:Q", format=".3f"),
                alt.Tooltip("y:Q", format=".3f"),
            ],
        )
    )
    ends: Rows = [{"name": name, "x": right * half[1], "y": up * half[1]} for name, right, up in arrows(part)]
    layers = [points, *_drawn_arrows(part, half[1]), *_names(ends, emotions, half)]
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _names(ends: Rows, emotions: Rows, half: tuple[float, float]) -> list[Any]:
    """The names of the arrows, on a white ground, and of the emotions that have room beside them, the arrows and each other."""
    arrow_font, font = 11, 10
    heads, lines = _pixels(ends, half), _along(ends, half)
    placed = _all_placed(heads, [row["name"] for row in ends], arrow_font * _BOLD, lines)
    taken = [boxed(heads[one.index], one, extent(ends[one.index]["name"], arrow_font * _BOLD)) for one in placed]
    taken += [Box(x - 5, y - 5, x + 5, y + 5) for x, y in heads]
    names = [row["name"] for row in emotions]
    named = place(_pixels(emotions, half), names, (WIDTH, HEIGHT), font, taken=[*taken, *lines])
    layers = _written(emotions, named, fontSize=font, color=INK)
    # The white ground first: a name of an arrow may lie over points.
    for look in ({"stroke": "white", "strokeWidth": 4}, {"color": _ARROW}):
        layers += _written(ends, placed, fontSize=arrow_font, fontWeight="bold", **look)
    return layers


def _all_placed(
    heads: Sequence[tuple[float, float]], names: Sequence[str], font: float, lines: Sequence[Box]
) -> list[Label]:
    """A place for every arrow's name: clear of all lines if all have one, else over them; an arrow without a name says nothing."""
    found = place(heads, names, (WIDTH, HEIGHT), font, taken=lines)
    if len(found) < len(names):
        found = place(heads, names, (WIDTH, HEIGHT), font)
    for index in {*range(len(names))} - {one.index for one in found}:  # where arrows end near each other
        found += [one._replace(index=index) for one in place([heads[index]], [names[index]], (WIDTH, HEIGHT), font)]
    return found


def _along(ends: Rows, half: tuple[float, float]) -> list[Box]:
    """Small boxes along the arrows' lines, from the middle of the map to their heads, on which no name may lie."""
    boxes = []
    for x, y in _pixels(ends, half):
        steps = max(1, round(np.hypot(x - WIDTH / 2, y - HEIGHT / 2) / 4))
        for step in range(steps + 1):
            across, down = (middle + (end - middle) * step / steps for middle, end in ((WIDTH / 2, x), (HEIGHT / 2, y)))
            boxes.append(Box(across - 2, down - 2, across + 2, down + 2))
    return boxes


def _pixels(rows: Rows, half: tuple[float, float]) -> list[tuple[float, float]]:
    return [((row["x"] / half[0] + 1) / 2 * WIDTH, (1 - row["y"] / half[1]) / 2 * HEIGHT) for row in rows]


def _written(rows: Rows, placed: Sequence[Label], **look: Any) -> list[Any]:
    """The names where they were placed, one layer for each side."""
    layers = []
    for side in dict.fromkeys((one.align, one.dx, one.dy) for one in placed):
        here = [rows[one.index] for one in placed if (one.align, one.dx, one.dy) == side]
        align: Any = side[0]  # altair lists the words that it takes
        text = alt.Chart(data(here)).mark_text(align=align, dx=side[1], dy=side[2], **look)
        layers.append(text.encode(alt.X("x:Q"), alt.Y("y:Q"), alt.Text("name:N")))
    return layers


def _drawn_arrows(part: Geometry, scale: float) -> list[Any]:
    """Lines from the middle and their heads."""
    ends = [{"name": name, "x": x * scale, "y": y * scale, "x0": 0.0, "y0": 0.0, "r": f"{x:.2f}, {y:.2f}"} for name, x, y in arrows(part)]  # fmt: skip
    if not ends:
        return []
    base = alt.Chart(data(ends))
    tips = [alt.Tooltip("name:N", title="Ratings"), alt.Tooltip("r:N", title="r with the two components")]
    lines = base.mark_rule(color=_ARROW, strokeWidth=2).encode(
        alt.X("x0:Q"), alt.Y("y0:Q"), alt.X2("x"), alt.Y2("y"), tooltip=tips
    )
    heads = base.mark_point(filled=True, shape="diamond", size=90, color=_ARROW, opacity=1).encode(
        alt.X("x:Q"), alt.Y("y:Q"), tooltip=tips
    )
    return [lines, heads]
