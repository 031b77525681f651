"""How many emotions have the sign of their valence: against a slow loop."""

import numpy as np
import pytest

from emotion_vectors.experiments.correlation.measure import aligned
from emotion_vectors.experiments.valences import valence_gap


def test_aligned_equals_a_slow_loop():
    generator = np.random.default_rng(4)
    table, positive = generator.standard_normal((50, 9)), generator.random(9) > 0.5
    for r, value in zip(table, aligned(table, positive), strict=True):
        ranked = sorted(range(9), key=lambda i: r[i])
        top, bottom = sum(positive[i] for i in ranked[-3:]), sum(not positive[i] for i in ranked[:3])
        assert value == min(top, bottom) == aligned(r, positive)
        gap = np.mean([r[i] for i in range(9) if positive[i]]) - np.mean([r[i] for i in range(9) if not positive[i]])
        assert valence_gap(r, positive) == pytest.approx(gap)
