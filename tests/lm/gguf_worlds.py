"""The architectures and scalings that GGUF files are tried with, each as a tiny random model and the keys of its file."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import transformers

from lm.tiny_gguf import VOCABULARY, random_model

SHAPE = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "max_position_embeddings": 1024, "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip
GROUPED = {"num_key_value_heads": 2}
WINDOW = {"attention.sliding_window": 128}
QWEN = {"tokenizer.ggml.pre": "qwen2"}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
EXPERT_KEYS = QWEN | {"expert_count": 4, "expert_used_count": 2, "expert_feed_forward_length": 32}
BASES = {
    "full_attention": {"rope_type": "default", "rope_theta": 1e6},
    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
}
WORLDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "llama": ("LlamaConfig", GROUPED, {}),
    "qwen2": ("Qwen2Config", GROUPED, QWEN),
    "qwen3": ("Qwen3Config", GROUPED | {"head_dim": 32}, QWEN),
    "qwen2moe": ("Qwen2MoeConfig", GROUPED | EXPERTS | {"shared_expert_intermediate_size": 64}, EXPERT_KEYS | {"expert_shared_feed_forward_length": 64}),
    "qwen3moe": ("Qwen3MoeConfig", GROUPED | EXPERTS | {"head_dim": 32, "norm_topk_prob": True}, EXPERT_KEYS),
    "gemma2": (
        "Gemma2Config",
        GROUPED | {"tie_word_embeddings": True, "head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 128, "attn_logit_softcapping": 20.0, "final_logit_softcapping": 5.0},
        WINDOW | {"attn_logit_softcapping": 20.0, "final_logit_softcapping": 5.0},
    ),
    "gemma3": ("Gemma3TextConfig", GROUPED | {"tie_word_embeddings": True, "head_dim": 256, "sliding_window": 128, "num_hidden_layers": 7, "rope_parameters": BASES}, WINDOW),
    "phi3": ("Phi3Config", GROUPED | {"original_max_position_embeddings": 1024, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.75}}, {}),
    "starcoder2": ("Starcoder2Config", GROUPED, {}),
    "gpt2": ("GPT2Config", {}, {}),
    "stablelm": ("StableLmConfig", GROUPED | {"use_qkv_bias": True}, {}),
    "nemotron": ("NemotronConfig", GROUPED, {}),
}  # fmt: skip
# Nemotron's scores are large here, and GELU is looked up in a table of float16 values by llama.cpp.
TOLERANCE = {"gemma2": 1e-2, "gemma3": 1e-2, "starcoder2": 1e-2, "gpt2": 1e-2, "nemotron": 1e-3}
DIVISORS = np.linspace(1.0, 8.0, 8).astype(np.float32)
LONGER = np.linspace(2.0, 16.0, 8).astype(np.float32)

# Of the architecture `llama`: keys, tensors, and transformers' words for the same rotation.
SCALINGS: dict[str, tuple[dict[str, Any], dict[str, np.ndarray], dict[str, Any]]] = {
    "linear": ({"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}, {}, {"rope_type": "linear", "factor": 4.0}),
    "linear, no type": ({"rope.scaling.factor": 4.0}, {}, {"rope_type": "linear", "factor": 4.0}),
    "linear, old key": ({"rope.scale_linear": 4.0}, {}, {"rope_type": "linear", "factor": 4.0}),
    "none": ({"rope.scaling.type": "none", "rope.scaling.factor": 4.0}, {}, {"rope_type": "default"}),
    "yarn": (
        {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 128},
        {}, {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
    ),
    "yarn, louder": (
        {
            "rope.scaling.type": "yarn", "rope.scaling.factor": 8.0, "rope.scaling.original_context_length": 64, "rope.scaling.attn_factor": 0.8,
        },
        {},
        {
            "rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64,
            "attention_factor": 0.8 * (1 + 0.1 * math.log(8.0)),
        },
    ),
    "divisors": (
        {}, {"rope_freqs.weight": DIVISORS},
        {"rope_type": "longrope", "short_factor": DIVISORS.tolist(), "long_factor": DIVISORS.tolist(), "attention_factor": 1.0, "original_max_position_embeddings": 1024},
    ),
    "base": ({"rope.freq_base": 500.0}, {}, {"rope_type": "default", "rope_theta": 500.0}),
    "base left out": ({"rope.freq_base": None}, {}, {"rope_type": "default"}),
}  # fmt: skip


@cache
def world(arch: str, **more: Any) -> Any:
    """The random model of an architecture."""
    kind, own, _ = WORLDS[arch]
    shape = {name: value for name, value in SHAPE.items() if arch != "gpt2" or name != "intermediate_size"}
    return random_model(getattr(transformers, kind)(**shape | own | more))


def rotated(rotation: dict[str, Any]) -> Any:
    """A Llama whose rotation is scaled."""
    shape = SHAPE | GROUPED | {"rope_parameters": {"rope_theta": 1e4} | rotation}
    return random_model(transformers.LlamaConfig(**shape))
