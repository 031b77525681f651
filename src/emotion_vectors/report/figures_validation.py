"""Figure 1 (implicit scenarios, heatmaps) and Figure 2 (numbers in context, curves), each beside the paper's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from emotion_vectors.report.palette import EMOTION_COLOURS, EMOTION_SHAPES, FAINT, INK, data
from emotion_vectors.report.published import PAPER_MODEL, published
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.wording import number

Record = dict[str, Any]
Rows = list[dict[str, Any]]
_CELL = 29
_KEY = "outline: intended probe; dot: highest of the column"
_ARROWS = {"+": "↑", "-": "↓"}


def scenario_rows(record: Record) -> Rows:
    """One row per kind, probe and scenario of this run."""
    scenarios = parts(record, "experiments", "scenarios")
    if not scenarios.get("items"):
        return []
    targets = [item["emotion"] for item in scenarios["items"]]
    names = [item["name"] for item in scenarios["items"]]
    return [
        row
        for kind in ("raw", "centred")
        for row in _cells(kind, scenarios["emotions"], targets, names, scenarios[kind])
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
    model = record["model"]["name"]
    charts = []
    for kind, paper, label in (("raw", paper_raw, "raw cosine"), ("centred", paper_centred, "centred")):
        source = f"{PAPER_MODEL}, read from its Figure 2" + (
            "; each probe's mean subtracted" if kind == "centred" else ""
        )
        pair = [
            _heatmap(ours[kind], f"This run: {label}", [model, _KEY]),
            _heatmap(paper, f"Paper: {label}", [source, _KEY]),
        ]
        charts.append(alt.hconcat(*pair, spacing=36).resolve_scale(color="independent", y="independent"))
    return alt.vconcat(*charts, spacing=26).resolve_scale(color="independent", x="independent", y="independent")


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
    return alt.layer(cells, intended, highest, names, below_title).properties(
        width=size, height=_CELL * len(probes), title=alt.TitleParams(title, subtitle=subtitle)
    )


def numeric_rows(record: Record) -> Rows:
    """One row per template, emotion and value of this run."""
    numeric = parts(record, "experiments", "numeric")
    return [
        {
            "template": template["name"],
            "text": template["template"],
            "x": number(value),
            "position": i,
            "emotion": emotion,
            "cosine": curve[i],
            "expected": template["expected"].get(emotion, "none"),
            "spearman": template["spearman"].get(emotion),
        }
        for template in numeric.get("templates") or []
        for emotion, curve in template["cosine"].items()
        for i, value in enumerate(template["values"])
    ]


def numeric_chart(record: Record) -> Any | None:
    """Figure 2: six panels of this run in a 3x2 grid, and the paper's six below them, smaller."""
    rows, numeric = numeric_rows(record), parts(record, "experiments", "numeric")
    if not rows:
        return None
    panels = [
        _curves(
            [row for row in rows if row["template"] == template["name"]],
            template["x_label"],
            _expectation(template),
            (262, 170),
            INK,
        )
        for template in numeric["templates"]
    ]
    paper = []
    for curves in published().numeric:
        own = [
            {"x": number(value), "position": i, "emotion": emotion, "cosine": cosine[i]}
            for emotion, cosine in curves.cosine.items()
            for i, value in enumerate(curves.values)
        ]
        paper.append(_curves(own, curves.x_label, "", (262, 84), FAINT))
    # Flush bounds line the panels up whatever their labels measure, so the spacing has to hold titles and axes.
    ours = (
        alt.concat(*panels, columns=3, bounds="flush", spacing={"row": 76, "column": 72})
        .resolve_scale(y="shared")
        .properties(title=alt.TitleParams("This run", fontSize=14, offset=12))
    )
    theirs = (
        alt.concat(*paper, columns=3, bounds="flush", spacing={"row": 56, "column": 72})
        .resolve_scale(y="shared")
        .properties(
            title=alt.TitleParams(
                f"Published by the paper ({PAPER_MODEL}, read from its Figure 3)", fontSize=14, color=FAINT, offset=12
            )
        )
    )
    return alt.vconcat(ours, theirs, spacing=30).resolve_scale(color="shared", shape="shared")


def _expectation(template: dict[str, Any]) -> str:
    """The direction expected in advance for each emotion and whether the curve follows it: "afraid ↑ yes"."""
    pieces = []
    for emotion in template["cosine"]:
        expected, rho = template["expected"].get(emotion, "none"), template["spearman"].get(emotion)
        if expected == "none":
            continue
        met = "not measured" if rho is None else "yes" if rho != 0 and (rho > 0) == (expected == "+") else "no"
        pieces.append(f"{emotion} {_ARROWS[expected]} {met}")
    return f"Expected: {', '.join(pieces)}" if pieces else "No direction expected in advance"


def _curves(rows: Rows, title: str, subtitle: str, size: tuple[int, int], ink: str) -> Any:
    emotions = [emotion for emotion in EMOTION_COLOURS if any(row["emotion"] == emotion for row in rows)]
    order = [row["x"] for row in rows if row["emotion"] == rows[0]["emotion"]]
    scale = alt.Scale(domain=list(EMOTION_COLOURS), range=list(EMOTION_COLOURS.values()))
    shapes = alt.Scale(domain=list(EMOTION_SHAPES), range=list(EMOTION_SHAPES.values()))
    legend = alt.Legend(title=None, orient="top", direction="horizontal", symbolStrokeWidth=2) if emotions else None
    tooltip = [
        alt.Tooltip("emotion:N", title="Probe"),
        alt.Tooltip("x:N", title="Value"),
        alt.Tooltip("cosine:Q", title="Cosine", format="+.4f"),
    ]
    if "expected" in rows[0]:
        tooltip += [
            alt.Tooltip("expected:N", title="Expected sign"),
            alt.Tooltip("spearman:Q", title="Spearman ρ", format="+.2f"),
        ]
    base = alt.Chart(data(rows)).encode(
        x=alt.X("x:O", sort=order, title=None, axis=alt.Axis(labelAngle=0, grid=False)),
        y=alt.Y("cosine:Q", title="Cosine", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=4, format="+.2f")),
        color=alt.Color("emotion:N", scale=scale, legend=legend),
        tooltip=tooltip,
    )
    zero = alt.Chart(data([{"zero": 0}])).mark_rule(color="#9a9a94", strokeWidth=1).encode(y="zero:Q")
    points = base.mark_point(filled=True, size=44 if size[1] > 100 else 22, opacity=1).encode(
        shape=alt.Shape("emotion:N", scale=shapes, legend=legend)
    )
    lines = base.mark_line(strokeWidth=2 if size[1] > 100 else 1.4)
    text = alt.TitleParams(title, subtitle=subtitle, color=ink) if subtitle else alt.TitleParams(title, color=ink)
    return alt.layer(zero, lines, points).properties(width=size[0], height=size[1], title=text)
