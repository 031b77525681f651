"""Saved tiny models."""

import torch
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    GraniteConfig,
    HyperCLOVAXConfig,
    LlamaConfig,
    MiniCPM3Config,
)

from emotion_vectors.lm import toy

SHARED = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 512, "initializer_range": 0.2, "tie_word_embeddings": False,
}  # fmt: skip


SCALED = {
    "granite": (GraniteConfig, {"logits_scaling": 8.0, "attention_multiplier": 0.06}),
    "cohere": (CohereConfig, {"logit_scale": 0.0625}),
    "hyperclova": (HyperCLOVAXConfig, {"logits_scaling": 0.125}),
    "minicpm3": (MiniCPM3Config, {"dim_model_base": 8, "num_key_value_heads": 4, "q_lora_rank": 16, "kv_lora_rank": 8, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8}),
    "llama": (LlamaConfig, {}),
}  # fmt: skip


def saved(folder, kind="llama"):
    """A tiny random model in a folder, with the toy tokenizer."""
    _, tokenizer = toy.make_toy()
    config_class, more = SCALED[kind]
    config = config_class(**SHARED | more, vocab_size=len(tokenizer), pad_token_id=0, bos_token_id=0, eos_token_id=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).float().eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model
