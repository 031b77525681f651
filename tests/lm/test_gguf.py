"""What a GGUF file says is what is computed, or the file is refused: beside plain transformers and the formulas written out."""

import hashlib
import math
import os
import shutil

import numpy as np
import pytest
import torch
from transformers import Gemma3TextConfig

from emotion_vectors import UserError, load_model
from emotion_vectors.lm import weights
from emotion_vectors.lm.gguf_file import _config
from emotion_vectors.lm.gguf_header import read_header
from emotion_vectors.lm.model import locate
from lm.gguf_worlds import DIVISORS, SCALINGS, SHAPE, WORLDS, rotated, world
from lm.tiny_gguf import TOKENS, random_model, tiny_gguf

TEXT = "The thing is that 12 or 345 others went in, and another hour there was nothing. "


def loaded(path, cache):
    return load_model(str(path), "cpu", "float32", cache)


def logits(model, ids):
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0]


def difference(path, model, cache, times=4):
    """Largest difference of the logits of the file, as loaded, and of the plain model that it was written from."""
    lm = loaded(path, cache)
    ids = lm.tokenizer(TEXT * times)["input_ids"]
    return float((logits(lm.model, ids) - logits(model, ids)).abs().max())


@pytest.mark.parametrize("arch", WORLDS)
def test_every_architecture_gives_the_logits_it_was_written_from(arch, tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world(arch), arch, WORLDS[arch][2])
    assert difference(path, world(arch), tmp_path) < 1e-5


@pytest.mark.parametrize("kind", SCALINGS)
def test_every_scaling_gives_the_logits_it_was_written_from(kind, tmp_path):
    keys, tensors, rotation = SCALINGS[kind]
    path = tiny_gguf(tmp_path / "m.gguf", rotated(rotation), "llama", keys, tensors)
    assert difference(path, rotated(rotation), tmp_path) < 1e-5


def frequencies(lm):
    rotation = lm.model.model.rotary_emb
    return rotation.inv_freq.double().numpy(), rotation.attention_scaling


def test_frequencies_are_the_formulas(tmp_path):
    """Position times base^(-2i/d), divided by the factor; YaRN mixes both by how often a pair turns within the original context."""
    plain = np.array([10000.0 ** (-2 * i / 16) for i in range(8)])

    def of(name, keys, tensors=None):
        return frequencies(
            loaded(
                tiny_gguf(tmp_path / f"{name}.gguf", rotated({"rope_type": "default"}), "llama", keys, tensors),
                tmp_path,
            )
        )

    found, loudness = of("linear", {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0})
    np.testing.assert_allclose(found, plain / 4, rtol=1e-5)
    assert loudness == 1.0
    found, loudness = of("divisors", {"rope.scaling.factor": 2.0}, {"rope_freqs.weight": DIVISORS})
    np.testing.assert_allclose(found, plain / 2 / DIVISORS, rtol=1e-5)
    yarn = {
        "rope.scaling.type": "yarn", "rope.scaling.factor": 8.0, "rope.scaling.original_context_length": 512, "rope.scaling.attn_factor": 0.9,
        "rope.scaling.yarn_beta_fast": 8.0, "rope.scaling.yarn_beta_slow": 2.0,
    }  # fmt: skip
    found, loudness = of("yarn", yarn)
    first, last = (16 * math.log(512 / (turns * 2 * math.pi)) / (2 * math.log(10000.0)) for turns in (8.0, 2.0))
    wanted = []
    for i, frequency in enumerate(plain):
        share = min(max((i - math.floor(first)) / (math.ceil(last) - math.floor(first)), 0.0), 1.0)
        wanted.append(frequency / 8 * share + frequency * (1 - share))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert loudness == pytest.approx(0.9 * (1 + 0.1 * math.log(8.0)))


