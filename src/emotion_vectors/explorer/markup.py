"""HTML pieces that every view uses. Whatever comes from a model, a run or a user goes through `text`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

# Blue and vermilion of the Okabe-Ito set: told apart by every kind of colour vision, and by lightness on paper.
HIGH, LOW = (213, 94, 0), (0, 114, 178)
STRONGEST = 0.7  # most of the colour that covers the ground, so that letters stay readable on it
# The page's components read ${...} and {{...}} as templates, so these characters are written as entities too.
_TEMPLATE = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})


class Cell(NamedTuple):
    """One cell of a table: HTML that is safe already, and whether it is a number (aligned right)."""

    html: str
    number: bool = False


def text(value: Any) -> str:
    """`value` as text that can stand anywhere in HTML, quoted attributes included."""
    return html.escape(str(value), quote=True).translate(_TEMPLATE)


def visible(token: str) -> str:
    """A token as escaped HTML, with its line breaks seen and kept."""
    return text(token).replace("\n", '<span class="ev-break">↵</span>\n')


def notice(kind: Literal["info", "warning", "error"], what: str, remedy: str = "") -> str:
    """A box that says what is so and what to do about it; both are plain text."""
    sign = {"info": "i", "warning": "!", "error": "×"}[kind]
    more = f" <span>{text(remedy)}</span>" if remedy else ""
    role = "status" if kind == "info" else "alert"
    return (
        f'<div class="ev-notice ev-{kind}" role="{role}"><b aria-hidden="true">{sign}</b>'
        f"<p>{text(what)}{more}</p></div>"
    )


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[Cell]], tall: bool = False) -> str:
    """A table with a caption. More than four columns: on a narrow screen each row becomes a block that names its values.

    `tall`: in a box of its own that scrolls, also with the keyboard.
    """
    numbers = [bool(rows) and all(row[column].number for row in rows) for column in range(len(headings))]
    head = "".join(
        f'<th scope="col"{_number(number)}>{text(heading)}</th>'
        for heading, number in zip(headings, numbers, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-label="{text(heading)}"{_number(cell.number)}>{cell.html}</td>'
            for heading, cell in zip(headings, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    kind = "ev-table ev-wide" if len(headings) > 4 else "ev-table"
    made = f'<table class="{kind}"><caption>{text(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return (
        f'<div class="ev-tall" tabindex="0" role="region" aria-label="{text(caption)}">{made}</div>' if tall else made
    )


def _number(number: bool) -> str:
    return ' class="ev-number"' if number else ""


def colour(share: float) -> str:
    """The background of a value from -1 (blue) over 0 (nothing) to 1 (orange); what is beyond is cut.

    It is translucent, `#rrggbbaa`: on white paper and on black it is mixed with what lies below.
    """
    red, green, blue = HIGH if share >= 0 else LOW
    return f"#{red:02x}{green:02x}{blue:02x}{round(255 * min(abs(share), 1.0) * STRONGEST):02x}"


def bar(share: float, width: int = 100) -> str:
    """A small bar around a middle line for a value from -1 to 1, as SVG; the number is next to it in the text."""
    half = width / 2
    size = min(abs(share), 1.0) * half
    start = half if share >= 0 else half - size
    return (
        f'<svg class="ev-bar" width="{width}" height="10" viewBox="0 0 {width} 10" aria-hidden="true">'
        f'<line x1="{half}" x2="{half}" y1="0" y2="10" stroke="var(--ev-rule)"/>'
        f'<rect x="{start:.1f}" y="1.5" width="{size:.1f}" height="7" fill="{colour(1 if share >= 0 else -1)}"/></svg>'
    )


def legend(low: str, high: str) -> str:
    """The scale of the colours with what its ends mean (plain text)."""
    return (
        f'<div class="ev-legend"><span>{text(low)}</span><i style="background:linear-gradient(90deg,{colour(-1)},transparent,{colour(1)})">'
        f"</i><span>{text(high)}</span></div>"
    )
