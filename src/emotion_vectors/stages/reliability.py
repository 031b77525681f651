"""How far the run's vectors agree with themselves, from the activations of single stories."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from emotion_vectors.experiments import reliability
from emotion_vectors.lab import Lab
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors.halves import topic_sums
from emotion_vectors.vectors.reliability import Reliability

Shards = Iterable[tuple[pl.DataFrame, np.ndarray]]
"""Shard by shard the stories (emotion, topic, slot) and their activations (s, d), as `story_vector_shards` gives them."""


def split_half_reliability(lab: Lab, shards: Shards) -> JsonObject | None:
    """The record's `vectors.split_half`, over topics; None with too few of them."""
    place = {name: row for row, name in enumerate(lab.emotions)}
    topic = {name: row for row, name in enumerate(lab.topics)}
    numbered = (
        ([place[name] for name in rows["emotion"]], [topic[name] for name in rows["topic"]], vectors)
        for rows, vectors in shards
    )
    sums = topic_sums(numbered, len(lab.emotions), len(lab.topics), lab.lm.hidden_size)
    return reliability.split_half(sums, lab.emotions, lab.settings.resamples, lab.settings.seed)


def measure_reliability(lab: Lab, shards: Shards, stories: int) -> Reliability | None:
    """What the vectors file keeps of it; `stories` is how many there are."""
    return reliability.of_vectors(split_half_reliability(lab, shards), lab.emotions, len(lab.topics), stories)
