"""Tiny random models written as GGUF files, as llama.cpp's converter writes the large ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel

BYTES = sorted(ByteLevel.alphabet())
MERGES = ["t h", "i n", "e r", "Ġ a", "o u", "Ġ th", "in g", "1 2", "Ġ Ġ"]
TOKENS = ["<|end|>", "<|start|>", *BYTES, *(merge.replace(" ", "") for merge in MERGES)]
VOCABULARY = len(TOKENS)
LLAMA_LIKE = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}

U32, F32, TEXT, BOOL = (
    gguf.GGUFValueType.UINT32,
    gguf.GGUFValueType.FLOAT32,
    gguf.GGUFValueType.STRING,
    gguf.GGUFValueType.BOOL,
)


def random_model(config: PreTrainedConfig, seed: int = 0) -> PreTrainedModel:
    """Weights large enough that positions, windows and scales matter; norms away from 1 and biases away from 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        for parameter in model.parameters():
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
    return model


def shape_keys(config: Any, arch: str) -> dict[str, Any]:
    """The keys that every converter writes."""
    keys = {
        "block_count": config.num_hidden_layers, "context_length": config.max_position_embeddings, "embedding_length": config.hidden_size,
        "feed_forward_length": getattr(config, "intermediate_size", 0) if config.model_type != "gpt2" else 4 * config.hidden_size,
        "attention.head_count": config.num_attention_heads,
    }  # fmt: skip
    if hasattr(config, "num_key_value_heads"):
        keys["attention.head_count_kv"] = config.num_key_value_heads
    for name in ("layer_norm_epsilon", "layer_norm_eps", "norm_epsilon", "norm_eps"):
        if hasattr(config, name):
            keys["attention.layer_norm_epsilon"] = float(getattr(config, name))
    if hasattr(config, "rms_norm_eps"):
        keys["attention.layer_norm_rms_epsilon"] = float(config.rms_norm_eps)
    rotation = getattr(config, "rope_parameters", None)
    if rotation:
        whole = rotation.get("full_attention", rotation)
        keys["rope.freq_base"] = float(whole["rope_theta"])
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        keys["rope.dimension_count"] = int(head * whole.get("partial_rotary_factor", 1.0))
        keys["attention.key_length"] = keys["attention.value_length"] = head
    return {f"{arch}.{name}": value for name, value in keys.items()}


def tokenizer_keys(pre: str = "gpt-2") -> dict[str, Any]:
    return {
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre, "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.token_type": [3, 3] + [1] * (VOCABULARY - 2), "tokenizer.ggml.merges": MERGES,
        "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 0, "tokenizer.ggml.padding_token_id": 0, "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": False,
    }  # fmt: skip


def _interleaved(rows: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp rotates neighbours in llama files, transformers halves: the rows of each head are dealt in another order."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def tensors_of(model: PreTrainedModel, arch: str) -> dict[str, np.ndarray]:
    """The model's weights under llama.cpp's names and in its layouts."""
    config: Any = model.config
    known = gguf.get_tensor_name_map(
        next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == arch), config.num_hidden_layers
    )
    tied = config.tie_word_embeddings
    found: dict[str, np.ndarray] = {}
    for name, value in model.state_dict().items():
        rows = value.float().numpy()
        if name.endswith((".attn.bias", ".masked_bias")) or (tied and name == "lm_head.weight"):
            continue
        if name == "lm_head.weight":
            found["output.weight"] = rows
            continue
        block = re.match(r"model\.layers\.(\d+)\.mlp\.experts\.(gate_up|down)_proj$", name)
        if block:
            names = ("gate", "up") if block[2] == "gate_up" else ("down",)
            for part, half in zip(names, np.split(rows, len(names), axis=1), strict=True):
                found[f"blk.{block[1]}.ffn_{part}_exps.weight"] = half
            continue
        stem, kind = name.rsplit(".", 1)
        new = known.get_name(stem)
        assert new is not None, name
        if arch == "llama":
            for part, heads in LLAMA_LIKE.items():
                rows = _interleaved(rows, getattr(config, heads)) if f".{part}." in name else rows
        if arch in ("gemma2", "gemma3", "nemotron") and "norm" in new and kind == "weight":
            rows = rows + 1
        if arch == "gpt2" and re.search(r"(c_attn|c_proj|c_fc)\.weight", name):
            rows = rows.T
        if name.endswith("shared_expert_gate.weight"):
            rows = rows[0]
        found[f"{new}.{kind}"] = rows
    return found


def write(
    path: Path,
    arch: str,
    keys: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    split: int = 0,
) -> Path:
    """A GGUF file of `keys` (None leaves one out) and float32 tensors; `split`: most tensors of one part."""
    writer = gguf.GGUFWriter(path, arch, split_max_tensors=split)
    for name, rows in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(rows, dtype=np.float32))
    finish(writer, keys)
    return path


def finish(writer: gguf.GGUFWriter, keys: Mapping[str, Any]) -> None:
    """Write the file of a writer that has its tensors, with `keys` (None leaves one out)."""
    for key, value in keys.items():
        if value is None:
            continue
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_array(key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tiny_gguf(
    path: Path,
    model: PreTrainedModel,
    arch: str,
    more: Mapping[str, Any] | None = None,
    tensors: Mapping[str, np.ndarray] | None = None,
    split: int = 0,
) -> Path:
    """`model` as a file, with `more` keys below the architecture's name (whole keys where they begin with general. or tokenizer.)."""
    given = {
        key if key.startswith(("general.", "tokenizer.")) else f"{arch}.{key}": value
        for key, value in (more or {}).items()
    }
    keys = {"general.name": "tiny"} | shape_keys(model.config, arch) | tokenizer_keys() | given
    return write(path, arch, keys, tensors_of(model, arch) | dict(tensors or {}), split)
