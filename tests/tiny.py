"""Tiny random models of every supported architecture, with the toy tokenizer: fast, and every weight is different."""

from __future__ import annotations

from functools import cache

import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from emotion_vectors.lm import toy
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.model import LanguageModel

SHARED = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4, "max_position_embeddings": 1024,
    "tie_word_embeddings": False,
}  # fmt: skip
GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
CONFIGS = {
    "llama": (LlamaConfig, GROUPED),
    "mistral": (MistralConfig, GROUPED | {"sliding_window": 512}),
    "qwen2": (Qwen2Config, {"num_key_value_heads": 2}),
    "qwen3": (Qwen3Config, GROUPED),
    "gemma2": (
        Gemma2Config,
        GROUPED | {"sliding_window": 512, "query_pre_attn_scalar": 8, "final_logit_softcapping": 3.0},
    ),
    "gemma3": (Gemma3TextConfig, GROUPED | {"sliding_window": 512, "query_pre_attn_scalar": 8}),
    "gpt_neox": (GPTNeoXConfig, {}),
}
ARCHITECTURES = tuple(CONFIGS)


@cache
def tiny(kind: str = "llama", chat: bool = True) -> LanguageModel:
    """A random float32 model of 4 blocks and width 32."""
    config_class, extra = CONFIGS[kind]
    _, tokenizer = toy.make_toy()
    if not chat:
        tokenizer.chat_template = None
    config: PretrainedConfig = config_class(
        **SHARED, **extra, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        for parameter in model.parameters():
            # Larger than the usual initialisation, so that attention and position really matter.
            parameter.data.add_(torch.randn_like(parameter) * 0.15)
    model.requires_grad_(False)
    device, dtype = torch.device("cpu"), torch.float32
    return LanguageModel(
        model, tokenizer, find_parts(model), f"tiny-{kind}", "test", "0", None, device, dtype, is_chat=chat
    )


def hooks(model: torch.nn.Module) -> list[int]:
    """How many hooks each module has, but for those that transformers leaves where hidden states were asked for."""
    return [
        sum(not hook.__module__.startswith("transformers.") for found in (one._forward_hooks, one._forward_pre_hooks) for hook in found.values())
        for one in model.modules()
    ]  # fmt: skip
