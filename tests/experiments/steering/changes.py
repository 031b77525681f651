"""Changes of the steering part of a record, for the tests of its contradictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
Change = Callable[[Record], None]


def part_at(record: Record, path: str) -> tuple[Any, Any]:
    *way, last = [int(step) if step.lstrip("-").isdigit() else step for step in path.split(".")]
    part: Any = record["experiments"]["steering"]
    for step in way:
        part = part[step]
    return part, last


def put(path: str, value: Any) -> Change:
    """Replace what stands at `path` inside the steering part."""

    def change(record: Record) -> None:
        part, last = part_at(record, path)
        part[last] = value

    return change


def turn(path: str) -> Change:
    """Give the number at `path` the other sign."""

    def change(record: Record) -> None:
        part, last = part_at(record, path)
        part[last] = -part[last]

    return change


def more(path: str, amount: float) -> Change:
    def change(record: Record) -> None:
        part, last = part_at(record, path)
        part[last] += amount

    return change


def all_of(*changes: Change) -> Change:
    def change(record: Record) -> None:
        for one in changes:
            one(record)

    return change
