"""Figure 1: heatmaps of the implicit scenarios beside the paper's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from emotion_vectors.experiments.scenarios.record import Scenarios
from emotion_vectors.record import Record
from emotion_vectors.report.palette import INK, data, scales
from emotion_vectors.report.published import PAPER_MODEL, published
from emotion_vectors.report.topic import Rows

_CELL = 29
_KEY = "outline: intended probe; dot: highest of the column"


def scenario_rows(record: Record) -> Rows:
    """One row per kind, probe and scenario of this run."""
    found = record.part(Scenarios)
    if found is None or not found.items:
        return []
    targets = [item.emotion for item in found.items]
    names = [item.name for item in found.items]
    return [
        row
        for kind, cosines in (("raw", found.raw), ("centred", found.centred))
        for row in _cells(kind, found.emotions, targets, names, cosines)
    ]


def _cells(
    kind: str, probes: Sequence[str], targets: Sequence[str], names: Sequence[str], matrix: Sequence[Sequence[float]]
) -> Rows:
    values = np.array(matrix)
    winners = values.argmax(axis=0)
    return [
        {
            "kind": kind,
            "probe": probe,
            "scenario": name,
            "target": targets[j],
            "column": f"{j}",
            "cosine": float(values[i, j]),
            "intended": probe == targets[j],
            "highest": bool(winners[j] == i),
        }
        for i, probe in enumerate(probes)
        for j, name in enumerate(names)
    ]


def _published_cells() -> tuple[Rows, Rows]:
    paper = published()
    raw = np.array(paper.scenario_cosines)
    centred = raw - raw.mean(axis=1, keepdims=True)
    emotions = paper.scenario_emotions
    both = [
        _cells(kind, emotions, emotions, emotions, matrix.tolist())
        for kind, matrix in (("raw", raw), ("centred", centred))
    ]
    return both[0], both[1]


def scenarios_chart(record: Record) -> Any | None:
    """Figure 1: probe x scenario, raw and centred (rows), this run and the paper (columns)."""
    rows = scenario_rows(record)
    if not rows:
        return None
    paper_raw, paper_centred = _published_cells()
    ours = {kind: [row for row in rows if row["kind"] == kind] for kind in ("raw", "centred")}
    model = record.model.name
    charts = []
    for kind, paper, label in (("raw", paper_raw, "raw cosine"), ("centred", paper_centred, "centred")):
        source = f"{PAPER_MODEL}, read from its Figure 2" + (
            "; each probe's mean subtracted" if kind == "centred" else ""
        )
        pair = [
            _heatmap(ours[kind], f"This run: {label}", [model, _KEY]),
            _heatmap(paper, f"Paper: {label}", [source, _KEY]),
        ]
        charts.append(alt.hconcat(*pair, spacing=36, resolve=scales(color="independent", y="independent")))
    return alt.vconcat(*charts, spacing=26, resolve=scales(color="independent", x="independent", y="independent"))


def _heatmap(rows: Rows, title: str, subtitle: list[str]) -> Any:
    probes = list(dict.fromkeys(row["probe"] for row in rows))
    columns = list(dict.fromkeys(row["column"] for row in rows))
    limit = max(abs(row["cosine"]) for row in rows) or 1.0
    # Two scenarios may share an emotion, so the column is its number and the axis shows the emotion instead.
    x = alt.X("column:N", sort=columns, axis=None)
    y = alt.Y("probe:N", sort=probes, title="Probe", axis=alt.Axis(domain=False, ticks=False, labelPadding=6))
    base = alt.Chart(data(rows)).encode(x=x, y=y)
    tooltip = [
        alt.Tooltip("probe:N", title="Probe"),
        alt.Tooltip("scenario:N", title="Scenario"),
        alt.Tooltip("target:N", title="Implied emotion"),
        alt.Tooltip("cosine:Q", title="Cosine", format="+.4f"),
        alt.Tooltip("highest:N", title="Highest probe"),
    ]
    colour = alt.Color(
        "cosine:Q",
        scale=alt.Scale(scheme="redblue", reverse=True, domain=[-limit, limit], domainMid=0),
        legend=alt.Legend(
            title="Cosine", orient="right", gradientLength=_CELL * 6, gradientThickness=10, format="+.2f", tickCount=5
        ),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(color=colour, tooltip=tooltip)
    intended = (
        base.transform_filter("datum.intended")
        .mark_rect(fill=None, stroke=INK, strokeWidth=1.6)
        .encode(tooltip=tooltip)
    )
    highest = (
        base.transform_filter("datum.highest")
        .mark_point(shape="circle", filled=True, size=46, color=INK, stroke="white", strokeWidth=1.2, opacity=1)
        .encode(tooltip=tooltip)
    )
    below = [{"column": row["column"], "target": row["target"]} for row in rows if row["probe"] == probes[0]]
    names = (
        alt.Chart(data(below))
        .mark_text(angle=300, align="right", baseline="middle", fontSize=11, color=INK, dx=-4, dy=2)
        .encode(x=x, y=alt.value(_CELL * len(probes) + 6), text="target:N")
    )
    size = _CELL * len(columns)
    below_title = (
        alt.Chart(data([{"text": "Emotion that the text implies"}]))
        .mark_text(fontSize=12, color=INK)
        .encode(x=alt.value(size / 2), y=alt.value(_CELL * len(probes) + 72), text="text:N")
    )
    named = alt.TitleParams(title, subtitle=subtitle)
    layers = (cells, intended, highest, names, below_title)
    return alt.layer(*layers, width=size, height=_CELL * len(probes), title=named)
