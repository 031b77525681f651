"""The machine is described without paths; utilisation is operations over the peak."""

import json

import pytest

from emotion_vectors.bench import Sizes, machine
from emotion_vectors.settings import Runtime

SMALL = Sizes(5, 5, 6, 3, 16, 4, 6, (2, 4, 100))


QUIET = Runtime(quiet=True, device="cpu")


def test_the_machine_is_described_without_paths(record):
    facts = record["machine"]
    assert facts["cores"] >= 1 and facts["memory_bytes"] > 1e8 and facts["processor"] == machine.processor()
    assert "/" not in json.dumps({key: value for key, value in facts.items() if key != "processor"})


def test_utilisation_is_operations_over_the_peak(monkeypatch):
    import torch
    from tiny import tiny

    lm = tiny()
    monkeypatch.setattr(machine, "accelerator", lambda device: {"name": "NVIDIA H200"})
    job = {"rate": 1000.0, "limit": {"operations_per_unit": 989.4e9 / 4}}
    assert machine.utilisation(lm, job)["mfu"] is None, "the peak is that of 16-bit types"
    half = type(lm)(**{**vars(lm), "dtype": torch.bfloat16})
    assert machine.utilisation(half, job)["mfu"] == pytest.approx(0.25)
