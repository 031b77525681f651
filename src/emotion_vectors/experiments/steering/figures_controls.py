"""Figures A to C: effects on either half (why the earlier reproduction came out inverted), by strength, and by layer."""

from __future__ import annotations

from typing import Any

import altair as alt

from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.experiments.steering.terms import HALVES, TOUCHES
from emotion_vectors.record import Record
from emotion_vectors.report.charts import fit_line
from emotion_vectors.report.palette import (
    BAND,
    INK,
    NOT_GIVEN,
    PUBLISHED,
    data,
    scales,
    valence_colours,
    valence_shapes,
)
from emotion_vectors.report.topic import Rows

_PANEL = (250, 270)
_HALF = "Steered half"
_HALF_COLOURS = {"even": "#0072B2", "odd": "#D55E00"}
_EFFECT = "Effect on the steered half (nats)"
_NATS = "Effect (nats)"
_TITLES = {"own": "On the steered activity alone", "both": "On both activities"}


def inversion_rows(record: Record) -> Rows:
    """One row per control emotion, arm and half: its r and the effect in nats on the half that is steered."""
    steering = record.part(Steering)
    return [
        {"emotion": p.emotion, "valence": p.valence or NOT_GIVEN, "arm": touch, "half": half, "r": p.r, "nats": p.nats(touch, half)}
        for touch in TOUCHES
        for half in HALVES
        for p in (steering.inversion.points if steering else [])
        if p.r is not None
    ]  # fmt: skip


def inversion_chart(record: Record) -> Any | None:
    """Figure A: r against effect for either half, the vector on one activity and on both, and the latter enlarged."""
    rows = [row for row in inversion_rows(record) if row["arm"] in _TITLES]
    if not rows:
        return None
    shared = _reach([row["nats"] for row in rows])
    x = _reach([row["r"] for row in rows], zero=False)
    both = [row for row in rows if row["arm"] == "both"]
    panels = [
        _panel([row for row in rows if row["arm"] == arm], x, shared, title, "same axes")
        for arm, title in _TITLES.items()
    ]
    panels.append(_panel(both, x, _reach([row["nats"] for row in both]), "On both activities", "the same, enlarged"))
    resolve = scales(x="independent", y="independent", color="shared", shape="shared")
    return alt.hconcat(*panels, spacing=26, resolve=resolve)


def _reach(values: list[float], zero: bool = True) -> list[float]:
    low, high = (min(0.0, *values), max(0.0, *values)) if zero else (min(values), max(values))
    # All zeros (nothing moved at all) still need an axis.
    margin = (high - low) * 0.08 or 0.1
    return [low - margin, high + margin]


def _panel(rows: Rows, x: list[float], y: list[float], title: str, subtitle: str) -> Any:
    across = alt.X(
        "r:Q",
        title="Correlation with preference (r)",
        scale=alt.Scale(domain=x, nice=False),
        axis=alt.Axis(tickCount=5),
    )
    up = alt.Y("nats:Q", title=_EFFECT, scale=alt.Scale(domain=y, nice=False))
    names = list(_HALF_COLOURS)
    colour = alt.Color("half:N", title=_HALF, scale=alt.Scale(domain=names, range=list(_HALF_COLOURS.values())), legend=alt.Legend(orient="top"))  # fmt: skip
    shape = alt.Shape("half:N", title=_HALF, scale=alt.Scale(domain=names, range=["circle", "square"]), legend=alt.Legend(orient="top"))  # fmt: skip
    marks = (
        alt.Chart(data(rows))
        .mark_point(filled=True, size=46, opacity=0.9)
        .encode(x=across, y=up, color=colour, shape=shape, tooltip=_tips("emotion", "valence", "half", "r", "nats"))
    )
    layers: list[Any] = [_rule(0.0, "nats", _EFFECT)]
    for half in names:
        own = [row for row in rows if row["half"] == half]
        line = fit_line([row["r"] for row in own], [row["nats"] for row in own])
        fitted = [{"r": end["x"], "nats": end["y"], "half": half} for end in line]
        layers.append(alt.Chart(data(fitted)).mark_line(strokeWidth=1.5).encode(x=across, y=up, color=colour))
    heading = alt.TitleParams(title, subtitle=subtitle)
    return alt.layer(*layers, marks).properties(width=_PANEL[0], height=_PANEL[1], title=heading)


def _tips(*fields: str) -> list[alt.Tooltip]:
    names = {"nats": "Effect in nats", "r": "r"}
    formats = {"nats": "+.4f", "r": "+.3f"}
    return [
        alt.Tooltip(f"{field}:Q", title=names.get(field, field.capitalize()), format=formats[field])
        if field in formats
        else alt.Tooltip(f"{field}:N", title=field.capitalize())
        for field in fields
    ]


def _rule(value: float, axis: str, title: str) -> Any:
    return alt.Chart(data([{axis: value}])).mark_rule(color="#9a9a94").encode(y=alt.Y(f"{axis}:Q", title=title))


