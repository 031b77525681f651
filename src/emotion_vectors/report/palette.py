"""Colours, shapes and the look that all charts share.

Emotions (Figure 2) and valence (green, red) have the colours that Hong (2026) fixed, in tones that differ in
lightness; everything else is from the Okabe-Ito set, safe for colour-blind eyes, and shape says the same as colour.
"""

from __future__ import annotations

from typing import Any, Literal

import altair as alt

from emotion_vectors.report.topic import Rows

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
INK = "#1f2328"
FAINT = "#6b7280"
GRID = "#e7e7e2"
BAND = "#d9d9d2"
PUBLISHED = "#8a8f98"

EMOTION_COLOURS = {"afraid": "#c62828", "happy": "#2e8b3d", "sad": "#ef8a17", "calm": "#2166c4"}
EMOTION_SHAPES = {"afraid": "triangle-up", "happy": "circle", "sad": "square", "calm": "diamond"}
VALENCE_COLOURS = {"positive": "#35a06a", "negative": "#b3263a"}
CATEGORY_COLOURS = ("#0072B2", "#009E73", "#56B4E9", "#CC79A7", "#b9b9b3", "#E69F00", "#D55E00", "#1f2328")
CATEGORY_SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
CATEGORY_ORDER = ("Helpful", "Engaging", "Social", "Self-curiosity", "Neutral", "Aversive", "Misaligned", "Unsafe")


NOT_GIVEN = "not given"  # the valence of an emotion that has none


def valence_colours(rows: Rows) -> alt.Scale:
    """Colours of the valences; emotions without one are grey where `rows` have any."""
    return _with_unknown(rows, VALENCE_COLOURS, FAINT)


def valence_shapes(rows: Rows) -> alt.Scale:
    """As `valence_colours`, for shapes."""
    return _with_unknown(rows, {"positive": "circle", "negative": "triangle-up"}, "square")


def _with_unknown(rows: Rows, known: dict[str, str], unknown: str) -> alt.Scale:
    every = known | ({NOT_GIVEN: unknown} if any(row["valence"] == NOT_GIVEN for row in rows) else {})
    return alt.Scale(domain=list(every), range=list(every.values()))


def category_names(rows: Rows) -> list[str]:
    """The categories of `rows` in the usual order; unknown ones follow by name."""
    present = {row["category"] for row in rows}
    return [name for name in CATEGORY_ORDER if name in present] + sorted(present - set(CATEGORY_ORDER))


def category_scale(names: list[str]) -> alt.Scale:
    """The same colour for the same category in every chart; more than eight categories repeat colours."""
    return alt.Scale(domain=names, range=[_pick(CATEGORY_COLOURS, name, i) for i, name in enumerate(names)])


def category_shapes(names: list[str]) -> alt.Scale:
    """As `category_scale`, for shapes."""
    return alt.Scale(domain=names, range=[_pick(CATEGORY_SHAPES, name, i) for i, name in enumerate(names)])


def _pick(values: tuple[str, ...], name: str, position: int) -> str:
    known = CATEGORY_ORDER.index(name) if name in CATEGORY_ORDER else position
    return values[known % len(values)]


def styled(chart: Any) -> Any:
    """`chart` with the shared fonts, grids and sizes. Only the outermost chart may be styled."""
    return chart.configure(
        font=FONT,
        background="white",
        padding=8,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            gridColor=GRID,
            domainColor="#9a9a94",
            tickColor="#9a9a94",
            labelColor=INK,
            titleColor=INK,
            labelFontSize=11,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=8,
        ),
        legend=alt.LegendConfig(
            labelColor=INK, titleColor=INK, labelFontSize=12, titleFontSize=12, titleFontWeight="normal", symbolSize=80
        ),
        title=alt.TitleConfig(
            anchor="start",
            fontSize=13,
            fontWeight="bold",
            color=INK,
            subtitleColor=FAINT,
            subtitleFontSize=11,
            offset=8,
        ),
        header=alt.HeaderConfig(labelColor=INK, labelFontSize=12, labelFontWeight="bold", titleFontSize=12),
    )


def data(rows: Rows) -> alt.InlineData:
    """`rows` inline, stored once per chart; model output stays data and never becomes part of an expression."""
    # A tuple, because altair copies lists and dicts to the bottom at every step, which took half of the report's time.
    return alt.InlineData(values=tuple(rows))


def scales(**by_channel: Literal["shared", "independent"]) -> alt.Resolve:
    """Which scales the parts of a chart share, for the call that puts them together: altair's `resolve_scale` and `properties`
    copy all of a finished chart, and a chart of charts many times over.
    """
    return alt.Resolve(scale=alt.ScaleResolveMap(**by_channel))
