"""Planted valence and arousal, for the tests of this folder."""

import numpy as np

from emotion_vectors.experiments.baselines.words import fit
from emotion_vectors.experiments.geometry import measure, stories
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.norms import shipped

PACK = load_pack("ours")


EMOTIONS = PACK.emotions


GLASGOW = shipped()[1]


def ratings(scale):
    """(171,) the Glasgow ratings with mean 0 and deviation 1; 0 where there are none."""
    found = np.zeros(len(EMOTIONS))
    rows, values = GLASGOW.of(EMOTIONS, scale)
    found[rows] = (values[:, 0] - values.mean()) / values.std()
    return found


def noise(seed, width=30):
    return np.random.default_rng(seed).standard_normal((len(EMOTIONS), width))


def planted(seed=0, valence=0.0, arousal=0.0, width=30):
    """Noise, and on two random axes at right angles valence and what it leaves of arousal."""
    axes = np.linalg.qr(np.random.default_rng(seed + 1000).standard_normal((width, 2))).Q.T
    drawn = noise(seed, width) + valence * np.outer(ratings("valence"), axes[0])
    alone = ratings("arousal") - ratings("valence") * (
        ratings("arousal") @ ratings("valence") / (ratings("valence") ** 2).sum()
    )
    return drawn + arousal * np.outer(alone, axes[1])


def found(vectors, facts=None, tokens=None, norms=shipped(), resamples=199):
    part = measure.run(EMOTIONS, vectors, 3, PACK.valence, norms, 2, facts, tokens, 10, resamples, 0)
    assert part is not None
    return part


def facts(bag, length=None):
    n = len(EMOTIONS)
    return stories.StoryFacts(
        bag, np.full(n, 100.0) if length is None else length, np.full(n, 0.5), fit(["a few words"])
    )
