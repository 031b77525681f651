"""Does steering move the model's answers, or break them?

In: the answers' shifts (mass on A and B, entropy, divergence from the unsteered answer) and the steered pairs. Out: for
each condition how the distribution of the answer changed and how coherent the order of preference still is. An effect
whose answers fell apart is marked broken, and too many of them make V10 and V11 inconclusive.
Source: the paper notes that at strength 0.5 an activity's content is overwritten; triads: Kendall and Babington Smith 1940.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.criteria import json_number
from emotion_vectors.experiments.steering.arms import Runs
from emotion_vectors.experiments.steering.terms import LEAST_CONSISTENCY_KEPT, LEAST_MASS_KEPT, MOST_BROKEN
from emotion_vectors.stats import steering as effects


class Coherence(NamedTuple):
    """How the answers under one condition hold together; nats where a unit is needed."""

    mass: float  # mean probability on A and B
    entropy_change: float  # of the answer's distribution, nats
    divergence: float  # Kullback-Leibler from the unsteered answer, nats
    consistency: float | None  # 1 - 4 x share of cyclic triads: 1 is a perfect order, 0 coin flips
    coherent: bool


def examine(runs: Runs, rows: Sequence[int], splits: np.ndarray) -> list[Coherence]:
    """Coherence of the conditions `rows`; the order of preference is that of the even and of the odd half steered."""
    base, before = runs.base, runs.shifts[0]
    unsteered = consistency(base)
    tables = [effects.split_table(base, runs.first[list(rows)], runs.second[list(rows)], s) for s in splits[:2]]
    orders = np.mean([consistency(table) for table in tables], axis=0)
    found = []
    for row, order in zip(rows, np.atleast_1d(orders), strict=True):
        mass, entropy, divergence = runs.shifts[row]
        kept = mass >= LEAST_MASS_KEPT * before[0]
        # Where the unsteered order is no better than coin flips there is nothing that steering could break.
        ordered = not unsteered > 0 or order >= LEAST_CONSISTENCY_KEPT * unsteered
        found.append(
            Coherence(
                float(mass),
                float(entropy - before[1]),
                float(divergence),
                json_number(float(order)),
                bool(kept and ordered),
            )
        )
    return found


def consistency(differences: np.ndarray) -> np.ndarray:
    """1 - 4 x share of cyclic triads (...), from logit differences (..., n, n); NaN where no triad was asked."""
    return 1 - 4 * effects.cyclic_triads(differences)


def broken_reason(coherence: Sequence[Coherence]) -> str:
    """Why the effects can't be judged, or "" where the answers hold together."""
    broken = sum(not one.coherent for one in coherence)
    if broken <= MOST_BROKEN * len(coherence):
        return ""
    return f"under {broken} of {len(coherence)} vectors the answers fall apart (mass on A and B or order of preference)"
