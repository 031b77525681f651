"""What a GGUF file says is what is computed, or the file is refused: beside plain transformers and the formulas written out."""

import math

import numpy as np
import pytest
from quick import quick

from emotion_vectors import UserError
from emotion_vectors.lm.gguf_file import _config
from emotion_vectors.lm.gguf_header import read_header
from lm.gguf_worlds import DIVISORS, SCALINGS, WORLDS, rotated, world
from lm.gguf_writing import difference, frequencies, loaded
from lm.tiny_gguf import tiny_gguf

TEXT = "The thing is that 12 or 345 others went in, and another hour there was nothing. "


@pytest.mark.parametrize("arch", quick(list(WORLDS)[:3], WORLDS))
def test_every_architecture_gives_the_logits_it_was_written_from(arch, tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world(arch), arch, WORLDS[arch][2])
    assert difference(path, world(arch), tmp_path) < 1e-5


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.slow
def test_every_scaling_gives_the_logits_it_was_written_from(kind, tmp_path):
    keys, tensors, rotation = SCALINGS[kind]
    path = tiny_gguf(tmp_path / "m.gguf", rotated(rotation), "llama", keys, tensors)
    assert difference(path, rotated(rotation), tmp_path) < 1e-5


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


@pytest.mark.slow
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


REFUSED = {
    "llama": {
        "rope.scaling.type": "spiral", "rope.scaling.yarn_ext_factor": 0.5, "rope.scaling.yarn_log_multiplier": 0.1, "rope.scaling.alpha": 1000.0,
        "rope.dimension_count": 8, "rope.freq_base_swa": 5000.0, "attention.scale": 0.1, "attention.sliding_window": 256, "attention.value_length": 8,
        "attention.clamp_kqv": 8.0, "attention.max_alibi_bias": 8.0, "attention.causal": False, "logit_scale": 0.5, "residual_scale": 0.2,
        "embedding_scale": 12.0, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "expert_count": 8, "expert_used_count": 2,
        "nextn_predict_layers": 1, "brand_new_key": 1, "attention.head_count_kv": [1, 2, 2], "tensor_data_layout": "another",
        "rope.freq_base": 0.0, "attention.layer_norm_rms_epsilon": -1e-6, "context_length": 0, "rope.scaling.factor": float("inf"),
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


LACKING = [
    ("llama", name)
    for name in ("block_count", "context_length", "embedding_length", "attention.layer_norm_rms_epsilon")
]
LACKING += [("gpt2", "attention.layer_norm_epsilon"), ("qwen2moe", "expert_used_count")]


@pytest.mark.parametrize(("arch", "key"), LACKING)
def test_what_has_no_default_in_llama_cpp_gets_none_here(arch, key, tmp_path):
    """transformers would take the number of one published model; llama.cpp opens no such file (`test_gguf_llama_cpp.py`)."""
    path = tiny_gguf(tmp_path / "m.gguf", world(arch), arch, WORLDS[arch][2] | {key: None})
    with pytest.raises(UserError, match=f"lacks {arch}.{key.replace('_rms', '')}, without which nobody can read it"):
        loaded(path, tmp_path / "cache")


def test_keys_that_change_nothing_are_passed_over(tmp_path):
    keys = {
        "attention.scale": 0.25, "attention.sliding_window": 4096, "logit_scale": 1.0, "attention.causal": True, "expert_count": 0,
        "rope.scaling.finetuned": True, "tokenizer.ggml.eot_token_id": 0, "general.sampling.temp": 0.5,
    }  # fmt: skip
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama", keys)
    assert difference(path, world("llama"), tmp_path) < 1e-5


def test_an_architecture_that_was_not_tried_is_refused(tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama")
    path.write_bytes(path.read_bytes().replace(b"llama", b"mamba"))
    with pytest.raises(UserError, match="architecture 'mamba' are not read"):
        loaded(path, tmp_path)
