"""Planted clusters and words, for the tests of this folder."""

import numpy as np

from emotion_vectors.experiments.clusters import measure
from emotion_vectors.report import published

PUBLISHED = {name: members[:6] for name, members in published.clusters().items() if len(members) >= 6}


EMOTIONS = [emotion for members in PUBLISHED.values() for emotion in members]


TRUE = np.repeat(np.arange(len(PUBLISHED)), 6)


WIDTH = 12


def drawn(seed, clustered=0.0):
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((len(PUBLISHED), WIDTH))
    return generator.standard_normal((len(EMOTIONS), WIDTH)) + clustered * centres[TRUE]


def found(vectors, words, k=len(PUBLISHED)):
    part = measure.run(EMOTIONS, vectors, [0, 2, 5], 2, words, None, PUBLISHED, k, 100, 0)
    assert part is not None
    return part
