"""The toy model and vectors to steer it by."""

import numpy as np
import pytest

from emotion_vectors.lm.model import load_model
from emotion_vectors.vectors.file import EmotionVectors


@pytest.fixture(scope="module")
def lm():
    return load_model("toy", "cpu", "float32")


@pytest.fixture(scope="module")
def vectors():
    raw = np.random.default_rng(0).standard_normal((4, 3, 32)).astype(np.float32)
    norms = np.array([1.0, 2.0, 3.0, 4.0], dtype=np.float32)
    header = {"model": "toy", "dtype": "float32"}
    return EmotionVectors(("calm", "angry", "proud"), raw, raw, raw[0], norms, 2, "raw", header)
