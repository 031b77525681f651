"""The refusal of a record that contradicts itself, and the small comparisons that lead to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from emotion_vectors.record import ContradictoryRecord
from emotion_vectors.record.criterion import Criterion


def require(condition: bool, message: str) -> None:
    """Raise `ContradictoryRecord(message)` unless `condition` holds."""
    if not condition:
        raise ContradictoryRecord(message)


def require_within(values: Iterable[float | None], low: float, high: float, what: str) -> None:
    """Each value is a finite number from `low` to `high`; None (not measured) is allowed."""
    slack = 1e-6 * max(1.0, abs(high)) if math.isfinite(high) else 0.0
    for value in values:
        if value is not None:
            require(
                math.isfinite(value) and low - slack <= value <= high + slack,
                f"{what} is {value}, outside {low} to {high}.",
            )


def require_close(stated: float | None, computed: float | None, tolerance: float, what: str) -> None:
    """`stated` equals `computed` within `tolerance`; not compared where either was not measured."""
    if stated is not None and computed is not None:
        require(
            abs(stated - computed) <= tolerance,
            f"{what} is stated as {stated} but the record's own data give {computed:g}.",
        )


def pearson(x: Sequence[Any] | np.ndarray, y: Sequence[Any] | np.ndarray) -> float | None:
    """Pearson's r, or None where it is not defined (fewer than three points, a missing one, or a constant)."""
    if len(x) < 3 or None in list(x) or None in list(y) or np.std(x) == 0 or np.std(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def agrees(
    criterion: Criterion, value: float | None, of: int | None, interval: Sequence[float] | None, null: float | None
) -> None:
    """The criterion states what its experiment found."""
    name = criterion.id
    require_close(criterion.value, value, 1e-6, name)
    require(criterion.of in (None, of), f"{name} is out of {criterion.of} but the experiment has {of}.")
    require_close(criterion.null.value if criterion.null else None, null, 1e-6, f"The null of {name}")
    if criterion.interval and interval:
        for stated, found in zip(criterion.interval, interval, strict=True):
            require_close(stated, found, 1e-6, f"An end of the interval of {name}")
