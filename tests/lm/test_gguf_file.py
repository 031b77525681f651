"""What the file leaves out, and what is damaged."""

import os

import numpy as np
import pytest
from transformers import Gemma3TextConfig

from emotion_vectors import UserError
from lm.gguf_worlds import SHAPE, WORLDS, world
from lm.gguf_writing import difference, loaded
from lm.tiny_gguf import random_model, tiny_gguf

TEXT = "The thing is that 12 or 345 others went in, and another hour there was nothing. "


@pytest.mark.slow
def test_what_the_file_leaves_out_is_llama_cpps_default(tmp_path):
    """transformers would take one published model's: 32 groups of keys for Qwen 2, heads of 128 for Qwen 3, a window for Gemma 3."""
    alone = world("qwen2", num_key_value_heads=4)
    path = tiny_gguf(tmp_path / "a.gguf", alone, "qwen2", WORLDS["qwen2"][2] | {"attention.head_count_kv": None})
    assert difference(path, alone, tmp_path) < 1e-5
    narrow = world("qwen3", head_dim=16)
    keys = {"attention.key_length": None, "attention.value_length": None, "rope.dimension_count": None}
    path = tiny_gguf(tmp_path / "b.gguf", narrow, "qwen3", WORLDS["qwen3"][2] | keys)
    assert difference(path, narrow, tmp_path) < 1e-5
    far = random_model(Gemma3TextConfig(**SHAPE | WORLDS["gemma3"][1] | {"layer_types": ["full_attention"] * 7}))
    path = tiny_gguf(tmp_path / "c.gguf", far, "gemma3", {"attention.sliding_window": None})
    assert difference(path, far, tmp_path) < 1e-5


@pytest.mark.parametrize(
    ("tensors", "named"),
    [
        ({"blk.0.attn_q.bias": np.ones(64)}, "blk.0.attn_q.bias are in the file and have no place"),
        ({"blk.1.attn_q_norm.weight": np.ones(16)}, "blk.1.attn_q_norm.weight are in the file"),
        ({"blk.9.attn_norm.weight": np.ones(64)}, "blk.9.attn_norm.weight are in the file"),
        ({"rope_freqs.weight": np.ones(5)}, "5 factors for 8 frequencies"),
        ({"rope_factors_long.weight": np.ones(8)}, "has only rope_factors_long.weight"),
        ({"output_norm.weight": np.ones(60)}, "another shape"),
    ],
)
def test_a_tensor_without_a_place_is_refused_by_name(tensors, named, tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama", {}, tensors)
    with pytest.raises(UserError, match=named):
        loaded(path, tmp_path)


def test_a_conversion_shows_no_bar_of_another_library(tmp_path, capfd):
    loaded(tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama"), tmp_path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("harm", ["cut", "bit", "gone", "seal", "config"])
@pytest.mark.slow
def test_a_damaged_conversion_is_made_again(harm, tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama")
    assert difference(path, world("llama"), tmp_path) < 1e-5
    folder = next(tmp_path.glob("converted-*-*[0-9a-f]/"))
    file = folder / {"seal": "sealed.json", "config": "config.json"}.get(harm, "model.safetensors")
    data = bytearray(file.read_bytes())
    if harm == "gone":
        file.unlink()
    else:
        data[-9] ^= 64
        file.write_bytes(data[:-40] if harm == "cut" else data)
        os.utime(file, ns=(1, 1))
    assert difference(path, world("llama"), tmp_path) < 1e-5
