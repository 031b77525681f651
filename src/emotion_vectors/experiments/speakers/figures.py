"""Figure T: how alike the sets of directions of two speakers are, with intervals, and the same for the words alone."""

from __future__ import annotations

from typing import Any

import altair as alt

from emotion_vectors.experiments.speakers.record import MODEL, WORDS, Alike, Side, Speakers
from emotion_vectors.record import Record
from emotion_vectors.report.palette import CATEGORY_COLOURS, FAINT, INK, data
from emotion_vectors.report.topic import Rows

LOT = "owners assigned at random (model)"
_SIZE = 260


def side_name(side: Side, names: list[str]) -> str:
    """A set in words; the words alone have the first pair of names in the record, whatever the panel's."""
    return "stories" if side.emotion is None else f"{side.emotion} at the {names[_owner(side)]}'s tokens"


def _owner(side: Side) -> int:
    return 0 if side.tokens in ("Human", "Person 1") else 1


def pair_name(cell: Alike, names: list[str]) -> str:
    """Both sets; one of them where it is compared with itself."""
    first = side_name(cell.first, names)
    return f"{first}, itself" if cell.first == cell.second else f"{first}, {side_name(cell.second, names)}"


def alike_rows(record: Record) -> Rows:
    """One row for each pair of names, pair of sets, and of the model or of the words."""
    part = record.part(Speakers)
    if part is None:
        return []
    found: Rows = []
    for framing in part.framings:
        for kind, cells in ((MODEL, framing.model), (WORDS, part.words)):
            found += [
                {
                    "names": " and ".join(framing.names), "pair": pair_name(cell, framing.names), "of": kind, "cosine": cell.value,
                    "low": cell.interval[0], "high": cell.interval[1], "by_lot": cell.shuffled if kind == MODEL else None,
                }
                for cell in cells
            ]  # fmt: skip
    return found


def alike_chart(record: Record) -> Any | None:
    """A panel for each pair of names."""
    rows = alike_rows(record)
    if not rows:
        return None
    panels = [_panel([row for row in rows if row["names"] == one]) for one in dict.fromkeys(row["names"] for row in rows)]  # fmt: skip
    return alt.vconcat(*panels, spacing=20)


def _panel(rows: Rows) -> Any:
    order = list(dict.fromkeys(row["pair"] for row in rows))
    y = alt.Y("pair:N", sort=order, title=None, axis=alt.Axis(labelLimit=420))
    colour = alt.Color(
        "of:N", title=None, scale=alt.Scale(domain=[MODEL, WORDS], range=[CATEGORY_COLOURS[0], CATEGORY_COLOURS[5]])
    )
    shape = alt.Shape("of:N", title=None, scale=alt.Scale(domain=[MODEL, WORDS], range=["circle", "square"]))
    offset = alt.YOffset("of:N", sort=[MODEL, WORDS])
    given = alt.Chart(data(rows))
    bars = given.mark_rule(opacity=0.7).encode(y, alt.X("low:Q"), alt.X2("high:Q"), offset, colour)
    points = given.mark_point(filled=True, size=42, opacity=1).encode(
        y, alt.X("cosine:Q", title=f"Mean cosine, {rows[0]['names']} (tick: {LOT})"), offset, colour, shape,
        tooltip=["pair:N", "of:N", *(alt.Tooltip(f"{name}:Q", format=".2f") for name in ("cosine", "low", "high", "by_lot"))],
    )  # fmt: skip
    lot = [row for row in rows if row["by_lot"] is not None]
    ticks = alt.Chart(data(lot)).mark_tick(color=INK, thickness=2, size=13).encode(y, alt.X("by_lot:Q"))
    zero = alt.Chart(data([{"x": 0}])).mark_rule(color=FAINT, strokeDash=[3, 3]).encode(alt.X("x:Q"))
    return alt.layer(zero, bars, ticks, points).properties(width=_SIZE, height=22 * len(order))