def test_only_the_global_blocks_of_gemma_3_are_scaled(tmp_path):
    path = tiny_gguf(
        tmp_path / "m.gguf",
        world("gemma3"),
        "gemma3",
        WORLDS["gemma3"][2] | {"rope.scaling.type": "linear", "rope.scaling.factor": 8.0},
    )
    rotation = {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    }
    assert loaded(path, tmp_path).model.config.rope_parameters == rotation
    config = world("gemma3").config.__class__(**world("gemma3").config.to_dict() | {"rope_parameters": rotation})
    plain = world("gemma3").__class__(config).eval()
    plain.load_state_dict(world("gemma3").state_dict())
    assert difference(path, plain, tmp_path) < 1e-5


@pytest.mark.parametrize("blocks", [46, 62])
def test_the_27b_gemmas_scale_attention_by_width_over_heads(blocks, tmp_path):
    """Their converter writes no scale: published configurations have 144 = 4608 / 32 and 168 = 5376 / 32."""
    arch = {46: "gemma2", 62: "gemma3"}[blocks]
    path = tiny_gguf(tmp_path / "m.gguf", world(arch), arch, WORLDS[arch][2] | {"block_count": blocks})
    # Of the keys alone: reading 62 blocks takes half a minute, and what the configuration says is kept is shown above.
    assert _config(path, read_header(path)).query_pre_attn_scalar == 64 / 4
    fewer = tiny_gguf(tmp_path / "fewer.gguf", world(arch), arch, WORLDS[arch][2])
    assert _config(fewer, read_header(fewer)).query_pre_attn_scalar == {"gemma2": 32, "gemma3": 256}[arch]


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


REFUSED = {
    "llama": {
        "rope.scaling.type": "spiral", "rope.scaling.yarn_ext_factor": 0.5, "rope.scaling.yarn_log_multiplier": 0.1, "rope.scaling.alpha": 1000.0,
        "rope.dimension_count": 8, "rope.freq_base_swa": 5000.0, "attention.scale": 0.1, "attention.sliding_window": 256, "attention.value_length": 8,
        "attention.clamp_kqv": 8.0, "attention.max_alibi_bias": 8.0, "attention.causal": False, "logit_scale": 0.5, "residual_scale": 0.2,
        "embedding_scale": 12.0, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "expert_count": 8, "expert_used_count": 2,
        "nextn_predict_layers": 1, "brand_new_key": 1, "attention.head_count_kv": [1, 2, 2], "tensor_data_layout": "another",
    },
    "qwen2moe": {"expert_gating_func": 2, "expert_weights_scale": 2.5, "expert_group_count": 8, "leading_dense_block_count": 1},
}  # fmt: skip


@pytest.mark.parametrize(("arch", "key"), [(arch, key) for arch, keys in REFUSED.items() for key in keys])
def test_a_key_that_can_not_be_applied_is_refused_by_name_and_nothing_is_kept(arch, key, tmp_path):
    value = REFUSED[arch][key]
    path = tiny_gguf(tmp_path / "m.gguf", world(arch), arch, WORLDS[arch][2] | {key: value})
    with pytest.raises(UserError) as refused:
        loaded(path, tmp_path / "cache")
    assert f"{arch}.{key} = {value}"[:40] in str(refused.value), refused.value
    assert not [one for one in (tmp_path / "cache").iterdir() if one.suffix != ".lock"]


def test_keys_that_change_nothing_are_passed_over(tmp_path):
    keys = {
        "attention.scale": 0.25, "attention.sliding_window": 4096, "logit_scale": 1.0, "attention.causal": True, "expert_count": 0,
        "rope.scaling.finetuned": True, "tokenizer.ggml.eot_token_id": 0, "general.sampling.temp": 0.5,
    }  # fmt: skip
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama", keys)
    assert difference(path, world("llama"), tmp_path) < 1e-5


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


