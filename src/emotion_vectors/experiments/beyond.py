"""Is the effect of a set of vectors larger than that of control directions of the same norm?

In: weights and effects in nats of m emotions, and effects of control directions. Source: ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from emotion_vectors.experiments.steering.controls import NULLS, RELABELLED
from emotion_vectors.stats import nulls


def beyond_random(
    weights: np.ndarray, nats: np.ndarray, random: np.ndarray, independent: bool = False
) -> tuple[float, float]:
    """sum(w nats) / sum |w| in standard deviations of the effects (nats) of random directions, and its one-sided p value.

    weights (m,) and nats (m,) of the emotions; random (k,), k >= 2, effects of random directions of the same norm. A
    small vector's effect is linear in it, so the weighted sum is the effect of one vector, sum(w v) / sum |w|, no longer
    than one emotion's own, however alike the emotions are. Were the vectors random, it would scatter at most as one
    random direction does: t distributed with k - 1 degrees of freedom. Weights that sum to 0 cancel a common shift.
    `independent`: were the labels of the stories shuffled again, each emotion would get a mixture of its own, and the
    sum would scatter as that of independent draws; then that scatter is the unit.
    """
    contrast = float(weights @ nats / np.abs(weights).sum())
    spread = float(np.std(random, ddof=1))
    if independent:
        spread *= float(np.sqrt((weights**2).sum()) / np.abs(weights).sum())
    if spread == 0:
        # Directions that all do the same don't say how chance scatters: they are only counted.
        return math.copysign(math.inf, contrast) if contrast else 0.0, float(nulls.permutation_p(contrast, random))
    return contrast / spread, float(stats.t.sf(contrast / spread, len(random) - 1))


class Beyond(NamedTuple):
    """An effect in standard deviations of those of control directions, its p, and the kind of control that it is measured by."""

    times: float
    p: float
    kind: str


def beyond_controls(weights: np.ndarray, nats: np.ndarray, controls: Mapping[str, np.ndarray]) -> Beyond:
    """`beyond_random` against the kind of control direction that is the hardest to beat.

    Vectors of shuffled labels lie where the stories lie, so they carry emotion as well, only not their label's: each
    alone may move as much as a real one, and what they must not do is follow the labels.
    """
    tests = (Beyond(*beyond_random(weights, nats, controls[kind], kind in RELABELLED), kind) for kind in NULLS)
    return max(tests, key=lambda test: test.p)
