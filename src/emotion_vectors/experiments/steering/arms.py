"""The conditions of the steering experiment: which vectors, where, how strong, on whose tokens.

kind       what the unit vector is (the controls are the rows of `controls.ARMS`)
emotion    an emotion's own vector
random     a random direction; `orthogonal`: one at right angles to all emotion vectors
shuffled   an emotion vector made again from stories whose labels were shuffled within each topic
mean       what all emotions have in common: mean over emotions of their stories minus the mean of the neutral texts
zero       no vector: strength 0 by the very path of the others, what every effect is measured from

touch      own: the tokens of the steered activity only (the paper); both: of both activities of a pair (Hong's
           error); all: every token of the prompt.

An arm is a selection of conditions; a condition that several arms need is run once.
Source: paper, Figure 4 row 4 (emotion, own); the others are controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.criteria import not_asked
from emotion_vectors.experiments.steering.controls import ARMS, CONTROLS
from emotion_vectors.experiments.steering.terms import Touch
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stats.steering import effect_matrix

LEAST_STEERED = 4  # emotions: V10 is a correlation over them


def choose_emotions(
    choice: str, count: int, emotions: Sequence[str], spread: Sequence[str], r: np.ndarray
) -> tuple[str, ...]:
    """Which emotions to steer: the list that covers the range, the largest |r| (Hong's choice), or all.

    None where they are fewer than `LEAST_STEERED`.
    """
    known = [emotion for emotion in spread if emotion in emotions]
    chosen = [*known, *(emotion for emotion in emotions if emotion not in known)]
    if choice == "strongest":
        order = np.argsort(-np.abs(np.nan_to_num(r)), kind="stable")
        chosen = [emotions[int(i)] for i in order]
    if choice != "all":
        chosen = chosen[:count]
    return tuple(chosen) if len(chosen) >= LEAST_STEERED else ()


def unasked(emotions: int) -> list[Criterion]:
    """V10 and V11 of a run that has too few emotions to steer."""
    reason = (
        f"Nothing was steered: a correlation over emotions needs {LEAST_STEERED} or more, and this run has {emotions}."
    )
    return [not_asked("V10", reason), not_asked("V11", reason)]


class Condition(NamedTuple):
    """One steered condition: a direction (`kind`, `name`), the layers that get it, the strength, and whose tokens."""

    kind: str
    name: str
    layers: tuple[int, ...]
    strength: float
    touch: Touch = "own"


class Plan(NamedTuple):
    """What a run steers. `controls` and `swept` are the first of `emotions`; `band` and `sweep_layers` may be empty."""

    emotions: tuple[str, ...]
    controls: tuple[str, ...]
    swept: tuple[str, ...]
    random: int
    shuffled: int
    layer: int
    strength: float
    strengths: tuple[float, ...]
    sweep_layers: tuple[int, ...]
    band: tuple[int, ...]

    def names(self, kind: str) -> tuple[str, ...]:
        """The directions of one kind."""
        if kind == "emotion":
            return self.emotions
        sizes = {"random_directions": self.random, "shuffled_vectors": self.shuffled, None: 1}
        counts = {arm.kind: sizes[arm.setting] for arm in ARMS}
        return tuple(str(i) for i in range(counts.get(kind, 1)))

    def conditions(self) -> list[Condition]:
        """Every condition once, strength 0 first."""
        here, s = (self.layer,), self.strength
        wanted = [Condition("zero", "0", here, 0.0)]
        wanted += [Condition("emotion", name, here, s) for name in self.emotions]
        wanted += [Condition(kind, name, here, s) for kind in CONTROLS for name in self.names(kind)]
        wanted += [Condition("emotion", name, here, -s) for name in self.controls]
        wanted += [Condition("emotion", name, here, s, touch) for touch in ("both", "all") for name in self.controls]
        if self.band:
            wanted += [Condition("emotion", name, self.band, s) for name in self.controls]
            wanted += [Condition("random", name, self.band, s) for name in self.names("random")]
        if self.swept:
            swept: list[tuple[str, str]] = [("emotion", name) for name in self.swept]
            few: list[tuple[str, str]] = [("random", name) for name in self.names("random")[: max(3, len(self.swept))]]
            wanted += [Condition(kind, n, here, x) for x in self.strengths for kind, n in (*swept, *few)]
            everyone = swept + [("random", name) for name in self.names("random")]
            wanted += [Condition(kind, n, (layer,), s) for layer in self.sweep_layers for kind, n in everyone]
        return list(dict.fromkeys(wanted))


def plan(
    emotions: Sequence[str],
    layer: int,
    n_layers: int,
    *,
    control_emotions: int,
    sweep_emotions: int,
    random: int,
    shuffled: int,
    strength: float,
    strengths: Sequence[float],
    sweep_every: int,
    band_layers: int,
) -> Plan:
    """The plan of a run. The layer sweep takes every k-th layer up and down from the analysis layer, which it includes."""
    sweep = tuple(other for other in range(n_layers) if sweep_every and (other - layer) % sweep_every == 0)
    band = tuple(range(max(0, layer - band_layers + 1), layer + 1)) if band_layers > 1 else ()
    given = tuple(emotions)
    return Plan(
        given, given[:control_emotions], given[:sweep_emotions], random, shuffled, layer, strength,
        tuple(x for x in strengths if x != 0), sweep if sweep_emotions else (), band if len(band) > 1 else (),
    )  # fmt: skip


@dataclass(frozen=True)
class Runs:
    """All steered answers of a run: c conditions over n activities. NaN = not asked.

    `first`, `second` (c, n, n): logit(A) - logit(B) in nats with the vector on the tokens of option (A), of option (B);
    the same table twice where both or all tokens are touched. `shifts` (c, 3): mean over the prompts of the mass on A and
    B, of the entropy of the answer and of its divergence from the unsteered one, in nats.
    """

    conditions: tuple[Condition, ...]
    first: np.ndarray
    second: np.ndarray
    shifts: np.ndarray
    plan: Plan

    @property
    def base(self) -> np.ndarray:
        """(n, n): strength 0 by the same path. Both roles are the same prompt; their mean is taken."""
        return (self.first[0] + self.second[0]) / 2

    def rows(self, names: Sequence[str], kind: str = "emotion", touch: Touch = "own", layers: tuple[int, ...] | None = None,
             strength: float | None = None) -> list[int]:  # fmt: skip
        """Row of the condition of each name; layers and strength are the plan's unless told."""
        layers = (self.plan.layer,) if layers is None else layers
        strength = self.plan.strength if strength is None else strength
        return [self.conditions.index(Condition(kind, name, layers, strength, touch)) for name in names]

    def effects(self, rows: Sequence[int]) -> np.ndarray:
        """Effect matrices (m, n, n) in nats of some conditions; see `stats.steering.effect_matrix`."""
        return effect_matrix(self.base, self.first[list(rows)], self.second[list(rows)])
