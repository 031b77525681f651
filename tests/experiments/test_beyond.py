"""One more direction beside the random ones: against the t test."""

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments.beyond import beyond_controls, beyond_random


def test_beyond_random_is_the_t_test_of_one_more_direction():
    """Emotions that are all one vector: their contrast is one more random direction, and p is exact."""
    generator = np.random.default_rng(3)
    p = []
    for _ in range(3000):
        own, *random = generator.standard_normal(9)
        weights = np.array([1.0, 1.0, -2.0])
        times, value = beyond_random(weights, np.sign(weights) * own, np.array(random))
        assert times == pytest.approx(own / np.std(random, ddof=1))
        p.append(value)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    # Vectors that share nothing average out: the same test is then on the safe side.
    loose = [beyond_random(np.array([1, 1, -1, -1]), generator.standard_normal(4), generator.standard_normal(8))[1] for _ in range(1000)]  # fmt: skip
    assert np.mean(np.array(loose) <= 0.05) < 0.03
    assert beyond_random(np.array([1.0, -1]), np.array([1.0, -1]), np.zeros(4)) == (np.inf, 1 / 5), (
        "four draws can't give less"
    )
    assert beyond_random(np.array([1.0, -1]), np.array([-1.0, 1]), np.zeros(4)) == (-np.inf, 1.0)
    assert beyond_random(np.array([1.0, -1]), np.zeros(2), np.zeros(4)) == (0.0, 1.0)


def test_the_control_that_is_hardest_to_beat_counts():
    controls = {"random": np.array([0.1, -0.1, 0.2]), "orthogonal": np.array([1.0, -1.0, 2.0]), "shuffled": np.zeros(3)}
    weights, nats = np.array([1.0, -1.0]), np.array([1.0, -1.0])
    found = beyond_controls(weights, nats, controls)
    assert (found.times, found.p, found.kind) == (*beyond_random(weights, nats, controls["orthogonal"]), "orthogonal")
