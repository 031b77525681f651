"""Files of lm-eval and steering-vectors add what we add."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from tiny import tiny

from emotion_vectors.exports import export_vectors
from exports.worlds import expected, logits, some_vectors

MIX = {"calm": 0.5, "angry": -0.2}


def test_lm_eval_adds_what_we_add(saved, tmp_path):
    [path] = export_vectors(saved, "lm-eval", tmp_path / "mix.pt", mix=MIX, layers="1,2")
    config = torch.load(path, weights_only=True)
    assert set(config) == {"layers.1", "layers.2"}
    model = tiny("llama").model
    names = dict(model.base_model.named_modules())
    handles = [
        names[hookpoint].register_forward_hook(
            lambda _, __, output, entry=entry: output + entry["steering_coefficient"] * entry["steering_vector"]
        )
        for hookpoint, entry in config.items()
        if entry["action"] == "add" and entry["bias"] is None
    ]
    assert len(handles) == 2
    try:
        theirs = logits()
    finally:
        for handle in handles:
            handle.remove()
    ours = logits({layer: expected(some_vectors(), MIX, layer, 1 / 2) for layer in (1, 2)})
    np.testing.assert_allclose(theirs, ours, atol=2e-5)
    assert np.abs(theirs - logits()).max() > 0.1


def test_steering_vectors_takes_what_the_file_holds(saved, tmp_path):
    [path] = export_vectors(saved, "steering-vectors", tmp_path / "mix.safetensors", mix=MIX, layers="0,2")
    with safe_open(path, "pt") as file:
        activations = {int(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = file.metadata()
    assert facts["layer_type"] == "decoder_block" and json.loads(facts["mix"]) == MIX
    assert sorted(activations) == [0, 2]
    for layer, tensor in activations.items():
        np.testing.assert_allclose(tensor.numpy(), expected(some_vectors(), MIX, layer, 1 / 2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "gpt_neox"])
def test_the_hookpoints_are_the_blocks_of_every_architecture(kind):
    lm = tiny(kind)
    names = dict(lm.model.base_model.named_modules())
    assert [names[f"layers.{layer}"] for layer in range(lm.n_layers)] == list(lm.parts.blocks)
