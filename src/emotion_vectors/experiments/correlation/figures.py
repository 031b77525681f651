"""Figure 3 (correlation of every probe with preference) and Figures 5 and 7 (one emotion's probe against the score)."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np

from emotion_vectors.experiments.correlation.sentences import bands, correlated, example
from emotion_vectors.record import Record
from emotion_vectors.report.charts import fit_line, spread
from emotion_vectors.report.palette import (
    BAND,
    INK,
    NOT_GIVEN,
    PUBLISHED,
    category_names,
    category_scale,
    category_shapes,
    data,
    scales,
    valence_colours,
)
from emotion_vectors.report.published import PAPER_CORRELATION, PAPER_MODEL, published
from emotion_vectors.report.topic import Rows
from emotion_vectors.report.wording import fixed

_LABELS = 40
_PROBE = "Probe: projection on the unit vector (residual units)"
_PAPER_PROBE = "Probe: mean cosine"
_R_TITLE = "Correlation with preference (r)"


def bar_rows(record: Record) -> Rows:
    """One row per emotion from the lowest r to the highest, with the paper's r at the same place in its own order."""
    rows = correlated(record)
    if not rows:
        return []
    paper = np.array(published().sorted_r)
    places = np.linspace(0, 1, len(rows)) if len(rows) > 1 else np.array([0.5])
    own = np.interp(places, np.linspace(0, 1, len(paper)), paper)
    keys = ("emotion", "valence", "ambiguous", "r", "low", "high", "p", "q", "r_without_extremes")
    return [
        {
            **{key: getattr(row, key) for key in keys},
            "valence": row.valence or NOT_GIVEN,
            "published": round(float(value), 3),
        }
        for (_, row), value in zip(rows, own, strict=True)
    ]


def bars_chart(record: Record) -> Any | None:
    """Figure 3: all emotions as bars sorted by r, coloured by valence, with the chance band and the paper's curve."""
    rows = bar_rows(record)
    if not rows:
        return None
    order = [row["emotion"] for row in rows]
    width = max(420, min(1010, 26 * len(order)))
    shown = [order[i] for i in spread(len(order), _LABELS)]
    x = alt.X(
        "emotion:N",
        sort=order,
        title=None,
        axis=alt.Axis(values=shown, labelAngle=-60, labelOverlap=False, labelFontSize=10.5, labelLimit=120),
    )
    y = alt.Y("r:Q", title=_R_TITLE, scale=alt.Scale(domain=_domain(rows)))
    bars = (
        alt.Chart(data(rows))
        .mark_bar()
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "valence:N",
                title="Valence",
                scale=valence_colours(rows),
                legend=alt.Legend(orient="top", symbolType="square"),
            ),
            opacity=alt.Opacity(
                "ambiguous:O",
                title="Label",
                scale=alt.Scale(domain=[False, True], range=[1, 0.42]),
                legend=alt.Legend(
                    orient="top",
                    symbolType="square",
                    symbolFillColor="#555",
                    labelExpr="datum.value ? 'judges could differ' : 'clear'",
                ),
            ),
            tooltip=_bar_tooltip(),
        )
    )
    line = (
        alt.Chart(data(rows))
        .mark_line(color=INK, strokeWidth=1.3, strokeDash=[5, 3], interpolate="monotone")
        .encode(
            x=x,
            y=alt.Y("published:Q", title=_R_TITLE),
            tooltip=[alt.Tooltip("published:Q", title="Paper, same rank", format="+.2f")],
        )
    )
    layers = [bars, line]
    notes = ("95 of 100 unrelated probes stay in this band", "95 of 100 random directions stay in this band")
    for band, note, opacity in zip(bands(record), notes, (0.6, 0.35), strict=True):
        if band is not None:
            layers.insert(0, _band(-band, band, opacity))
            layers.append(_note(band, note))
    curve = (
        alt.Chart(data([{"text": "dashed: the paper's sorted r"}]))
        .mark_text(align="right", baseline="top", color=INK, fontSize=11)
        .encode(x=alt.value(width - 4), y=alt.value(288), text="text:N")
    )
    return alt.layer(*layers, curve).properties(width=width, height=310)


