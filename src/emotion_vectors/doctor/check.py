"""One self-check and its result: what was measured, what is allowed, and whether a failure stops a run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

from emotion_vectors.errors import UserError

Kind = Literal["stop", "warn"]
Value = float | int | str
NO_NUMBER = "not a finite number"


class Finding(NamedTuple):
    """What one check found: the measured value, its limit, whether that is good, and one sentence about it."""

    measured: Value
    limit: Value
    passed: bool
    detail: str


@dataclass(frozen=True)
class Check:
    """The result of one self-check.

    `measured` and `limit` are numbers or short text. A failed check of kind `stop` stops a run; one of kind `warn` is
    recorded only. `detail` is one sentence: what was found, and what to do about it where the check failed.
    """

    name: str
    title: str
    measured: Value
    limit: Value
    passed: bool
    kind: Kind
    detail: str

    def record(self) -> dict[str, Value]:
        """All fields but the name, as the record keeps them under it."""
        fields = asdict(self)
        del fields["name"]
        return fields


def make_check(name: str, title: str, kind: Kind, finding: Finding) -> Check:
    """A check from what it found; a measured NaN or infinity becomes text, because a record can hold neither."""
    measured = finding.measured
    if isinstance(measured, float) and not math.isfinite(measured):
        measured = NO_NUMBER
    return Check(name, title, measured, finding.limit, bool(finding.passed), kind, finding.detail)


def at_most(measured: float, limit: float, good: str, bad: str) -> Finding:
    """A finding that is good up to `limit`; NaN is never good."""
    passed = bool(measured <= limit)
    return Finding(float(measured), limit, passed, good if passed else bad)


def all_right(faults: Iterable[str], total: int, what: str, todo: str) -> Finding:
    """How many of `total` things have no fault; every one must be right. `faults` has one sentence per wrong thing."""
    wrong = list(faults)
    if not wrong:
        return Finding(total, total, total > 0, f"All {total} {what} are right.")
    return Finding(total - len(wrong), total, False, f"{len(wrong)} of {total} {what} are wrong: {wrong[0]}; {todo}.")


def stopping(checks: Iterable[Check]) -> list[Check]:
    """The failed checks that stop a run."""
    return [check for check in checks if check.kind == "stop" and not check.passed]


def demand(checks: Iterable[Check], allowed: bool) -> None:
    """Raise `UserError` for failed checks of kind `stop`, unless failed checks are `allowed`."""
    failed = stopping(checks)
    if not failed or allowed:
        return
    named = ", ".join(
        f"{check.name} (measured {shown(check.measured)}, limit {shown(check.limit)})" for check in failed
    )
    raise UserError(
        f"{len(failed)} self-check{'s' if len(failed) > 1 else ''} of the instrument failed: {named}; "
        f"the first says: {failed[0].detail.rstrip('.')}; fix that (see docs/doctor.md), or give --allow-failed-checks "
        "to record it and continue."
    )


def shown(value: Value) -> str:
    """A measured value or limit as short text."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
