"""Whether a random direction is an equal push: against the norms of the model itself, and in a model where it is not."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from accelerate import dispatch_model
from tiny import tiny

from emotion_vectors import EmotionVectors
from emotion_vectors.doctor import check_controls
from emotion_vectors.doctor.controls import TEXT, heard
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.devices import device_map

LAYER = 2


def vectors_in(lm, coordinates, layer=LAYER):
    """Random vectors of 12 emotions that lie in some coordinates only."""
    rng = np.random.default_rng(0)
    raw = np.zeros((lm.n_layers, 12, lm.hidden_size), np.float32)
    raw[:, :, coordinates] = rng.normal(size=(lm.n_layers, 12, len(coordinates)))
    names = tuple(f"e{i}" for i in range(12))
    return EmotionVectors(names, raw, raw, raw[0], np.full(lm.n_layers, 3.0, np.float32), layer)


def residual(lm, layer):
    ids = torch.tensor([lm.tokenizer(TEXT)["input_ids"]])
    kept = []
    handle = lm.parts.blocks[layer].register_forward_hook(
        lambda _, __, out: kept.append(out[0] if isinstance(out, tuple) else out)
    )
    with torch.inference_mode():
        lm.model(ids)
    handle.remove()
    return kept[0]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma3", "gpt_neox"])
@pytest.mark.parametrize("layer", [1, 3], ids=["middle", "last"])
def test_what_is_heard_is_what_the_next_norm_gives(kind, layer):
    lm = tiny(kind)
    added = torch.randn(5, lm.hidden_size, generator=torch.Generator().manual_seed(3))
    norm = lm.parts.norm if layer == 3 else lm.parts.blocks[layer + 1].input_layernorm
    before = residual(lm, layer)
    with torch.inference_mode():
        wanted = (norm(before + added[:, None]) - norm(before)).norm(dim=-1).mean(dim=-1).numpy()
    np.testing.assert_allclose(heard(lm, layer, added), wanted, rtol=1e-4)


def test_a_model_that_weighs_all_coordinates_alike_is_no_warning():
    lm = tiny()
    check = check_controls(lm, vectors_in(lm, range(lm.hidden_size)))
    assert check.passed and check.kind == "warn" and 0.5 < check.measured < 2


@pytest.mark.parametrize("weight, pieces", [(0.05, 1), (0.05, 2), (20.0, 1)], ids=["soft", "on two devices", "loud"])
def test_vectors_in_coordinates_that_are_weighed_otherwise_are_noticed(weight, pieces, monkeypatch):
    # accelerate compares devices by name and would move a weight from the CPU to the CPU.
    monkeypatch.setattr("accelerate.utils.modeling.check_device_same", lambda one, other: one.type == other.type)
    model = copy.deepcopy(tiny().model)
    lm = dataclasses.replace(tiny(), model=model, parts=find_parts(model))
    lm.parts.blocks[LAYER + 1].input_layernorm.weight.data[:8] *= weight
    if pieces > 1:
        dispatch_model(model, device_map(model, (torch.device("cpu:0"), torch.device("cpu:1")), 4, 4))
    check = check_controls(lm, vectors_in(lm, range(8)))
    assert not check.passed and "shuffled-label" in check.detail and check.kind == "warn"
    assert check.measured > 4 if weight < 1 else check.measured < 0.5