@pytest.mark.parametrize("key", ["model", "pre", "add_sep_token", "brand_new_key"])
def test_a_tokenizer_that_can_not_be_made_is_refused_by_name(key, tmp_path):
    value = True if key == "add_sep_token" else "another"
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama", {f"tokenizer.ggml.{key}": value})
    with pytest.raises(UserError, match=r"another|add_sep_token"):
        loaded(path, tmp_path)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"add_bos_token": True, "bos_token_id": None}, "add_bos_token = True and no bos_token_id"),
        ({"add_eos_token": True, "eos_token_id": None}, "add_eos_token = True and no eos_token_id"),
        ({"bos_token_id": 9999}, "bos_token_id = 9999, but its tokens end at 266"),
        ({"padding_token_id": 267}, "padding_token_id = 267, but its tokens end at 266"),
    ],
)
def test_a_special_token_that_the_file_lacks_is_named(keys, said, tmp_path):
    """llama.cpp would put the token 11 before a text where the file gives no number."""
    keys = {f"tokenizer.ggml.{name}": value for name, value in keys.items()}
    with pytest.raises(UserError, match=said):
        loaded(tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama", keys), tmp_path)


def test_digits_are_split_where_the_file_says_so(tmp_path):
    """The same words in a file of GPT-2's splits keep "12", which is a token; SmolLM's splits part every digit."""
    ids = {}
    for pre in ("gpt-2", "smollm"):
        lm = loaded(tiny_gguf(tmp_path / f"{pre}.gguf", world("llama"), "llama", {"tokenizer.ggml.pre": pre}), tmp_path)
        ids[pre] = lm.tokenizer.convert_ids_to_tokens(lm.tokenizer("  12")["input_ids"])
    assert ids == {"gpt-2": ["Ġ", "Ġ", "12"], "smollm": ["ĠĠ", "1", "2"]} and "12" in TOKENS


def test_an_architecture_that_was_not_tried_is_refused(tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama")
    path.write_bytes(path.read_bytes().replace(b"llama", b"mamba"))
    with pytest.raises(UserError, match="architecture 'mamba' are not read"):
        loaded(path, tmp_path)


def test_a_split_file_is_read_and_hashed_whole(tmp_path):
    whole = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama")
    tiny_gguf(tmp_path / "s.gguf", world("llama"), "llama", split=10)
    parts = sorted(tmp_path.glob("s-0*.gguf"))
    assert len(parts) == 3
    assert difference(parts[0], world("llama"), tmp_path) < 1e-5
    assert locate(str(parts[2]), tmp_path)[1:3] == locate(str(parts[0]), tmp_path)[1:3], "whichever part is named"
    digests = [hashlib.sha256(part.read_bytes()).hexdigest() for part in parts]
    assert weights.gguf_sha256(parts[0]) == hashlib.sha256("".join(f"{one}\n" for one in digests).encode()).hexdigest()
    assert weights.gguf_sha256(whole) == hashlib.sha256(whole.read_bytes()).hexdigest()
    parts[1].rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"s-00002-of-00003\.gguf is missing"):
        loaded(parts[0], tmp_path)
    shutil.copy(parts[2], parts[1])
    with pytest.raises(UserError, match="not part 2 of 3"):
        loaded(parts[0], tmp_path)
    with pytest.raises(UserError, match="give the parts their names back"):
        loaded(parts[0].rename(tmp_path / "renamed.gguf"), tmp_path)


@pytest.mark.parametrize("harm", ["cut", "bit", "gone", "seal", "config"])
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


def test_a_conversion_of_an_earlier_version_is_not_used(tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama")
    old = tmp_path / f"converted-{weights.gguf_sha256(path)[:16]}"
    old.mkdir()
    (old / "config.json").write_text("{}")
    assert difference(path, world("llama"), tmp_path) < 1e-5


@pytest.mark.parametrize("at", [0, 4, 8, 16, 30, 200, 3000])
def test_a_damaged_header_is_one_sentence(at, tmp_path):
    data = bytearray(tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama").read_bytes())
    (tmp_path / "cut.gguf").write_bytes(data[:at])
    with pytest.raises(UserError, match="Can't read"):
        read_header(tmp_path / "cut.gguf")
    data[8:16] = b"\xff" * 8
    (tmp_path / "counts.gguf").write_bytes(data)
    with pytest.raises(UserError, match="more than it contains"):
        read_header(tmp_path / "counts.gguf")
