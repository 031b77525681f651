"""Figure E: for each template with a twin the fitted change of every emotion, the template's beside its twin's."""

from __future__ import annotations

from typing import Any

import altair as alt

from emotion_vectors.report.palette import INK, data
from emotion_vectors.report.requirements import parts

Record = dict[str, Any]
Rows = list[dict[str, Any]]
_PANEL = (150, 74)
_NAMES = {"template": "template", "twin": "twin"}
_ARROWS = {"+": " \u2191", "-": " \u2193", "none": ""}


def twins_rows(record: Record) -> Rows:
    """One row per template, emotion and kind of sentence (template, twin, severity), with its change from first to last value."""
    found = parts(record, "experiments", "numeric", "twins")
    return [
        {
            "template": row["name"], "text": row["template" if kind == "template" else kind], "emotion": emotion, "kind": kind,
            "change": row[f"fitted_change_{kind}"][emotion], "expected": row["expected"].get(emotion, "none"),
            "excess": row["excess"][emotion], "severity_difference": row["severity_difference"][emotion],
        }
        for row in found.get("templates") or []
        for emotion in row["excess"]
        for kind in ("template", "twin", "severity")
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
        row["label"] = f"{row['emotion']}{_ARROWS[row['expected']]}"
    limit = max(abs(row["change"]) for row in rows) * 1.08 or 1.0
    names = list(dict.fromkeys(row["template"] for row in rows))
    panels = [_panel([row for row in rows if row["template"] == name], name, limit) for name in names]
    return (
        alt.concat(*panels, columns=4, spacing={"row": 22, "column": 20})
        .resolve_scale(color="shared", shape="shared")
        .properties(
            title=alt.TitleParams(
                "Change in cosine from the lowest to the highest value",
                subtitle=[
                    f"{record['model']['name']}; arrow: the change that was expected in advance, beyond the twin's"
                ],
            )
        )
    )


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
    return alt.layer(zero, joined, marks).properties(width=_PANEL[0], height=_PANEL[1], title=title)
