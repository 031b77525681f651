"""Passages on the terminal, with their tokens marked. Texts are data: nothing in them reaches the terminal as a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def _rank(passage: Mapping[str, Any], column: str) -> str:
    percentile, z = passage[f"{column}_percentile"], passage[f"{column}_z"]
    if percentile is None:
        return ""
    return f" (above {percentile:.0f} % of neutral{'' if z is None else f', z {z:+.1f}'})"
