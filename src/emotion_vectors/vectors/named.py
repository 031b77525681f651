"""Emotions as a user writes them: names separated by commas, or names with a number each. One reader for every command."""

from __future__ import annotations

import math
from collections.abc import Iterable

from emotion_vectors.errors import UserError


def parse_names(text: str, option: str = "--emotions") -> tuple[str, ...]:
    """`"calm, angry"` as names, each once, in their order; no name at all is a `UserError`."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UserError(f"'{option} {text}' names nothing; write for example {option} calm,angry.")
    return names


def parse_numbers(
    assignments: Iterable[str], option: str = "--emotion ", bare: float | None = None, example: str = "calm=0.3"
) -> dict[str, float]:
    """`["calm=0.3", "angry=-0.1"]` as finite numbers by name, in their order.

    `bare`: what a name without a number counts (None: it needs one). `option` and `example` are what the sentence quotes, up to the
    assignment. Anything else, and a name that is given twice, is a `UserError`.
    """
    numbers: dict[str, float] = {}
    for assignment in assignments:
        name, equals, value = (part.strip() for part in assignment.partition("="))
        try:
            number = bare if bare is not None and not equals else float(value)
        except ValueError:
            number = math.nan
        if not name or not math.isfinite(number):
            raise UserError(
                f"'{option}{assignment}' does not have the form name=number; write for example {option}{example}."
            )
        if name in numbers:
            raise UserError(f"'{name}' is given twice; give one number for each name.")
        numbers[name] = number
    return numbers
