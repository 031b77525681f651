"""What the tests of this folder share."""

import pytest

from emotion_vectors.lm import devices
from lm.devices import TWO


@pytest.fixture
def second_waits(monkeypatch):
    """The second device, or the memory that blocks wait in, is the disk: the one place that accelerate brings weights to a CPU from."""
    monkeypatch.setattr(devices, "place_of", lambda device: "cpu" if device == TWO[0] else "disk")
