"""How a record that contradicts itself is tested: one change to a right record, and the refusal that must name it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from .asking import ContradictoryRecord, check

Record = dict[str, Any]
Change = Callable[[Record], None]
PARTS = "experiments."


def assert_refused(right: dict[str, Any], change: Callable[[dict[str, Any]], None], message: str) -> None:
    """`check` refuses a copy of `right` after `change`, in a sentence that holds `message`."""
    record = copy.deepcopy(right)
    change(record)
    with pytest.raises(ContradictoryRecord, match=re.escape(message)):
        check(record)


def criterion(name: str, **changes: Any) -> Callable[[Record], None]:
    return lambda record: record["criteria"][name].update(changes)


def put(path: str, value: Any) -> Callable[[Record], None]:
    """Replace what stands at `path`, with list positions as numbers: "steering.emotions.0.r"."""

    def change(record: Record) -> None:
        *way, last = [int(step) if step.lstrip("-").isdigit() else step for step in path.split(".")]
        part: Any = record
        for step in way:
            part = part[step]
        part[last] = value

    return change


def more(path: str, amount: float) -> Callable[[Record], None]:
    """Add `amount` to the number at `path`."""

    def change(record: Record) -> None:
        part: Any = record
        for step in path.split("."):
            part = part[int(step) if step.isdigit() else step]
        put(path, part + amount)(record)

    return change
