"""Small worlds whose answer is known: emotions that share an axis of valence, activities that come in kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.experiments.steering import arms
from emotion_vectors.experiments.steering.effects import Options
from emotion_vectors.stats.steering import split_halves
from emotion_vectors.stimuli.items import CATEGORIES, Activity

ALLOWED = 0.08  # share of passes without an effect: 5 % by the null, and the luck of 100 repeats


class World(NamedTuple):
    """n emotions with vectors (n, d), a activities with activations (a, d) and scores (a,) in nats."""

    emotions: list[str]
    vectors: np.ndarray
    valence: dict[str, str]
    activities: list[Activity]
    activations: np.ndarray
    nats: np.ndarray


def activities(each: int = 8) -> list[Activity]:
    return [Activity(f"{category.lower()} {i}", category) for category in CATEGORIES for i in range(each)]


EMOTIONS = tuple(f"emotion {i}" for i in range(35))
POSITIVE = np.arange(35) % 2 == 0
VALENCE = {e: "positive" if p else "negative" for e, p in zip(EMOTIONS, POSITIVE, strict=True)}


class Push(NamedTuple):
    """What a direction does at the plan's strength: nats for the option it is added to, and how much it shrinks gaps."""

    nats: float = 0.0
    contraction: float = 0.0


class Steered(NamedTuple):
    """A steering experiment: unsteered differences (a, a) of all pairs, and the answers under every condition."""

    kinds: list[Activity]
    baseline: np.ndarray
    runs: arms.Runs

    def options(self, random: int = 2, resamples: int = 100, seed: int = 0) -> Options:
        splits = split_halves([a.category for a in self.kinds], random, seed)
        return Options(splits, resamples, seed, elo_passes=1)


def planned(**changes: Any) -> arms.Plan:
    """A plan over EMOTIONS without sweeps and band, but for `changes`."""
    settings: dict[str, Any] = {
        "control_emotions": 12, "sweep_emotions": 0, "random": 10, "shuffled": 10, "strength": 0.5, "strengths": (),
        "sweep_every": 0, "band_layers": 0, "layer": 3, "n_layers": 8, "emotions": EMOTIONS,
    }  # fmt: skip
    return arms.plan(**(settings | changes))


def correlations(generator: np.random.Generator) -> np.ndarray:
    """Correlations (35,) with the sign of the valence that vary inside the valences."""
    return np.where(POSITIVE, 1, -1) * generator.uniform(0.1, 0.8, 35)


def steered_world(
    generator: np.random.Generator,
    pushes: Mapping[Any, Push],
    plan: arms.Plan,
    asked: np.ndarray,
    *,
    baseline: np.ndarray | None = None,
    noise: float = 0.3,
    float_noise: float = 0.01,
    bias: float = 0.2,
) -> Steered:
    """Answers under every condition of `plan` of a model in which direction (kind, name) does `pushes[kind, name]`.

    A push holds for the plan's strength and is linear in it, at every layer; `pushes[condition]` goes before. Unsteered
    the pairs follow `baseline`, or Bradley-Terry with pair noise and a position bias. A push differs between activities,
    steered and unsteered, and between pairs, with standard deviation `noise` each; steering also shifts the position bias
    (`bias`).
    """
    n = len(asked)
    table = differences(generator.standard_normal(n), 0.8, 0.5 * generator.standard_normal((n, n)))
    table = table if baseline is None else baseline
    cells = np.nonzero(asked)
    back = np.argsort(np.ravel_multi_index(cells[::-1], asked.shape))  # of each cell (i, j) the place of (j, i)
    before = table[cells]
    gaps = (before - before[back]) / 2
    own: dict[tuple[str, str], np.ndarray] = {}
    conditions = plan.conditions()
    first, second = np.full((2, len(conditions), n, n), np.nan)
    for row, condition in enumerate(conditions):
        name = condition.kind, condition.name
        if name not in own:
            susceptible, resistant = noise * generator.standard_normal((2, n))
            own[name] = susceptible[cells[0]] + resistant[cells[1]] + noise * generator.standard_normal(len(before))
        size, push = condition.strength / plan.strength, pushes.get(condition, pushes.get(name, Push()))
        given, taken = size * (push.nats + own[name]), size * (push.nats + own[name][back])
        shrunk = before - abs(size) * push.contraction * gaps + bias * size * generator.standard_normal()
        rounding = float_noise * generator.standard_normal((2, len(before)))
        if condition.touch == "own":
            first[row][cells], second[row][cells] = shrunk + given + rounding[0], shrunk - taken + rounding[1]
        else:  # what one option is given the other one has as well
            first[row][cells] = second[row][cells] = shrunk + given - taken + rounding[0]
    shifts = np.array([(0.9, 0.7 + 0.1 * abs(c.strength), 0.02 * abs(c.strength)) for c in conditions])
    return Steered(activities(n // 8), table, arms.Runs(tuple(conditions), first, second, shifts, plan))


def valence_world(seed: int, emotions: int = 24, each: int = 8) -> World:
    """Vectors are valence times one axis plus their own; activities carry value along that axis and noise elsewhere."""
    generator = np.random.default_rng(seed)
    names = [f"emotion {i}" for i in range(emotions)]
    size = np.where(np.arange(emotions) % 2, -1, 1) * generator.uniform(0.3, 1, emotions)
    width = emotions + 16
    vectors = np.zeros((emotions, width))
    vectors[:, 0], vectors[:, 1 : 1 + emotions] = size, np.eye(emotions)
    kinds = activities(each)
    value = np.repeat(np.linspace(1, -1, 8), each) + 0.4 * generator.standard_normal(8 * each)
    activations = 0.15 * generator.standard_normal((8 * each, width))
    activations[:, 0] = value
    nats = value - value.mean() + 0.3 * generator.standard_normal(8 * each)
    valence = {name: "positive" if s > 0 else "negative" for name, s in zip(names, size, strict=True)}
    return World(names, vectors - vectors.mean(0), valence, kinds, activations, nats - nats.mean())


def turn(rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """`rows` (n, d) turned by a random rotation: their angles stay, their meaning goes."""
    rotation, upper = np.linalg.qr(generator.standard_normal((rows.shape[1], rows.shape[1])))
    return rows @ (rotation * np.sign(np.diag(upper)))


def differences(scores: np.ndarray, bias: float = 0.0, noise: np.ndarray | float = 0.0) -> np.ndarray:
    """logit(A) - logit(B) of a model that knows `scores` (n,) in nats."""
    table = scores[:, None] - scores[None] + bias + noise
    np.fill_diagonal(table, np.nan)
    return table


def verdicts(run: Callable[[int], Iterable[dict[str, Any]]], repeats: int = 100) -> dict[str, Counter[str]]:
    """How often each criterion of `run(seed)` gets each verdict."""
    found: dict[str, Counter[str]] = {}
    for seed in range(repeats):
        for criterion in run(seed):
            found.setdefault(criterion.id, Counter())[criterion.verdict] += 1
    return found


def assert_rarely_passes(found: dict[str, Counter[str]]) -> None:
    for name, counts in found.items():
        assert counts["pass"] <= ALLOWED * counts.total(), f"{name} without an effect: {dict(counts)}"
