"""Figure 2 (curves over the numbers, beside the paper's) and Figure E (each template's change beside its twin's)."""

from __future__ import annotations

from typing import Any

import altair as alt

from emotion_vectors.experiments.numeric.record import KINDS, Numeric, TemplateCurves
from emotion_vectors.record import Record
from emotion_vectors.report.palette import EMOTION_COLOURS, EMOTION_SHAPES, FAINT, INK, data, scales
from emotion_vectors.report.published import PAPER_MODEL, published
from emotion_vectors.report.topic import Rows
from emotion_vectors.report.wording import number

_PANEL = (150, 74)
_NAMES = {"template": "template", "twin": "twin"}
_ARROWS = {"+": "\u2191", "-": "\u2193"}
_MET = "arrow: the direction expected in advance; yes or no: whether the curve follows it"


def numeric_rows(record: Record) -> Rows:
    """One row per template, emotion and value of this run."""
    numeric = record.part(Numeric)
    return [
        {
            "template": template.name,
            "text": template.template,
            "x": number(value),
            "position": i,
            "emotion": emotion,
            "cosine": curve[i],
            "expected": template.expected.get(emotion, "none"),
            "spearman": template.spearman.get(emotion),
        }
        for template in (numeric.templates if numeric else ())
        for emotion, curve in template.cosine.items()
        for i, value in enumerate(template.values)
    ]


def numeric_chart(record: Record) -> Any | None:
    """Figure 2: six panels of this run in a 3x2 grid, and the paper's six below them, smaller."""
    rows, numeric = numeric_rows(record), record.part(Numeric)
    if not rows or numeric is None:
        return None
    panels = [
        _curves(
            [row for row in rows if row["template"] == template.name],
            template.x_label,
            _expectation(template),
            (262, 170),
            INK,
        )
        for template in numeric.templates
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
    ours = alt.concat(
        *panels, columns=3, bounds="flush", spacing={"row": 76, "column": 72}, resolve=scales(y="shared"),
        title=alt.TitleParams("This run", subtitle=_MET, fontSize=14, offset=12),
    )  # fmt: skip
    theirs = alt.concat(
        *paper, columns=3, bounds="flush", spacing={"row": 56, "column": 72}, resolve=scales(y="shared"),
        title=alt.TitleParams(
            f"Published by the paper ({PAPER_MODEL}, read from its Figure 3)", fontSize=14, color=FAINT, offset=12
        ),
    )  # fmt: skip
    return alt.vconcat(ours, theirs, spacing=30, resolve=scales(color="shared", shape="shared"))


def _expectation(template: TemplateCurves) -> str:
    """The direction expected in advance for each emotion and whether the curve follows it: "afraid ↑ yes"; short, for a panel's width."""
    pieces = []
    for emotion in template.cosine:
        expected, rho = template.expected.get(emotion, "none"), template.spearman.get(emotion)
        if expected == "none":
            continue
        met = "not measured" if rho is None else "yes" if rho != 0 and (rho > 0) == (expected == "+") else "no"
        pieces.append(f"{emotion} {_ARROWS[expected]} {met}")
    return ", ".join(pieces) or "no direction expected in advance"


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
    return alt.layer(zero, lines, points, width=size[0], height=size[1], title=text)


def twins_rows(record: Record) -> Rows:
    """One row per template, emotion and kind of sentence (template, twin, severity), with its change from first to last value."""
    numeric = record.part(Numeric)
    return [
        {
            "template": row.name, "text": row.text(kind), "emotion": emotion, "kind": kind,
            "change": row.fitted(kind)[emotion], "expected": row.expected.get(emotion, "none"),
            "excess": row.excess[emotion], "severity_difference": row.severity_difference[emotion],
        }
        for row in (numeric.twins.templates if numeric and numeric.twins else ())
        for emotion in row.excess
        for kind in KINDS
    ]  # fmt: skip


def twins_chart(record: Record) -> Any | None:
    """Figure E: small multiples, one panel per template; None for a record without twins."""
    # Twins first, so that they are drawn below.
    rows = sorted(
        (row for row in twins_rows(record) if row["kind"] in _NAMES), key=lambda row: row["kind"] == "template"
    )
    if not rows:
        return None
    for row in rows:
        row["label"] = f"{row['emotion']} {_ARROWS.get(row['expected'], '')}".rstrip()
    limit = max(abs(row["change"]) for row in rows) * 1.08 or 1.0
    names = list(dict.fromkeys(row["template"] for row in rows))
    panels = [_panel([row for row in rows if row["template"] == name], name, limit) for name in names]
    title = alt.TitleParams(
        "Change in cosine from the lowest to the highest value",
        subtitle=[f"{record.model.name}; arrow: the change that was expected in advance, beyond the twin's"],
    )
    shared = scales(color="shared", shape="shared")
    return alt.concat(*panels, columns=4, spacing={"row": 22, "column": 20}, resolve=shared, title=title)


def _panel(rows: Rows, name: str, limit: float) -> Any:
    order = list(dict.fromkeys(row["label"] for row in rows))
    domain, colours = list(_NAMES), ["#0072B2", "#8a8a84"]
    x = alt.X("change:Q", title=None, scale=alt.Scale(domain=[-limit, limit], nice=False), axis=alt.Axis(tickCount=3, format="+.2f"))  # fmt: skip
    y = alt.Y("label:N", title=None, sort=order, axis=alt.Axis(ticks=False, domain=False))
    tooltip = [
        alt.Tooltip("text:N", title="Message"),
        alt.Tooltip("emotion:N", title="Probe"),
        alt.Tooltip("expected:N", title="Expected sign"),
        alt.Tooltip("change:Q", title="Change in cosine", format="+.4f"),
        alt.Tooltip("excess:Q", title="Template minus twin", format="+.4f"),
    ]
    base = alt.Chart(data(rows))
    joined = base.mark_line(color="#c9c9c2", strokeWidth=2).encode(x=x, y=y, detail="label:N")
    legend = alt.Legend(title=None, orient="top", direction="horizontal")
    marks = base.mark_point(filled=True, size=44, opacity=1).encode(
        x=x,
        y=y,
        color=alt.Color("kind:N", scale=alt.Scale(domain=domain, range=colours), legend=legend),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=domain, range=["circle", "square"]), legend=legend),
        tooltip=tooltip,
    )
    zero = alt.Chart(data([{"change": 0.0}])).mark_rule(color="#9a9a94", strokeWidth=1).encode(x=x)
    title = alt.TitleParams(name, fontSize=12, color=INK)
    return alt.layer(zero, joined, marks, width=_PANEL[0], height=_PANEL[1], title=title)
