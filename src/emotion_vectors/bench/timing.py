"""Time several ways to do one job in turn, so that a slow minute of the machine hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, NamedTuple


class Lap(NamedTuple):
    """What one way did: units of work, what it found, and its seconds where they are not simply those of the call."""

    units: float
    found: Any
    seconds: float | None = None


class Raced(NamedTuple):
    """Rates in units/s, one for each round, of one way."""

    rates: list[float]

    @property
    def rate(self) -> float:
        """The median."""
        return median(self.rates)


Way = Callable[[], Lap]


def race(
    ways: Mapping[str, Way],
    rounds: int,
    check: Callable[[dict[str, Any]], None] = lambda _: None,
    advance: Callable[[float], None] = lambda _: None,
    warm_up: Mapping[str, Way] | None = None,
) -> dict[str, Raced]:
    """Run every way once untimed, give `check` what they found, then time all of them in turn, `rounds` times.

    `check` raises where the ways disagree, so that no time is spent on wrong numbers. `warm_up` replaces the first run.
    """
    found = {}
    for name, way in (ways if warm_up is None else warm_up).items():
        found[name] = way().found
        advance(1)
    check(found)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            lap = way()
            seconds = time.perf_counter() - begun if lap.seconds is None else lap.seconds
            rates[name].append(lap.units / max(seconds, 1e-9))
            advance(1)
    return {name: Raced(values) for name, values in rates.items()}
