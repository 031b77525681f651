"""What the tests of the writers share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def from_gguf():
    from emotion_vectors.lm.model import load_model

    return load_model("embedded", device="cpu", dtype="float32")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Servers are on this machine, and neither a key nor an address of the user's is for them."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("EMOTION_VECTORS_SERVER", raising=False)
