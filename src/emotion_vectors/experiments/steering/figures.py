"""Figure 4 (steering effect against correlation) and Figures 6 and 8 (scores of one emotion, before and after)."""

from __future__ import annotations

from typing import Any

import altair as alt

from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.experiments.steering.sentences import control_range, example, fallen_apart, half_in_elo
from emotion_vectors.record import Record
from emotion_vectors.report.charts import Align, fit_line, place
from emotion_vectors.report.palette import (
    BAND,
    INK,
    NOT_GIVEN,
    PUBLISHED,
    category_names,
    category_scale,
    data,
    scales,
    valence_colours,
    valence_shapes,
)
from emotion_vectors.report.published import PAPER_MODEL, PAPER_STEERING, published
from emotion_vectors.report.topic import Rows
from emotion_vectors.report.wording import points

_SIZE = (520, 380)
_PAPER_SIZE = (300, 380)
_CHANGE = "Steered half moves by (Elo points)"
_PAPER_CHANGE = "Change of the steered half (Elo points)"
_BEFORE, _AFTER = "Score before (Elo points)", "Score after steering (Elo points)"


def effect_rows(record: Record) -> Rows:
    """One row per steered emotion; change, low and high are Elo points of the steered half."""
    steering = record.part(Steering)
    return [
        {
            "emotion": row.emotion,
            "valence": row.valence or NOT_GIVEN,
            "r": row.r,
            "nats": row.nats,
            "change": half_in_elo(row.nats),
            "low": half_in_elo(row.low),
            "high": half_in_elo(row.high),
            "refitted": row.elo_steered,
            "answers": "hold together" if row.coherent else "fell apart",
        }
        for row in (steering.emotions if steering else [])
        if row.r is not None
    ]


def scatter_chart(record: Record) -> Any | None:
    """Figure 4: effect of steering against the probe's correlation, with the paper's 36 points beside it."""
    steering, rows = record.part(Steering), effect_rows(record)
    if steering is None or not rows:
        return None
    theirs = [{"r": r, "change": change} for r, change in published().steering_points]
    resolve = scales(x="independent", y="independent")
    return alt.hconcat(_ours(record.model.name, steering, rows), _paper(theirs), spacing=40, resolve=resolve)


def _ours(model: str, steering: Steering, rows: Rows) -> Any:
    band = control_range(steering)
    ends = [row[key] for row in rows for key in ("change", "low", "high") if row[key] is not None] + list(band or ())
    domain = _padded(min(0.0, *ends), max(0.0, *ends), 0.06)
    reach = _padded(min(row["r"] for row in rows), max(row["r"] for row in rows), 0.1)
    x = alt.X("r:Q", title="Correlation of the probe with preference (r)", scale=alt.Scale(domain=reach, nice=False))
    y = alt.Y("change:Q", title=_CHANGE, scale=alt.Scale(domain=domain, nice=False))
    base = alt.Chart(data(rows)).encode(x=x, tooltip=_tooltip())
    marks = _marks(base, y, rows)
    bars = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(color="#9aa0a6", strokeWidth=1)
        .encode(y=alt.Y("low:Q", title=_CHANGE), y2="high:Q")
    )
    line = alt.Chart(data(fit_line([row["r"] for row in rows], [row["change"] for row in rows]))).mark_line(
        color=INK, strokeWidth=1.6
    )
    layers = [
        _zero(_CHANGE),
        bars,
        line.encode(x="x:Q", y=alt.Y("y:Q", title=_CHANGE)),
        *marks,
        *_names(rows, reach, domain),
    ]
    if band is not None:
        rectangle = alt.Chart(data([{"low": band[0], "high": band[1]}])).mark_rect(color=BAND, opacity=0.7)
        layers.insert(
            0,
            rectangle.encode(
                y=alt.Y("low:Q", title=_CHANGE),
                y2="high:Q",
                tooltip=[
                    alt.Tooltip("low:Q", title="Control directions from", format="+.1f"),
                    alt.Tooltip("high:Q", title="to", format="+.1f"),
                ],
            ),
        )
    title = alt.TitleParams(
        "This run",
        subtitle=f"{model}; bars: 95 % intervals; grey band: directions without emotion"
        + ("; hollow: answers fell apart" if fallen_apart(steering) else ""),
    )
    return alt.layer(*layers).properties(width=_SIZE[0], height=_SIZE[1], title=title)


