"""Small worlds whose answer is known: emotions that share an axis of valence, activities that come in kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.stimuli.items import CATEGORIES, Activity

ALLOWED = 0.08  # share of passes without an effect: 5 % by the null, and the luck of 40 repeats


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


def verdicts(run: Callable[[int], Iterable[dict[str, Any]]], repeats: int = 40) -> dict[str, Counter[str]]:
    """How often each criterion of `run(seed)` gets each verdict."""
    found: dict[str, Counter[str]] = {}
    for seed in range(repeats):
        for criterion in run(seed):
            found.setdefault(criterion["id"], Counter())[criterion["verdict"]] += 1
    return found


def assert_rarely_passes(found: dict[str, Counter[str]]) -> None:
    for name, counts in found.items():
        assert counts["pass"] <= ALLOWED * counts.total(), f"{name} without an effect: {dict(counts)}"
