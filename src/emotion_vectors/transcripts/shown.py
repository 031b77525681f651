"""Passages on the terminal, with their tokens marked. Texts are data: nothing in them reaches the terminal as a command."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from emotion_vectors.errors import printable

BREAK = "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"
# Steps from the neutral texts' usual cosine up to the passage's largest; colours that are told apart without red and green.
SHADES = ("", "on grey23", "on dark_blue", "on blue")


def one_line(text: str) -> str:
    """`text` on one line: line breaks as an arrow, control and other invisible characters as their escapes."""
    return printable(text.replace("\n", BREAK))


def title(emotion: str, reliability: float | None) -> Text:
    """What stands over an emotion's passages: its name and how far its direction agrees with itself."""
    known = "not measured" if reliability is None else f"{reliability:.2f}"
    return Text(f"{one_line(emotion)}, reliability {known}")


def heading(passage: Mapping[str, Any], number: int) -> Text:
    """Where a passage is and where it stands: file, line, message, token; ranks of the token and of its message."""
    where = f"{passage['source']}, item {passage['item']}"
    if passage["id"] is not None:
        where += f" ({passage['id']})"
    if passage["role"] != "text":
        where += f", message {passage['message']} ({passage['role']})"
    if passage["in_sample"]:
        where += ", in sample"
    if passage.get("control_tokens"):
        where += f", {passage['control_tokens']} control tokens"
    kind = passage["kind"]
    ranks = [
        f"{what} {value:.3f}{_rank(passage, f'{statistic}_{kind}')}"
        for statistic, what in (("max", "token"), ("mean", "mean of the message"), ("response", "response position"))
        if (value := passage[f"{statistic}_{kind}"]) is not None
    ]
    return Text(f"{number}. {one_line(where)}, token {passage['position']}: {'; '.join(ranks)}", style="bold")


def leading(record: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """The `count` emotions with the strongest passages, strongest first."""
    best: dict[str, float] = {}
    for passage in record["passages"]:
        best[passage["emotion"]] = max(passage["strength"], best.get(passage["emotion"], -math.inf))
    return tuple(sorted(best, key=lambda name: -best[name])[:count])


def listed(record: Mapping[str, Any], count: int) -> Table:
    """The `count` highest emotions of a single message: its mean, what part of the neutral texts it exceeds, and its strongest token."""
    column = f"mean_{record['passages'][0]['kind']}" if record["passages"] else "mean_raw"
    by = f"{column}_z" if all(passage[f"{column}_z"] is not None for passage in record["passages"]) else column
    table = Table(box=None, pad_edge=False)
    for head in ("emotion", "mean cosine", "above neutral", "z", "strongest token", "reliability"):
        table.add_column(head, justify="left" if head in ("emotion", "strongest token") else "right", no_wrap=True)
    for passage in sorted(record["passages"], key=lambda one: -one[by])[:count]:
        percentile, z, own = passage[f"{column}_percentile"], passage[f"{column}_z"], passage["reliability"]
        table.add_row(
            Text(one_line(passage["emotion"])),
            f"{passage[column]:+.3f}",
            "" if percentile is None else _share(percentile),
            "" if z is None else f"{z:+.1f}",
            Text(one_line(passage["tokens"][passage["largest"]]).strip()),
            "not measured" if own is None else f"{own:.2f}",
        )
    return table


def marked(passage: Mapping[str, Any]) -> Text:
    """The passage's tokens, shaded by their cosines; the largest one stands in brackets."""
    usual = passage["neutral"]
    cosines: Sequence[float] = passage["cosines"]
    low, high = (min(cosines) if usual is None else usual), cosines[passage["largest"]]
    shown = Text("   ")
    for index, (token, cosine) in enumerate(zip(passage["tokens"], cosines, strict=True)):
        share = (cosine - low) / (high - low) if high > low else 0.0
        text = one_line(token)
        if index == passage["largest"]:
            bare = text.lstrip(" ")
            shown.append(f"{text[: len(text) - len(bare)]}[", style="")
            shown.append(bare, style="bold reverse")
            shown.append("]")
        else:
            shown.append(text, style=SHADES[min(len(SHADES) - 1, max(0, int(share * len(SHADES))))])
    return shown


def _share(percentile: float) -> str:
    """A percentile in words: this many neutral texts can tell no more at the ends."""
    if percentile >= 99.5:
        return "over 99 %"
    return "under 1 %" if percentile < 0.5 else f"{percentile:.0f} %"


def _rank(passage: Mapping[str, Any], column: str) -> str:
    percentile, z = passage[f"{column}_percentile"], passage[f"{column}_z"]
    if percentile is None:
        return ""
    return f" (above {_share(percentile)} of neutral{'' if z is None else f', z {z:+.1f}'})"
