"""Steered worlds, for the tests of this folder."""

import numpy as np

from emotion_vectors.experiments.specificity import measure
from emotion_vectors.experiments.steering.controls import NULLS
from emotion_vectors.stats.steering import ring_pairs
from experiments.worlds import EMOTIONS, VALENCE, Push, planned, steered_world

FEW = EMOTIONS[:10]


R = np.where(np.arange(10) % 2 == 0, 1, -1) * np.linspace(0.2, 0.8, 10)


def world(common=0.0, noise=0.05, contraction=0.0):
    """Effects that follow R; `common` is what every vector does to each activity alike, controls included."""
    g = np.random.default_rng(0)
    pushes = {("emotion", e): Push(float(r), contraction) for e, r in zip(FEW, R, strict=True)}
    pushes |= {(kind, str(i)): Push(0.1 * g.standard_normal(), contraction) for kind in NULLS for i in range(10)}
    plan = planned(emotions=FEW, control_emotions=2)
    made = steered_world(g, pushes, plan, ring_pairs(32, 10), noise=noise, float_noise=0.0)
    shape = common * np.random.default_rng(1).standard_normal(32)
    first, second = made.runs.first.copy(), made.runs.second.copy()
    first[1:] += shape[:, None]
    second[1:] -= shape[None, :]
    return made._replace(runs=type(made.runs)(made.runs.conditions, first, second, made.runs.shifts, plan))


def run(made):
    nats = np.nanmean((made.baseline - made.baseline.T) / 2, axis=1)
    return measure.run(made.kinds, nats, made.runs, R, VALENCE, made.options(resamples=200)), nats
