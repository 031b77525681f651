"""GGUF files as llama.cpp reads them: ids and log probabilities of the same file, short and long texts.

Skipped without the package cyllama; docs/gguf.md has the figures of a run.
"""

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, Phi3Config

from emotion_vectors.errors import UserError
from emotion_vectors.lm import weights
from emotion_vectors.lm.gguf_tokenizer import SPLITS, TAKEN_OVER
from emotion_vectors.lm.model import load_model, locate
from lm.gguf_worlds import DIVISORS, LONGER, QWEN, SCALINGS, TOLERANCE, WORLDS, rotated, world
from lm.llama_cpp import reading
from lm.tiny_gguf import random_model, tiny_gguf

pytest.importorskip("cyllama.llama.llama_cpp", reason="pip install cyllama==0.2.18")

SENTENCE = "The thing is that 12 or 345 others went in (at last), and another hour there's nothing. "
ODD = "the thing is that  12 or 345 others\n\n   67 went (in), and  another's hour I'LL 12345 don't!!  \n ether\tx² $+=<> ~|^\n"
TIMES = (1, 6)  # about 60 and 360 tokens of the tiny vocabulary


def log_probabilities(lm, ids):
    with torch.inference_mode():
        return torch.log_softmax(lm.model(torch.tensor([ids], device=lm.device)).logits[0].double(), -1).numpy()


def largest_difference(path, cache, times=TIMES):
    """Of a log probability at any position of the short and the long text; the ids must be the same."""
    lm = load_model(str(path), "cpu", "float32", cache)
    differences = []
    with reading(path) as theirs:
        for count in times:
            ids = theirs.tokens(SENTENCE * count)
            assert lm.tokenizer(SENTENCE * count)["input_ids"] == ids
            differences.append(np.abs(log_probabilities(lm, ids) - theirs.log_probabilities(ids)).max())
    return max(differences)


@pytest.mark.parametrize("arch", WORLDS)
def test_every_architecture(arch, tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world(arch), arch, WORLDS[arch][2])
    assert largest_difference(path, tmp_path) < TOLERANCE.get(arch, 1e-4)


class TableOfGelu(torch.nn.Module):
    """GELU as llama.cpp has it: looked up by the argument in float16, and kept in float16 (ggml's vec.h)."""

    def forward(self, x):
        table = torch.nn.functional.gelu(x.half().float(), approximate="tanh").half().float()
        return torch.where(x <= -10, torch.zeros_like(x), torch.where(x >= 10, x, table))


@pytest.mark.parametrize("arch", [arch for arch, limit in TOLERANCE.items() if limit == 1e-2])
def test_most_of_the_difference_is_its_table_of_gelu(arch, tmp_path):
    """What is left are arguments that round to the other neighbour in float16."""
    path = tiny_gguf(tmp_path / "m.gguf", world(arch), arch, WORLDS[arch][2])
    lm = load_model(str(path), "cpu", "float32", tmp_path)
    with reading(path) as theirs:
        ids = theirs.tokens(SENTENCE * TIMES[-1])
        wanted = theirs.log_probabilities(ids)
    exact = np.abs(log_probabilities(lm, ids) - wanted).mean()
    for block in lm.parts.blocks:
        setattr(block.mlp, "act" if hasattr(block.mlp, "act") else "act_fn", TableOfGelu())
    assert np.abs(log_probabilities(lm, ids) - wanted).mean() < exact / 3


@pytest.mark.parametrize("kind", SCALINGS)
def test_every_scaling_of_the_rotation(kind, tmp_path):
    keys, tensors, rotation = SCALINGS[kind]
    path = tiny_gguf(tmp_path / "m.gguf", rotated(rotation), "llama", keys, tensors)
    assert largest_difference(path, tmp_path) < 1e-4


def test_divisors_for_short_and_long_texts(tmp_path):
    """llama.cpp goes by the context it was opened with, the model by the text: alike where both are short, or both long."""
    shape = {
        "vocab_size": 267,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "pad_token_id": 0,
    }
    model = random_model(Phi3Config(**shape, max_position_embeddings=1024, original_max_position_embeddings=300))
    tensors = {"rope_factors_short.weight": DIVISORS, "rope_factors_long.weight": LONGER}
    keys = {"rope.scaling.original_context_length": 300, "rope.scaling.attn_factor": 1.2}
    path = tiny_gguf(tmp_path / "m.gguf", model, "phi3", keys, tensors)
    lm = load_model(str(path), "cpu", "float32", tmp_path)
    for count, longest in ((1, 256), (6, 1024)):
        with reading(path, longest) as theirs:
            ids = theirs.tokens(SENTENCE * count)
            assert np.abs(log_probabilities(lm, ids) - theirs.log_probabilities(ids)).max() < 1e-4


