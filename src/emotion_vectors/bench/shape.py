"""A model of the shape of Llama 3.1 8B with random weights, made on the spot: speed depends on shapes, not on weights.

Its tokenizer is that of the toy model, so prompts have somewhat more tokens than with Llama's own. Source of the shape:
Grattafiori et al. 2024, The Llama 3 Herd of Models, table 3.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from emotion_vectors.errors import UserError
from emotion_vectors.lm import toy
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.model import LanguageModel, choose_devices, choose_dtype, load_model
from emotion_vectors.settings import Runtime, Settings

NAME = "llama-3.1-8b-shape"
SHAPE: dict[str, Any] = {
    "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8,
}  # fmt: skip


def config() -> LlamaConfig:
    """The configuration of that shape."""
    return LlamaConfig(
        **SHAPE, max_position_embeddings=8192, rope_parameters={"rope_type": "default", "rope_theta": 500000.0}, tie_word_embeddings=False,
        bos_token_id=toy.BOS, eos_token_id=toy.EOS, pad_token_id=toy.EOS,
    )  # fmt: skip


def load(settings: Settings, runtime: Runtime) -> LanguageModel:
    """The settings' model; the name `llama-3.1-8b-shape` stands for a random one of that shape."""
    if settings.model != NAME:
        return load_model(
            settings.model, runtime.device, settings.dtype, runtime.cache, settings.quantize, settings.adapter
        )
    device, *others = choose_devices(runtime.device)
    if others:
        raise UserError(f"The model {NAME} runs on one device; give one --device.")
    dtype = choose_dtype(settings.dtype, device)
    _, tokenizer = toy.make_toy()
    with torch.random.fork_rng(), torch.device(device):
        torch.manual_seed(settings.seed)
        usual = torch.get_default_dtype()
        try:
            # Made in its own type: float32 first would need twice the memory.
            torch.set_default_dtype(dtype)
            model = LlamaForCausalLM(config())
        finally:
            torch.set_default_dtype(usual)
    model = model.eval().requires_grad_(False)
    return LanguageModel(
        model, tokenizer, find_parts(model), NAME, NAME, f"random-{settings.seed}", None, device, dtype, is_chat=True
    )
