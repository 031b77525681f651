"""Requests for the tests of the writers."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def from_gguf():
    from emotion_vectors.lm.model import load_model

    return load_model("embedded", device="cpu", dtype="float32")
