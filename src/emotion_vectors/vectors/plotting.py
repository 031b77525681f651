"""A reading as a heat map of tokens and names. What a text or a model wrote is data of the chart, never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import numpy as np

if TYPE_CHECKING:
    from emotion_vectors.vectors.reading import Reading

CELL = 16  # pixels
WIDEST = 1600
LONGEST = 40  # characters of a label
VISIBLE = {ord("\n"): "\\n", ord("\t"): "\\t", ord(" "): "\u00b7"}  # as a token's label shows them


def heat_map(reading: Reading, layer: int | None, most: int) -> alt.Chart:
    """See `Reading.plot`. Red is more than in neutral texts, blue less; the colours are symmetric around 0."""
    values = reading.cosines(layer)
    order = np.argsort(-reading.own(layer).mean(axis=0), kind="stable")[:most]
    names = [reading.emotions[i] for i in order]
    tokens = [token.translate(VISIBLE)[:LONGEST] for token in reading.tokens]
    chosen = reading.layers[0] if layer is None else layer
    return _drawn(tokens, names, values[:, order], "raw" if reading.centred is None else "centred", f"layer {chosen}")


def layer_map(reading: Reading, emotion: str) -> alt.Chart:
    """See `Reading.plot_layers`. The highest layer is on top."""
    order = sorted(range(len(reading.layers)), key=lambda i: -reading.layers[i])
    kind, values = ("raw", reading.raw) if reading.centred is None else ("centred", reading.centred)
    tokens = [token.translate(VISIBLE)[:LONGEST] for token in reading.tokens]
    names = [f"layer {reading.layers[i]}" for i in order]
    return _drawn(tokens, names, values[:, reading.emotions.index(emotion)][:, order], kind, emotion)


def _drawn(tokens: list[str], names: list[str], values: np.ndarray, kind: str, what: str) -> alt.Chart:
    """Values (t, n) of tokens and names, the first name on top."""
    rows = [
        {"place": f"{place}:{token}", "token": token, "name": name, "cosine": round(float(values[place, i]), 4)}
        for place, token in enumerate(tokens)
        for i, name in enumerate(names)
    ]
    # The first token of a sequence is unlike all others and would take the colours for itself.
    bound = float(np.abs(values[1:] if len(values) > 1 else values).max())
    return (
        alt.Chart(alt.InlineData(values=rows), title=f"{kind} cosine by token, {what}")
        .mark_rect()
        .encode(
            # Tokens repeat, so a column is called by its number as well, which its label leaves out.
            x=alt.X("place:N", sort=None, title=None, axis=alt.Axis(
                labelExpr="slice(datum.label, indexof(datum.label, ':') + 1)", labelAngle=-90, labelOverlap=False
            )),
            y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=300)),
            color=alt.Color(
                "cosine:Q", title=kind, scale=alt.Scale(scheme="redblue", reverse=True, domain=[-bound, bound], clamp=True)
            ),
            tooltip=["token:N", "name:N", alt.Tooltip("cosine:Q", format="+.3f")],
        )
        .properties(width=min(CELL * len(tokens), WIDEST), height=CELL * len(names))
    )  # fmt: skip
