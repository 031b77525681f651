"""A small set of vectors."""

import numpy as np
import pytest

from emotion_vectors.vectors.file import EmotionVectors


@pytest.fixture
def vectors():
    generator = np.random.default_rng(0)
    raw = generator.normal(size=(4, 3, 8)).astype(np.float32)
    return EmotionVectors(
        ("calm", "on edge", "sad"), raw, raw * 0.5, raw[0], np.arange(4, dtype=np.float32), 2, "projected", {"model": "m", "stories": [1, 2, 3]}
    )  # fmt: skip
