"""Planted clusters, measured once for the tests of this folder."""

import numpy as np
import pytest

from experiments.clusters.worlds import drawn, found


@pytest.fixture(scope="module")
def planted():
    """Three layers with the published clusters, and words without."""
    return found(np.stack([drawn(seed, 3) for seed in (0, 1, 2)]), drawn(7))


@pytest.fixture(scope="module")
def noise():
    """Three layers that share the words' structure and nothing else."""
    words = drawn(7)
    return found(np.stack([words + 0.5 * drawn(seed) for seed in (0, 1, 2)]), words)
