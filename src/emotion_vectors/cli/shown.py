"""Tables that verbs print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from emotion_vectors.doctor import Check


def print_verdicts(record: dict) -> None:
    """The eleven verdicts as a table."""
    from emotion_vectors.experiments.criteria import number

    table = Table("", "criterion", "value", "bar", "Hong (2026)", "verdict", title=f"{record['model']['name']}")
    for criterion in record["criteria"].values():
        value = "" if criterion["value"] is None else number(criterion["value"])
        share = f"{value} of {criterion['of']}" if criterion["of"] else value
        table.add_row(
            criterion["id"],
            criterion["name"],
            share,
            criterion["threshold_text"],
            criterion["seed_verdict"],
            criterion["verdict"],
        )
    Console().print(table)
    if said := record["vectors"].get("caution"):
        Console(highlight=False).print(said, markup=False, soft_wrap=True)


def print_checks(checks: list[Check]) -> None:
    """The self-checks as a table, and below it what each failed one found."""
    from emotion_vectors.doctor.check import shown

    result = {(True, "stop"): "passed", (True, "warn"): "passed", (False, "stop"): "failed", (False, "warn"): "warning"}
    table = Table("check", "what", "result", "measured", "limit")
    for check in checks:
        row = (check.name, check.title, result[check.passed, check.kind], shown(check.measured), shown(check.limit))
        table.add_row(*row)
    Console().print(table)
    for check in checks:
        if not check.passed:
            Console(highlight=False).print(f"{check.name}: {check.detail}", markup=False, soft_wrap=True)


# Control characters (but for tab and new line) and the signs that turn the direction of writing.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain_text(text: str) -> str:
    """`text` with everything that a terminal would obey spelled out, as in \\x1b."""
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)