def dose_rows(record: Record) -> Rows:
    """One row per swept emotion and strength, with the band of the random directions at that strength."""
    steering = record.part(Steering)
    if steering is None or steering.dose is None:
        return []
    dose, valence = steering.dose, {row.emotion: row.valence or NOT_GIVEN for row in steering.emotions}
    return [
        {
            "emotion": curve.emotion, "valence": valence[curve.emotion], "strength": row.strength, "nats": value,
            "random_low": row.random_low, "random_high": row.random_high,
        }
        for curve in dose.emotions
        for row, value in zip(dose.strengths, curve.nats, strict=True)
    ]  # fmt: skip


def dose_chart(record: Record) -> Any | None:
    """Figure B: effect by strength for each swept emotion, over the band of random directions."""
    steering, rows = record.part(Steering), dose_rows(record)
    if steering is None or steering.dose is None or not rows:
        return None
    x = alt.X(
        "strength:Q", title="Strength (mean residual norms)", scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=9)
    )
    subtitle = f"{record.model.name}; grey band: {steering.dose.random_directions} random directions"
    return _curves(rows, x, "strength", subtitle)


def depth_rows(record: Record) -> Rows:
    """One row per swept emotion and layer, with the band of the random directions at that layer."""
    steering = record.part(Steering)
    return [
        {
            "emotion": one.emotion, "valence": one.valence or NOT_GIVEN, "layer": row.layer, "r": one.r, "nats": one.nats,
            "random_low": row.random_low, "random_high": row.random_high,
        }
        for row in (steering.depth.rows if steering and steering.depth else [])
        for one in row.emotions
    ]  # fmt: skip


def depth_chart(record: Record) -> Any | None:
    """Figure C: effect by layer for each swept emotion; dashed: the layers that the halves chose, black: the analysis layer."""
    steering, rows = record.part(Steering), depth_rows(record)
    if steering is None or steering.depth is None or not rows:
        return None
    x = alt.X(
        "layer:Q",
        title="Layer that gets the vector",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(tickMinStep=1, format="d"),
    )
    subtitle = (
        f"{record.model.name}; grey band: random directions; black line: the analysis layer; dashed: chosen by a half"
    )
    chosen = [{"layer": layer} for layer in sorted(set(steering.depth.chosen_layers))]
    lines = [
        alt.Chart(data([{"layer": steering.layer}])).mark_rule(color=INK, strokeWidth=1).encode(x=x),
        alt.Chart(data(chosen)).mark_rule(color=PUBLISHED, strokeWidth=2, strokeDash=[5, 4]).encode(x=x),
    ]
    return _curves(rows, x, "layer", subtitle, lines)


def _curves(rows: Rows, x: alt.X, field: str, subtitle: str, lines: list[Any] | None = None) -> Any:
    """Curves of single emotions over a band, coloured by valence; names at the end of the strongest ones."""
    y = alt.Y("nats:Q", title=_NATS)
    colour = alt.Color("valence:N", title="Valence", scale=valence_colours(rows), legend=alt.Legend(orient="top"))
    shape = alt.Shape("valence:N", title="Valence", scale=valence_shapes(rows), legend=alt.Legend(orient="top"))
    places = dict.fromkeys(row[field] for row in rows)
    bands = [next(row for row in rows if row[field] == place) for place in places]
    limits = [{field: row[field], "random_low": row["random_low"], "random_high": row["random_high"]} for row in bands]
    band = (
        alt.Chart(data(limits))
        .mark_area(color=BAND, opacity=0.7)
        .encode(x=x, y=alt.Y("random_low:Q", title=_NATS), y2="random_high:Q")
    )
    base = alt.Chart(data(rows))
    curves = base.mark_line(strokeWidth=1.4, opacity=0.8).encode(x=x, y=y, color=colour, detail="emotion:N")
    marks = base.mark_point(filled=True, size=42, opacity=1).encode(
        x=x,
        y=y,
        color=colour,
        shape=shape,
        tooltip=[*_tips("emotion", "valence"), alt.Tooltip(f"{field}:Q"), *_tips("nats")],
    )
    return alt.layer(band, _rule(0.0, "nats", _NATS), *(lines or []), curves, marks, *_ends(rows, x, field)).properties(
        width=620, height=320, title=alt.TitleParams("This run", subtitle=subtitle)
    )


def _ends(rows: Rows, x: alt.X, field: str) -> list[Any]:
    """The emotion's name at the right end of its curve, as long as it is clear of the names already there."""
    last = max(row[field] for row in rows)
    everything = [row["nats"] for row in rows]
    span = (max(everything) - min(everything)) or 1.0
    named: Rows = []
    for row in sorted((row for row in rows if row[field] == last), key=lambda row: -abs(row["nats"])):
        if all(abs(row["nats"] - other["nats"]) > 0.045 * span for other in named):
            named.append(row)
    text = alt.Chart(data(named)).mark_text(align="left", dx=8, fontSize=11, color=INK)
    return [text.encode(x=x, y=alt.Y("nats:Q", title=_NATS), text="emotion:N")]