def test_the_window_of_phi_3_is_the_models_own_and_llama_cpp_leaves_it_out(tmp_path):
    """llama.cpp says so (PR 13676). Ours is transformers' number with the window, and llama.cpp's on the file without that key."""
    windowed, plain = world("phi3", sliding_window=128), world("phi3")
    path = tiny_gguf(tmp_path / "window.gguf", windowed, "phi3", {"attention.sliding_window": 128})
    told = []
    with reading(path, told=told) as theirs:
        ids = theirs.tokens(SENTENCE * 6)
        unwindowed = theirs.log_probabilities(ids)
    assert len(ids) > 128 and any("Phi SWA is currently disabled" in line for line in told)

    def own(model):
        with torch.inference_mode():
            return torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1).numpy()

    ours = log_probabilities(load_model(str(path), "cpu", "float32", tmp_path), ids)
    assert np.abs(ours - own(windowed)).max() < 1e-4 and np.abs(ours - unwindowed).max() > 0.1
    assert np.abs(unwindowed - own(plain)).max() < 1e-4
    without = tiny_gguf(tmp_path / "plain.gguf", plain, "phi3")
    assert (
        np.abs(log_probabilities(load_model(str(without), "cpu", "float32", tmp_path), ids) - unwindowed).max() < 1e-4
    )


BOTH = {"rope_factors_short.weight": DIVISORS, "rope_factors_long.weight": LONGER}
ONE = {"rope_freqs.weight": DIVISORS}
KIND = {"rope.scaling.type": "longrope"}


@pytest.mark.parametrize(
    ("arch", "keys", "tensors"),
    [
        ("llama", {"context_length": None}, {}), ("llama", {"attention.layer_norm_rms_epsilon": None}, {}),
        ("gpt2", {"attention.layer_norm_epsilon": None}, {}), ("llama", {}, BOTH), ("llama", KIND, ONE), ("qwen2", QWEN, ONE),
        ("qwen2", QWEN, BOTH), ("starcoder2", {}, ONE),
    ],
)  # fmt: skip
def test_what_llama_cpp_does_not_open_is_refused_here(arch, keys, tensors, tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world(arch), arch, keys, tensors)
    with pytest.raises(ValueError, match="Failed to load model"), reading(path):
        pass
    with pytest.raises(UserError, match=r"lacks .*, without which|which llama\.cpp knows nothing of"):
        load_model(str(path), "cpu", "float32", tmp_path)


def test_divisors_of_a_llama_that_says_longrope(tmp_path):
    path = tiny_gguf(
        tmp_path / "m.gguf", world("llama"), "llama", KIND | {"rope.scaling.original_context_length": 2048}, BOTH
    )
    assert largest_difference(path, tmp_path) < 1e-4


@pytest.mark.parametrize("pre", [*SPLITS, *TAKEN_OVER])
@pytest.mark.parametrize("first", [None, True, False])
def test_every_split_into_words(pre, first, tmp_path):
    keys = {"tokenizer.ggml.pre": pre, "tokenizer.ggml.add_bos_token": first, "tokenizer.ggml.add_eos_token": first}
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama", keys)
    ours = AutoTokenizer.from_pretrained(locate(str(path), tmp_path).folder)
    try:
        with reading(path) as theirs:
            wanted = theirs.tokens(ODD)
    except ValueError:
        pytest.skip("this llama.cpp does not know it")
    assert ours(ODD)["input_ids"] == wanted


def stored_as_float32(path, target):
    """The same weights without quantisation: llama.cpp then computes in float32 and does not round what it multiplies."""
    reader = gguf.GGUFReader(path)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for key, field in reader.fields.items():
        if not key.startswith(("GGUF.", "general.architecture", "general.file_type")):
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(key, field.contents(), field.types[0], sub_type=inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
    return target


@pytest.mark.slow
def test_the_embedded_model(tmp_path):
    path = stored_as_float32(weights.embedded_gguf(), tmp_path / "m.gguf")
    lm = load_model("embedded", "cpu", "float32")
    with reading(path, 600) as theirs:
        for count in (1, 20):
            ids = theirs.tokens(SENTENCE * count)
            assert lm.tokenizer(SENTENCE * count)["input_ids"] == ids
            assert np.abs(log_probabilities(lm, ids) - theirs.log_probabilities(ids)).max() < 1e-3
        assert lm.tokenizer(ODD)["input_ids"] == theirs.tokens(ODD)


def test_a_dropped_key_is_seen(tmp_path):
    """What these tests are for: the same file read without its scaling is far from llama.cpp's numbers."""
    path = tiny_gguf(
        tmp_path / "m.gguf", rotated({"rope_type": "linear", "factor": 4.0}), "llama", SCALINGS["linear"][0]
    )
    plain = random_model(LlamaConfig(**rotated({"rope_type": "default"}).config.to_dict()))
    with reading(path) as theirs, torch.inference_mode():
        ids = theirs.tokens(SENTENCE)
        unscaled = torch.log_softmax(plain(torch.tensor([ids])).logits[0].double(), -1).numpy()
        assert np.abs(unscaled - theirs.log_probabilities(ids)).max() > 0.1
