"""Figure 2 (numbers in context, curves) beside the paper's own."""

from __future__ import annotations

from typing import Any

import altair as alt

from emotion_vectors.report.palette import EMOTION_COLOURS, EMOTION_SHAPES, FAINT, INK, data
from emotion_vectors.report.published import PAPER_MODEL, published
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.wording import number

Record = dict[str, Any]
Rows = list[dict[str, Any]]
_ARROWS = {"+": "↑", "-": "↓"}


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
