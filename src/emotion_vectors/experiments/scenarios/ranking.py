"""How highly the emotion that a text implies ranks among all probes, with an interval and with chance.

Used for the held-out scenarios and for the retrieval. Shapes: s texts, p probes, d width, l layers, b draws.

Interval: emotions are resampled with all their texts, because texts about one emotion resemble each other; a count's
interval also holds Wilson's, since a bootstrap of texts that all succeed or all fail has no width.
Chance: the emotions are assigned at random to the groups of texts that imply one, so that what a group shares stays shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.record.base import Measure as Measured
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.stimuli.items import Scenario
from emotion_vectors.vectors.directions import cosine

KINDS = ("raw", "centred")


class Battery(NamedTuple):
    """Scenarios and their activations (s, l, d) at the response position, at l layers."""

    scenarios: Sequence[Scenario]
    activations: np.ndarray

    def about(self, emotions: Sequence[str]) -> Battery:
        """Only the scenarios that imply one of `emotions`."""
        rows = [row for row, scenario in enumerate(self.scenarios) if scenario.emotion in set(emotions)]
        return Battery([self.scenarios[row] for row in rows], self.activations[rows])

    def at(self, layers: Sequence[int]) -> Battery:
        """The same scenarios with their activations at `layers` only."""
        return self._replace(activations=self.activations[:, list(layers)])

    @property
    def emotions(self) -> list[str]:
        """The emotions that are implied, each once, in the order of the scenarios."""
        return list(dict.fromkeys(scenario.emotion for scenario in self.scenarios))

    def targets(self, probes: Sequence[str]) -> np.ndarray:
        """(s,) which of the probes each scenario implies."""
        return np.array([list(probes).index(scenario.emotion) for scenario in self.scenarios])

    def cosines(self, vectors: np.ndarray, layer: int) -> tuple[np.ndarray, np.ndarray]:
        """Cosines (p, s) with `vectors` (p, d) at `layer`: raw, and with the mean activation of the set removed."""
        rows = self.activations[:, layer]
        return cosine(vectors, rows), cosine(vectors, rows - rows.mean(axis=0))


class Measure(NamedTuple):
    """One number made of a value for each text (..., s); a count is given as a share and written as a count."""

    name: str
    of: Callable[[np.ndarray], np.ndarray]
    better: nulls.Alternative
    is_count: bool = False


MEAN_RANK = Measure("mean_rank", lambda ranks: ranks.mean(-1), "less")


def within(name: str, most: int) -> Measure:
    """How many texts have a rank of `most` or better; a tie for the last of these places is none."""
    return Measure(name, lambda ranks: (ranks <= most).mean(-1), "greater", True)


def deals(targets: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` random exchanges (b, s) of the emotions that `targets` (s,) names; texts of one emotion stay together."""
    emotions, group = np.unique(targets, return_inverse=True)
    return emotions[nulls.permuted_rows(len(emotions), None, count, seed)][:, group]


def ranks(cosines: np.ndarray) -> np.ndarray:
    """Rank (p, s) of each probe for each text; 1 is the highest cosine, ties get their mean rank."""
    return rankdata(-cosines, axis=0)


def summarise(
    measures: Sequence[Measure], own: np.ndarray, dealt: np.ndarray, groups: np.ndarray, resamples: int, seed: int
) -> dict[str, Measured]:
    """Value, interval, chance and p of each measure, from `own` (s,), `dealt` (b, s) and the emotion of each text (s,)."""
    size = len(own)
    interval, _ = intervals.cluster_bootstrap(
        lambda rows: np.array([measure.of(own[rows]) for measure in measures]), groups.tolist(), repeats=resamples, seed=seed
    )  # fmt: skip
    found = {}
    for measure, low, high in zip(measures, interval.low, interval.high, strict=True):
        value, draws = float(measure.of(own)), measure.of(dealt)
        unit = size if measure.is_count else 1
        count, ends = round(value * size), [float(low) * unit, float(high) * unit]
        found[measure.name] = Measured(
            value=count if measure.is_count else value,
            interval=list(intervals.around(count, size, ends)) if measure.is_count else [min(value, *ends), max(value, *ends)],
            null=float(draws.mean()) * unit, p=float(nulls.permutation_p(value, draws, measure.better)),
        )  # fmt: skip
    return found
