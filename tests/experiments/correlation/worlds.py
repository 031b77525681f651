"""Planted correlations, for the tests of this folder."""

from emotion_vectors.experiments.correlation import measure as correlation


def run(world, blocked="", resamples=100, seed=0, ambiguous=frozenset()):
    return correlation.run(
        world.activities, world.activations, world.emotions, world.vectors, world.nats, world.valence, ambiguous,
        blocked, resamples, seed,
    )  # fmt: skip
