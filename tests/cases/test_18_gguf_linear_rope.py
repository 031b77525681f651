"""Case 18: rotation scaling in a GGUF file's metadata is computed (mlxcel#1340, llama.cpp#14367, mobius#458).

Beside the model that the file was written from; tests/lm/test_gguf_llama_cpp.py holds the same files against llama.cpp itself.
"""

import numpy as np
import pytest
import torch
import transformers
from lm.gguf_worlds import SCALINGS, WORLDS, rotated, world
from lm.tiny_gguf import tiny_gguf

from emotion_vectors.lm.model import load_model

pytestmark = pytest.mark.case
TEXT = "The thing is that 12 or 345 others went in (at last), and another hour there's nothing. "
# Gemma 3 4B and larger: only the global blocks are scaled.
GLOBAL = {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
}


def away(path, model, cache, times):
    """The largest difference of the logits, in standard deviations, over all places of a text."""
    lm = load_model(str(path), "cpu", "float32", cache)
    ids = torch.tensor([lm.tokenizer(TEXT * times)["input_ids"]])
    with torch.inference_mode():
        ours, plain = lm.model(ids).logits, model(ids).logits
    return float((ours - plain).abs().max() / plain.std())


@pytest.mark.parametrize("kind", ["linear", "linear, no type", "yarn", "divisors", "none"])
def test_llama_files(tmp_path, kind):
    keys, tensors, rotation = SCALINGS[kind]
    path = tiny_gguf(tmp_path / "m.gguf", rotated(rotation), "llama", keys, tensors)
    for times in (1, 6):
        assert away(path, rotated(rotation), tmp_path / "cache", times) < 1e-4
    # What the report saw: without the scaling the numbers are others.
    if kind != "none":
        assert away(path, rotated({"rope_type": "default"}), tmp_path / "cache", 6) > 0.05


def test_gemma_3_files(tmp_path):
    model = world("gemma3")
    scaled = transformers.AutoModelForCausalLM.from_config(
        transformers.Gemma3TextConfig(**model.config.to_dict() | {"rope_parameters": GLOBAL})
    )
    scaled.load_state_dict(model.state_dict())
    scaled.float().eval()
    keys = WORLDS["gemma3"][2] | {"rope.scaling.type": "linear", "rope.scaling.factor": 8.0}
    path = tiny_gguf(tmp_path / "m.gguf", scaled, "gemma3", keys)
    for times in (1, 6):
        assert away(path, scaled, tmp_path / "cache", times) < 1e-3
    assert away(path, model, tmp_path / "cache", 6) > 0.05
    assert np.isfinite(away(path, scaled, tmp_path / "cache", 1))
