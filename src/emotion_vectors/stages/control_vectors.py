"""How the directions of each control arm are made; the arms are the rows of `experiments.steering.controls`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from safetensors.numpy import load_file

from emotion_vectors.lab import Lab
from emotion_vectors.stages.activations import FILES, story_vector_shards
from emotion_vectors.stats import nulls
from emotion_vectors.vectors.directions import contrast, neutral_components, project_out, unit
from emotion_vectors.vectors.file import EmotionVectors


def random_directions(lab: Lab, vectors: EmotionVectors, count: int) -> np.ndarray:
    """(count, d) of length 1, uniform on the sphere."""
    return nulls.random_directions(count, vectors.raw.shape[-1], seed=lab.settings.seed)


def orthogonal_directions(lab: Lab, vectors: EmotionVectors, count: int) -> np.ndarray:
    """(count, d) of length 1, uniform among those at right angles to all emotion vectors of the analysis layer."""
    here = unit(vectors.at().astype(np.float64))
    return nulls.random_directions(count, here.shape[-1], orthogonal_to=here, seed=lab.settings.seed + 1)


def shuffled_vectors(lab: Lab, vectors: EmotionVectors, count: int) -> np.ndarray:
    """Emotion vectors (count, d) at the analysis layer, made from stories whose labels were shuffled.

    Labels move within a topic, so each shuffled emotion has as many stories of each topic as the real one. The rest is
    done as for the real vectors, neutral components included. The first `count` of the run's emotions are returned; when
    more are wanted the labels are shuffled again.
    """
    made = []
    for draw in range(-(-count // len(vectors.emotions))):
        sums, counts = np.zeros((len(vectors.emotions), vectors.raw.shape[-1])), np.zeros(len(vectors.emotions))
        for labels, story_vectors in _relabelled(lab, vectors.emotions, lab.settings.seed + draw):
            np.add.at(sums, labels, story_vectors.astype(np.float64))
            counts += np.bincount(labels, minlength=len(counts))
        raw = contrast(sums / counts[:, None])
        made.append(raw if vectors.kind == "raw" else project_out(raw, neutral_basis(lab)))
    return np.concatenate(made)[:count]


def common_direction(lab: Lab, vectors: EmotionVectors) -> np.ndarray:
    """(d,) at the analysis layer: mean over emotions of their stories' activations minus that of the neutral texts."""
    tensors, row = load_file(lab.run / FILES[0]), vectors.layer + 1
    means = tensors["sums"][:, row] / tensors["counts"][:, None]
    return means.mean(axis=0) - tensors["neutral"][:, row].astype(np.float64).mean(axis=0)


def _relabelled(lab: Lab, emotions: tuple[str, ...], seed: int):
    """Per shard the shuffled emotion index of each story, and the stories' vectors (stories, d)."""
    shards = [(rows["emotion"].to_list(), rows["topic"].to_list()) for rows, _ in story_vector_shards(lab)]
    labels = np.array([emotions.index(name) for names, _ in shards for name in names])
    topics = np.array([topic for _, names in shards for topic in names])
    generator = np.random.default_rng(seed)
    for topic in dict.fromkeys(topics.tolist()):
        members = np.flatnonzero(topics == topic)
        labels[members] = labels[generator.permutation(members)]
    start = 0
    for rows, story_vectors in story_vector_shards(lab):
        yield labels[start : start + len(rows)], story_vectors
        start += len(rows)


def neutral_basis(lab: Lab) -> np.ndarray:
    """(c, d) the neutral components that the vectors of the analysis layer are without."""
    neutral = load_file(lab.run / FILES[0])["neutral"][:, lab.layer + 1]
    return neutral_components(neutral, lab.settings.neutral_variance).basis


# For each arm (count, d) at the analysis layer, of length 1.
DIRECTIONS: dict[str, Callable[[Lab, EmotionVectors, int], np.ndarray]] = {
    "random": random_directions,
    "orthogonal": orthogonal_directions,
    "shuffled": lambda lab, vectors, count: unit(shuffled_vectors(lab, vectors, count)),
    "mean": lambda lab, vectors, count: unit(common_direction(lab, vectors))[None],
}