def _marks(base: Any, y: alt.Y, rows: Rows) -> list[Any]:
    """Filled points where the answers hold together, hollow ones where they fell apart."""
    colour = alt.Color(
        "valence:N",
        title="Valence",
        scale=valence_colours(rows),
        legend=alt.Legend(orient="top"),
    )
    shape = alt.Shape(
        "valence:N",
        title="Valence",
        scale=valence_shapes(rows),
        legend=alt.Legend(orient="top"),
    )
    whole = base.mark_point(filled=True, size=64, opacity=1, stroke="white", strokeWidth=0.7)
    hollow = base.mark_point(filled=True, size=64, opacity=1, fill="white", strokeWidth=1.8)
    return [
        whole.transform_filter("datum.answers == 'hold together'").encode(y=y, color=colour, shape=shape),
        hollow.transform_filter("datum.answers == 'fell apart'").encode(y=y, stroke=_outline(rows), shape=shape),
    ]


def _outline(rows: Rows) -> alt.Stroke:
    """The valence as the outline of a hollow point; the legend is that of the filled ones."""
    return alt.Stroke("valence:N", scale=valence_colours(rows), legend=None)


def _padded(low: float, high: float, share: float) -> list[float]:
    margin = (high - low or 1.0) * share
    return [low - margin, high + margin]


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("emotion:N", title="Emotion"),
        alt.Tooltip("valence:N", title="Valence"),
        alt.Tooltip("r:Q", format="+.3f"),
        alt.Tooltip("nats:Q", title="Effect in nats", format="+.3f"),
        alt.Tooltip("change:Q", title="Steered half, Elo points", format="+.1f"),
        alt.Tooltip("low:Q", title="95 % from", format="+.1f"),
        alt.Tooltip("high:Q", title="95 % to", format="+.1f"),
        alt.Tooltip("refitted:Q", title="Even half, by refitted Elo scores", format="+.1f"),
        alt.Tooltip("answers:N", title="Answers"),
    ]


def _names(rows: Rows, reach: list[float], domain: list[float]) -> list[Any]:
    """Text layers, one for each alignment; broken answers get their names first, then the strongest effects."""
    ordered = sorted(rows, key=lambda row: (row["answers"] == "hold together", -abs(row["change"])))
    pixels = [
        (
            (row["r"] - reach[0]) / (reach[1] - reach[0]) * _SIZE[0],
            (domain[1] - row["change"]) / (domain[1] - domain[0]) * _SIZE[1],
        )
        for row in ordered
    ]
    layers = []
    labels = place(pixels, [row["emotion"] for row in ordered], _SIZE)
    kinds: list[tuple[Align, float, float]] = [(label.align, label.dx, label.dy) for label in labels]
    for key in dict.fromkeys(kinds):
        own = [ordered[label.index] for label in labels if (label.align, label.dx, label.dy) == key]
        mark = alt.Chart(data(own)).mark_text(align=key[0], dx=key[1], dy=key[2], fontSize=11, color=INK)
        layers.append(mark.encode(x="r:Q", y=alt.Y("change:Q", title=_CHANGE), text="emotion:N"))
    return layers


def _zero(title: str) -> Any:
    return alt.Chart(data([{"zero": 0}])).mark_rule(color="#9a9a94").encode(y=alt.Y("zero:Q", title=title))


