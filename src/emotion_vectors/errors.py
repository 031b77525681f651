"""The one exception that a user's mistake raises, and the phrases that its sentences share."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

LONGEST = 1500  # characters of a sentence


class UserError(Exception):
    """Bad input or an impossible request: one sentence that says what is wrong and what to do.

    The command line prints the sentence and exits with 2; it never shows a traceback for it. What it quotes may come from a
    stranger's file, so it is made printable, and short.
    """

    def __init__(self, sentence: object = "") -> None:
        text = printable(" ".join(str(sentence).splitlines()))
        super().__init__(text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}")


def printable(text: str) -> str:
    """`text` with control and other invisible characters as their escapes: nothing in it reaches a terminal as a command."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def first_line(error: BaseException) -> str:
    """The first line of an error's message without its full stop (or its type's name), to be quoted in a sentence.

    The line after a colon comes with it, and a name that was looked up in vain with the type of the error.
    """
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    said = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return (f"{type(error).__name__}: {said}" if isinstance(error, KeyError) and lines[0] else said).rstrip(".")


def nearest(name: str, valid: Sequence[str]) -> str:
    """What to write instead of `name`, to end a sentence with: the closest of `valid`, or all of them."""
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.4)
    return f"did you mean '{close[0]}'?" if close else f"choose one of {', '.join(valid)}."
