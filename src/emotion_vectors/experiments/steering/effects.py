"""The effects of all vectors and control directions, in nats, over all splits of the activities into halves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.steering.arms import Runs
from emotion_vectors.experiments.steering.controls import CONTROLS
from emotion_vectors.stats import steering as effects


class Options(NamedTuple):
    """How the effects are judged: `splits` (k, n) of the activities, resamples, seed, the Elo updates."""

    splits: np.ndarray
    resamples: int
    seed: int
    elo_k: float = 32.0
    elo_passes: int = 10
    detect: bool = False  # add what V10 and V11 could have seen


class Effects(NamedTuple):
    """Effects of m steered emotions and of the control directions, pooled over all splits and their complements."""

    matrices: np.ndarray  # (m, n, n) nats
    nats: np.ndarray  # (m,)
    low: np.ndarray
    high: np.ndarray
    by_split: np.ndarray  # (m, k)
    controls: dict[str, np.ndarray]  # kind -> (directions,) nats


def measure(runs: Runs, options: Options) -> Effects:
    """The effects of all vectors of the main arm and of its controls."""
    splits = effects.with_complements(options.splits)
    matrices = runs.effects(runs.rows(runs.plan.emotions))
    interval = effects.pooled_interval(matrices, splits, repeats=options.resamples, seed=options.seed)
    controls: dict[str, np.ndarray] = {
        kind: effects.pooled_effect(runs.effects(runs.rows(runs.plan.names(kind), kind)), splits) for kind in CONTROLS
    }
    return Effects(
        matrices, interval.estimate, interval.low, interval.high, effects.splits_effect(matrices, options.splits), controls
    )  # fmt: skip
