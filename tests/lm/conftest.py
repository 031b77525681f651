"""What the tests of this folder share."""

import pytest
from families import BY_NAME, tiny_model

from emotion_vectors import load_model
from emotion_vectors.lm import choices, devices
from lm.devices import TWO
from lm.readable import OPTIONS, PREFILL, TEMPLATE, WORKING


@pytest.fixture
def second_waits(monkeypatch):
    """The second device, or the memory that blocks wait in, is the disk: the one place that accelerate brings weights to a CPU from."""
    monkeypatch.setattr(devices, "place_of", lambda device: "cpu" if device == TWO[0] else "disk")


@pytest.fixture(scope="module", params=WORKING)
def loaded(request, tmp_path_factory):
    """A family, the model as it was made, and the same as a user loads it."""
    model, tokenizer = tiny_model(request.param)
    folder = tmp_path_factory.mktemp("family")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return BY_NAME[request.param], model, load_model(str(folder), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def asked(loaded):
    family, model, lm = loaded
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    return family, model, lm, prepared