def _paper(rows: Rows) -> Any:
    x = alt.X(
        "r:Q", title="Correlation (r)", scale=alt.Scale(domain=[-0.95, 1.15], nice=False), axis=alt.Axis(tickCount=5)
    )
    y = alt.Y("change:Q", title=_PAPER_CHANGE)
    marks = (
        alt.Chart(data(rows))
        .mark_point(filled=True, color=PUBLISHED, size=52, opacity=0.9)
        .encode(
            x=x,
            y=y,
            tooltip=[alt.Tooltip("r:Q", format="+.2f"), alt.Tooltip("change:Q", title="Elo points", format="+.0f")],
        )
    )
    line = alt.Chart(data(fit_line([row["r"] for row in rows], [row["change"] for row in rows]))).mark_line(
        color=PUBLISHED, strokeWidth=1.6
    )
    named = [
        {"emotion": name, "r": r, "change": change}
        for name, (r, change) in published().steering_labels.items()
        if name in PAPER_STEERING
    ]
    names = [
        alt.Chart(data([row]))
        .mark_text(align="left", dx=9, fontSize=11, color="#55585e")
        .encode(x="r:Q", y=alt.Y("change:Q", title=_PAPER_CHANGE), text="emotion:N")
        for row in named
    ]
    title = alt.TitleParams("Paper", subtitle=f"{PAPER_MODEL}, 36 points read from its Figure 4")
    return alt.layer(
        _zero(_PAPER_CHANGE), line.encode(x="x:Q", y=alt.Y("y:Q", title=_PAPER_CHANGE)), marks, *names
    ).properties(width=_PAPER_SIZE[0], height=_PAPER_SIZE[1], title=title)


def after_rows(record: Record, valence: str) -> Rows:
    """The activities of one steering example: score before and after, steered or control."""
    shown = example(record, valence)
    return [
        {**point.dump(), "half": "steered" if point.steered else "control", "change": point.after - point.baseline}
        for point in (shown.points if shown else [])
    ]


def after_chart(record: Record, valence: str) -> Any | None:
    """Figure 6 or 8: score after steering against score before, with the diagonal and the paper's mean change."""
    shown, rows = example(record, valence), after_rows(record, valence)
    if shown is None or not rows:
        return None
    paper = "blissful" if valence == "positive" else "hostile"
    names = category_names(rows)
    ends = [row[key] for row in rows for key in ("baseline", "after")]
    domain = _padded(min(ends), max(ends), 0.04)
    scale = alt.Scale(domain=domain, nice=False)
    marks = (
        alt.Chart(data(rows))
        .mark_point(size=66, opacity=0.95, strokeWidth=1.6)
        .encode(
            x=alt.X("baseline:Q", title=_BEFORE, scale=scale, axis=alt.Axis(tickCount=8)),
            y=alt.Y("after:Q", title=_AFTER, scale=scale),
            color=alt.Color("category:N", title="Category", scale=category_scale(names)),
            fill=alt.Fill("category:N", title="Category", scale=category_scale(names)),
            fillOpacity=alt.FillOpacity(
                "half:O", title="Half", scale=alt.Scale(domain=["steered", "control"], range=[0.95, 0])
            ),
            shape=alt.Shape(
                "half:O", title="Half", scale=alt.Scale(domain=["steered", "control"], range=["circle", "square"])
            ),
            tooltip=[
                alt.Tooltip("activity:N", title="Activity"),
                alt.Tooltip("category:N", title="Category"),
                alt.Tooltip("half:N", title="Half"),
                alt.Tooltip("baseline:Q", title="Before", format=",.0f"),
                alt.Tooltip("after:Q", title="After", format=",.0f"),
                alt.Tooltip("change:Q", title="Change", format="+,.1f"),
            ],
        )
    )
    title = alt.TitleParams(
        f"This run: {shown.emotion}, steered half {points(shown.elo_steered)} Elo points",
        subtitle=f"{record.model.name}; black: no change; dashed grey: the paper's mean change ({paper} {points(PAPER_STEERING[paper])})",
    )
    return alt.layer(*_lines(domain, PAPER_STEERING[paper]), marks).properties(width=560, height=430, title=title)


def _lines(domain: list[float], shift: float) -> list[Any]:
    """The diagonal, and the paper's mean change as a line beside it, cut to the plot."""
    diagonal = alt.Chart(data([{"x": end, "y": end} for end in domain])).mark_line(color=INK, strokeWidth=1.2)
    low, high = max(domain[0], domain[0] - shift), min(domain[1], domain[1] - shift)
    scale = alt.Scale(domain=domain, nice=False)
    x, y = alt.X("x:Q", scale=scale, title=_BEFORE), alt.Y("y:Q", scale=scale, title=_AFTER)
    layers = [diagonal.encode(x=x, y=y)]
    if low < high:
        ends = [{"x": end, "y": end + shift} for end in (low, high)]
        layers.append(
            alt.Chart(data(ends)).mark_line(color=PUBLISHED, strokeWidth=1.2, strokeDash=[4, 4]).encode(x=x, y=y)
        )
    return layers
