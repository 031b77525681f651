"""Figure H: how alike the similarity structures of the layers are, and how alike each is to that of the words."""

from __future__ import annotations

from typing import Any

import altair as alt

from emotion_vectors.experiments.clusters.record import Clusters
from emotion_vectors.record import Record
from emotion_vectors.report.palette import CATEGORY_COLOURS, data, scales
from emotion_vectors.report.topic import Rows

SIZE = 300
LINES = {
    "the analysis layer": "analysis",
    "words of the stories": "words",
    "tokens of the emotion words": "tokens",
}


def layer_rows(record: Record) -> Rows:
    """One row per pair of layers, and per layer and thing that it is compared with."""
    part = record.part(Clusters)
    if part is None:
        return []
    pairs: Rows = [
        {"layer": mine.layer, "with": str(other.layer), "r": part.table[i][j]}
        for i, mine in enumerate(part.layers)
        for j, other in enumerate(part.layers)
    ]
    return pairs + _line_rows(part)


def _line_rows(part: Clusters) -> Rows:
    return [
        {"layer": row.layer, "with": name, "r": value}
        for name, field in LINES.items()
        for row in part.layers
        if (value := getattr(row, field)) is not None
    ]


def layer_chart(record: Record) -> Any | None:
    """A heat map of all pairs of layers, and beside it lines by layer; the words' line is the bar."""
    part = record.part(Clusters)
    if part is None or len(part.layers) < 2:
        return None
    order = [row.layer for row in part.layers]
    pairs = [
        {"a": mine, "b": other, "r": part.table[i][j]} for i, mine in enumerate(order) for j, other in enumerate(order)
    ]
    tips = [alt.Tooltip("a:O", title="Layer"), alt.Tooltip("b:O", title="Layer"), alt.Tooltip("r:Q", format=".2f")]
    heat = (
        alt.Chart(data(pairs))
        .mark_rect()
        .encode(
            alt.X("a:O", title="Layer", sort=order, axis=alt.Axis(labelOverlap=True, labelAngle=0)),
            alt.Y("b:O", title="Layer", sort=order, axis=alt.Axis(labelOverlap=True)),
            alt.Color(
                "r:Q",
                scale=alt.Scale(scheme="viridis", domain=[0, 1], clamp=True),
                legend=alt.Legend(title="Spearman r"),
            ),
            tooltip=tips,
        )
        .properties(width=SIZE, height=SIZE)
    )
    lines = (
        alt.Chart(data(_line_rows(part)))
        .mark_line(point=True)
        .encode(
            alt.X("layer:Q", title="Layer"),
            alt.Y("r:Q", title="Spearman r with ..."),
            alt.Color(
                "with:N",
                sort=list(LINES),
                scale=alt.Scale(domain=list(LINES), range=list(CATEGORY_COLOURS[:3])),
                legend=alt.Legend(title=None, orient="bottom", labelLimit=0),
            ),
            alt.StrokeDash("with:N", sort=list(LINES), legend=None),
            tooltip=[alt.Tooltip("with:N"), alt.Tooltip("layer:Q"), alt.Tooltip("r:Q", format=".2f")],
        )
        .properties(width=SIZE, height=SIZE)
    )
    return alt.hconcat(heat, lines, spacing=40, resolve=scales(color="independent"))
