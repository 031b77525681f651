"""Figure P: the published probes at two positions against each other, and the agreement by layer."""

from __future__ import annotations

from typing import Any

import altair as alt

from emotion_vectors.experiments.response_position.record import ResponsePosition
from emotion_vectors.record import Record
from emotion_vectors.report.palette import CATEGORY_COLOURS, CATEGORY_SHAPES, FAINT, data, scales
from emotion_vectors.report.topic import Rows

NAMES = {"user": "user's last token", "response": "response position", "answer": "answer's first tokens"}
_SIZE = 200


def title(first: str, second: str) -> str:
    """Two positions by name."""
    return f"{NAMES[first]} and {NAMES[second]}"


def position_rows(record: Record) -> Rows:
    """One row per pair of positions, shown probe and prompt."""
    part = record.part(ResponsePosition)
    if part is None or not part.sets:
        return []
    return [
        {
            "first": NAMES[pair.first], "second": NAMES[pair.second], "prompt": prompt.name, "implied": prompt.emotion, "probe": probe,
            "at_first": getattr(prompt, pair.first)[place], "at_second": getattr(prompt, pair.second)[place],
        }
        for pair in part.sets[0].pairs
        for prompt in part.prompts
        for place, probe in enumerate(part.shown)
    ]  # fmt: skip


def _layer_rows(part: ResponsePosition) -> Rows:
    return [
        {"pair": title(pair.first, pair.second), "layer": row.layer, "kind": kind, "r": getattr(row, field)[place]}
        for place, pair in enumerate(part.sets[0].pairs)
        for row in part.by_layer
        for kind, field in (("all cells", "pooled"), ("within the probes", "within"))
        if getattr(row, field)[place] is not None
    ]


def position_chart(record: Record) -> Any | None:
    """A panel for each pair of positions, and r by layer below."""
    part = record.part(ResponsePosition)
    if part is None or not part.sets:
        return None
    rows = position_rows(record)
    curves = _curves(_layer_rows(part), part.layer)
    if not rows:
        return curves
    panels = [_panel([row for row in rows if (row["first"], row["second"]) == (NAMES[pair.first], NAMES[pair.second])], part.shown) for pair in part.sets[0].pairs]  # fmt: skip
    resolve = scales(color="independent", shape="independent")
    return alt.vconcat(alt.hconcat(*panels, spacing=24), curves, spacing=24, resolve=resolve)


def _panel(rows: Rows, probes: list[str]) -> Any:
    colours = [CATEGORY_COLOURS[place % len(CATEGORY_COLOURS)] for place in range(len(probes))]
    shapes = [CATEGORY_SHAPES[place % len(CATEGORY_SHAPES)] for place in range(len(probes))]
    first, second = rows[0]["first"], rows[0]["second"]
    return (
        alt.Chart(data(rows))
        .mark_point(filled=True, size=34, opacity=0.75)
        .encode(
            alt.X("at_first:Q", title=f"Cosine, {first}", scale=alt.Scale(zero=False)),
            alt.Y("at_second:Q", title=f"Cosine, {second}", scale=alt.Scale(zero=False)),
            alt.Color("probe:N", title="Probe", scale=alt.Scale(domain=probes, range=colours)),
            alt.Shape("probe:N", title="Probe", scale=alt.Scale(domain=probes, range=shapes)),
            tooltip=[
                alt.Tooltip("prompt:N", title="Scenario"), alt.Tooltip("implied:N", title="Implies"), alt.Tooltip("probe:N", title="Probe"),
                alt.Tooltip("at_first:Q", title=first, format=".3f"), alt.Tooltip("at_second:Q", title=second, format=".3f"),
            ],
        )
        .properties(width=_SIZE, height=_SIZE)
    )  # fmt: skip


def _curves(rows: Rows, layer: int) -> Any:
    pairs = list(dict.fromkeys(row["pair"] for row in rows))
    lines = (
        alt.Chart(data(rows))
        .mark_line(point=True)
        .encode(
            alt.X("layer:Q", title="Layer"),
            alt.Y("r:Q", title="r", scale=alt.Scale(domain=[-1, 1])),
            alt.Color("pair:N", title="Positions", scale=alt.Scale(domain=pairs, range=list(CATEGORY_COLOURS[: len(pairs)])), legend=alt.Legend(labelLimit=320)),
            alt.StrokeDash("kind:N", title="r over"),
            tooltip=["pair:N", "kind:N", "layer:Q", alt.Tooltip("r:Q", format=".2f")],
        )
    )  # fmt: skip
    here = alt.Chart(data([{"layer": layer}])).mark_rule(color=FAINT, strokeDash=[3, 3]).encode(x="layer:Q")
    return alt.layer(lines, here).properties(width=3 * _SIZE, height=170)
