"""A reading as a picture to keep: tokens x emotions or tokens x layers, as SVG, PNG and CSV, and an address that reads it again.

Files are data addresses inside the page, so the server keeps nothing of a visitor's text.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from emotion_vectors.explorer.markup import notice, text

if TYPE_CHECKING:
    from emotion_vectors.vectors.reading import Reading

EMOTIONS, LAYERS = "tokens × emotions", "tokens × layers"
MOST_TOKENS = 400  # a picture of more has columns too narrow to see
MOST_LINK = 6000  # characters of an address that browsers and servers take without complaint
FORMS = ("text", "chat")


class Linked(NamedTuple):
    """What an address asks to be read."""

    written: str
    form: str
    emotion: str
    layer: int | None


def link(run: str, written: str, form: str, emotion: str, layer: int) -> str:
    """A link that opens this text, emotion and layer again, where it fits into an address."""
    query = urlencode({"run": run, "form": form, "emotion": emotion, "layer": layer, "text": written})
    if len(query) > MOST_LINK:
        return '<p class="ev-note">The text is too long for a link to this view.</p>'
    return f'<p class="ev-note"><a class="ev-link ev-share" href="?{text(query)}">Link to this view</a>: this text, emotion and layer, in the address itself.</p>'


def linked(query: Mapping[str, str], run: str) -> Linked | None:
    """What the address asks for on the page of `run`; None where it asks nothing of it."""
    if not query.get("text") or query.get("run", run) != run:
        return None
    layer, form = query.get("layer", ""), query.get("form", "text")
    return Linked(
        query["text"], form if form in FORMS else "text", query.get("emotion", ""), int(layer) if layer.isdecimal() else None
    )  # fmt: skip


def elsewhere(query: Mapping[str, str], run: str, runs: Collection[str], emotions: Sequence[str], layers: int) -> str:
    """A notice of what the address asks for that is not here, where another thing is shown in its place; "" where all is here.

    `runs` are those that are open; `emotions` and `layers` are what the vectors of `run` have.
    """
    if not query.get("text"):
        return ""
    wanted, emotion, layer = query.get("run", run), query.get("emotion", ""), query.get("layer", "")
    if wanted not in runs:
        return notice(
            "warning",
            f"The link is to the run {wanted}, which is not open here.",
            "Give its folder to `explore` as well.",
        )
    lacking = [f"the emotion {emotion}"] if emotion and emotion not in emotions else []
    lacking += [f"layer {layer}"] if layer and not (layer.isdecimal() and int(layer) < layers) else []
    if wanted != run or not lacking:
        return ""
    return notice(
        "warning", f"The link asks for {' and '.join(lacking)}, which this run does not have.", "Another is shown."
    )


def heat_map(reading: Reading, emotion: str, layer: int, kind: str) -> str:
    """The picture with its three downloads: of the emotions that the text has most of, or of all layers of one emotion."""
    if len(reading.tokens) > MOST_TOKENS:
        return notice(
            "info",
            f"A heat map shows up to {MOST_TOKENS} tokens.",
            "Read a shorter text, or draw it in Python: reading.plot().",
        )
    if kind == LAYERS and len(reading.layers) < 2:
        return notice(
            "info", "This text is long, so it was read at one layer.", "Read a shorter text to see all layers."
        )
    import vl_convert

    chart = reading.plot_layers(emotion) if kind == LAYERS else reading.plot(layer)
    spec = chart.to_json()
    svg = vl_convert.vegalite_to_svg(spec).encode()
    picture = base64.b64encode(svg).decode()
    rows = reading.to_polars()
    rows = rows.filter(emotion=emotion) if kind == LAYERS else rows.filter(layer=layer)
    files = (
        ("svg", "image/svg+xml", svg), ("png", "image/png", vl_convert.vegalite_to_png(spec, scale=2)),
        ("csv", "text/csv", rows.write_csv().encode()),
    )  # fmt: skip
    links = " · ".join(
        f'<a class="ev-link" download="reading.{name}" href="data:{mime};base64,{base64.b64encode(content).decode()}">{name.upper()}</a>'
        for name, mime, content in files
    )
    what = f"{kind} of {emotion}" if kind == LAYERS else f"{kind} at layer {layer}"
    # As an image an SVG runs no script, whatever the text says.
    return (
        f'<p class="ev-note">Save it as {links}</p><div class="ev-scroll ev-heat" tabindex="0" role="region" aria-label="{text(what)}">'
        f'<img alt="Heat map, {text(what)}" src="data:image/svg+xml;base64,{picture}"></div>'
    )
