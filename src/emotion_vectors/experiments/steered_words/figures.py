"""Figure D: how each vector changes the log probability of each emotion word after "He feels" and "I feel"."""

from __future__ import annotations

from typing import Any

import altair as alt

from emotion_vectors.experiments.steered_words.record import Feels
from emotion_vectors.record import Record
from emotion_vectors.report.palette import INK, data
from emotion_vectors.report.topic import Rows

_CELL = 27


def feels_rows(record: Record) -> Rows:
    """One row per sentence of the paper, vector and word."""
    feels = record.part(Feels)
    if feels is None:
        return []
    return [
        {
            "sentence": row.sentence, "vector": vector, "word": word, "nats": row.change[i][j],
            "unsteered": row.base[j], "own": i == j,
        }
        for row in feels.sentences
        if row.source == "paper"
        for i, vector in enumerate(feels.emotions)
        for j, word in enumerate(feels.emotions)
    ]  # fmt: skip


def feels_chart(record: Record) -> Any | None:
    """Figure D: a heat map for each of the paper's two sentences, emotions of one valence together; own words are outlined."""
    rows, feels = feels_rows(record), record.part(Feels)
    if not rows or feels is None:
        return None
    order = [e for kind in ("positive", "negative", None) for e, v in zip(feels.emotions, feels.valence, strict=True) if v == kind]  # fmt: skip
    limit = max(abs(row["nats"]) for row in rows) or 1.0
    panels = [
        _panel([row for row in rows if row["sentence"] == sentence], order, limit, f"{sentence} ...")
        for sentence in dict.fromkeys(row["sentence"] for row in rows)
    ]
    return alt.hconcat(*panels, spacing=30)


def _panel(rows: Rows, order: list[str], limit: float, title: str) -> Any:
    x = alt.X("word:N", sort=order, title="Next word", axis=alt.Axis(labelAngle=-60, domain=False, ticks=False))
    y = alt.Y("vector:N", sort=order, title="Vector added", axis=alt.Axis(domain=False, ticks=False))
    colour = alt.Color(
        "nats:Q",
        scale=alt.Scale(scheme="redblue", reverse=True, domain=[-limit, limit], domainMid=0),
        legend=alt.Legend(title="Change (nats)", gradientLength=_CELL * 6, gradientThickness=10, format="+.1f", tickCount=5),
    )  # fmt: skip
    tips = [
        alt.Tooltip("vector:N", title="Vector"),
        alt.Tooltip("word:N", title="Word"),
        alt.Tooltip("nats:Q", title="Change in nats", format="+.3f"),
        alt.Tooltip("unsteered:Q", title="Unsteered log probability", format=".2f"),
    ]
    base = alt.Chart(data(rows)).encode(x=x, y=y)
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(color=colour, tooltip=tips)
    own = base.transform_filter("datum.own").mark_rect(fill=None, stroke=INK, strokeWidth=1.6).encode(tooltip=tips)
    size = _CELL * len(order)
    heading = alt.TitleParams(title, subtitle="outlined: the vector's own word")
    return alt.layer(cells, own).properties(width=size, height=size, title=heading)