def _bar_tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("emotion:N", title="Emotion"),
        alt.Tooltip("valence:N", title="Valence"),
        alt.Tooltip("ambiguous:N", title="Judges could differ"),
        alt.Tooltip("r:Q", format="+.3f"),
        alt.Tooltip("low:Q", title="95 % from", format="+.3f"),
        alt.Tooltip("high:Q", title="95 % to", format="+.3f"),
        alt.Tooltip("p:Q", format=".2g"),
        alt.Tooltip("q:Q", format=".2g"),
        alt.Tooltip("r_without_extremes:Q", title="r without extremes", format="+.3f"),
        alt.Tooltip("published:Q", title="Paper, same rank", format="+.2f"),
    ]


def _domain(rows: Rows) -> list[float]:
    largest = max(abs(row[key]) for row in rows for key in ("r", "published"))
    top = min(1.0, np.ceil(largest * 5) / 5)
    return [-float(top), float(top)]


def _band(low: float, high: float, opacity: float) -> Any:
    return (
        alt.Chart(data([{"low": low, "high": high}]))
        .mark_rect(color=BAND, opacity=opacity)
        .encode(y=alt.Y("low:Q", title=_R_TITLE), y2="high:Q")
    )


def _note(band: float, text: str) -> Any:
    rows = [{"y": band, "text": text}]
    mark = alt.Chart(data(rows)).mark_text(align="left", baseline="bottom", color="#55554f", fontSize=11, dy=-2)
    return mark.encode(x=alt.value(6), y=alt.Y("y:Q", title=_R_TITLE), text="text:N")


def probe_rows(record: Record, valence: str) -> Rows:
    """The activities of one example: probe and score."""
    shown = example(record, valence)
    return [point.dump() for point in shown.points] if shown is not None and shown.r is not None else []


def probe_chart(record: Record, valence: str) -> Any | None:
    """Figure 5 or 7: probe against score by category with regression line; the paper's 64 activities beside it."""
    rows, shown = probe_rows(record, valence), example(record, valence)
    if not rows or shown is None:
        return None
    paper = "blissful" if valence == "positive" else "hostile"
    theirs = [{"category": a.category, "probe": getattr(a, paper), "score": a.elo} for a in published().activities]
    names = category_names(rows + theirs)
    left = _scatter(
        rows,
        names,
        (430, 340),
        f"This run: {shown.emotion}, r = {fixed(shown.r)}",
        record.model.name,
        ("Score (Elo points, mean 1000)", _PROBE),
    )
    right = _scatter(
        theirs,
        names,
        (300, 340),
        f"Paper: {paper}, r = {fixed(PAPER_CORRELATION[paper])}",
        f"{PAPER_MODEL}, its Table 9",
        ("Elo (mean 1500)", _PAPER_PROBE),
    )
    resolve = scales(color="shared", shape="shared", x="independent", y="independent")
    return alt.hconcat(left, right, spacing=36, resolve=resolve)


def _scatter(
    rows: Rows, names: list[str], size: tuple[int, int], title: str, subtitle: str, axes: tuple[str, str]
) -> Any:
    y_title, x_title = axes
    tooltip = [
        alt.Tooltip("category:N", title="Category"),
        alt.Tooltip("probe:Q", title="Probe", format="+.4f"),
        alt.Tooltip("score:Q", title="Score", format=",.0f"),
    ]
    if "activity" in rows[0]:
        tooltip.insert(0, alt.Tooltip("activity:N", title="Activity"))
    x = alt.X("probe:Q", title=x_title, scale=alt.Scale(zero=False, nice=True, padding=8), axis=alt.Axis(tickCount=6))
    y = alt.Y("score:Q", title=y_title, scale=alt.Scale(zero=False, padding=8))
    legend = alt.Legend(title="Category", orient="right")
    points = (
        alt.Chart(data(rows))
        .mark_point(filled=True, size=62, opacity=0.9, stroke="white", strokeWidth=0.6)
        .encode(
            x=x,
            y=y,
            color=alt.Color("category:N", scale=category_scale(names), legend=legend),
            shape=alt.Shape("category:N", scale=category_shapes(names), legend=legend),
            tooltip=tooltip,
        )
    )
    line = (
        alt.Chart(data(fit_line([row["probe"] for row in rows], [row["score"] for row in rows])))
        .mark_line(color=INK if "activity" in rows[0] else PUBLISHED, strokeWidth=1.6)
        .encode(x=alt.X("x:Q", title=x_title), y=alt.Y("y:Q", title=y_title))
    )
    return alt.layer(line, points).properties(
        width=size[0], height=size[1], title=alt.TitleParams(title, subtitle=subtitle)
    )
