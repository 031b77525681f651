"""Model families that people use, as tiny random models: what each is expected to do, and why one is refused.

The table of docs/models.md is made from this one, and tests/lm/test_families.py holds every row against plain transformers.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from emotion_vectors.lm import toy

How = Literal["packed", "row by row", "refused"]
"""How prompts with the same beginning are read: as one packed tree, one prompt per row, or the model not at all."""


class Family(NamedTuple):
    """A family as people know it, the `model_type` of its configuration, what makes a tiny one, and what is expected."""

    name: str
    model_type: str
    extra: dict[str, Any] = {}  # noqa: RUF012  never changed
    how: How = "packed"
    reason: str = ""  # of a refusal: words of its sentence
    note: str = ""  # for people
    deepest: int | None = None  # the highest block that a pass can start after, where that is not the last
    heard: int | None = (
        None  # the highest block after which a token can change others, where that is not the last but one
    )
    doctor: bool = False  # whether the self-checks of a run are tried too, as they are for all that is read row by row


DECODER = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 8, "max_position_embeddings": 512, "tie_word_embeddings": False,
}  # fmt: skip
OLD = {"n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 512, "n_inner": 48, "tie_word_embeddings": False}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
LOCAL_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
MAMBA2 = {
    "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_chunk_size": 8,
}  # fmt: skip
LATENT = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
    "num_key_value_heads": 4,
}
ROUTED = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "first_k_dense_replace": 1,
    "n_group": 1,
    "topk_group": 1,
}
DELTA = {
    "layer_types": ["linear_attention", "full_attention"] * 2,
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
MIXED = ["linear_attention", "full_attention"] * 2
VISION = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
PATCHED = VISION | {"image_size": 16, "patch_size": 4}
SIGHT = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 32}
QWEN_VISION = {"depth": 1, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 1, "patch_size": 4}
MROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
TURNED = {"rope_parameters": MROPE | {"mrope_interleaved": True}}
GEMMA4 = {"global_head_dim": 8, "layer_types": ["sliding_attention", "full_attention"] * 2, "sliding_window": 256}

FAMILIES = (
    Family("Llama 2, 3", "llama"),
    Family("Llama 4 (text)", "llama4_text", EXPERTS | {"num_local_experts": 4, "num_experts_per_tok": 1, "intermediate_size_mlp": 48}, doctor=True),
    Family("Llama 4 (with images)", "llama4", {"text": EXPERTS | {"num_local_experts": 4, "num_experts_per_tok": 1, "intermediate_size_mlp": 48}, "vision": PATCHED}),
    Family("Llama 3.2 Vision", "mllama", {"text": {"cross_attention_layers": [1]}, "vision": {}}, "refused", "without images", note="blocks that attend to an image don't run for text alone, so layers can't be told apart by their number"),
    Family("LLaVA", "llava", {"text": {"model_type": "llama"}, "vision": PATCHED | {"model_type": "clip_vision_model"}}),
    Family("SmolVLM", "smolvlm", {"text": {"model_type": "llama"}, "vision": PATCHED}),
    Family("Arcee AFM", "arcee"),
    Family("Helium", "helium"),
    Family("Mistral", "mistral"),
    Family("Ministral", "ministral", {"sliding_window": 256}),
    Family("Ministral 3", "ministral3"),
    Family("Mixtral", "mixtral", LOCAL_EXPERTS),
    Family("Mistral 3 (with images)", "mistral3", {"text": {"model_type": "mistral"}, "vision": PATCHED | {"model_type": "pixtral"}}, doctor=True),
    Family("Qwen 1.5, 2, 2.5", "qwen2"),
    Family("Qwen 1.5, 2 MoE", "qwen2_moe", EXPERTS | {"shared_expert_intermediate_size": 24}),
    Family("Qwen 3", "qwen3"),
    Family("Qwen 3 MoE", "qwen3_moe", EXPERTS),
    Family("Qwen 3 Next", "qwen3_next", EXPERTS | DELTA | {"shared_expert_intermediate_size": 24}, "row by row"),
    Family("Qwen 3.5 (text)", "qwen3_5_text", DELTA, "row by row"),
    Family("Qwen 3.5 (with images)", "qwen3_5", {"text": DELTA | TURNED, "vision": SIGHT}, "row by row"),
    Family("Qwen 3.5 MoE (text)", "qwen3_5_moe_text", EXPERTS | DELTA | {"shared_expert_intermediate_size": 24}, "row by row"),
    Family("Qwen2-VL", "qwen2_vl", {"text": {"rope_parameters": MROPE}, "vision": QWEN_VISION}, doctor=True),
    Family("Qwen2.5-VL", "qwen2_5_vl", {"text": {"rope_parameters": MROPE}, "vision": SIGHT}),
    Family("Qwen3-VL", "qwen3_vl", {"text": TURNED, "vision": SIGHT | {"deepstack_visual_indexes": [0]}}, doctor=True),
    Family("Qwen3-VL MoE", "qwen3_vl_moe", {"text": EXPERTS | TURNED, "vision": SIGHT | {"deepstack_visual_indexes": [0]}}),
    Family("InternVL", "internvl", {"text": {"model_type": "qwen2"}, "vision": VISION | {"image_size": [16, 16], "patch_size": [4, 4]}}),
    Family("InternLM 3", "internlm3"),
    Family("Gemma", "gemma"),
    Family("Gemma 2", "gemma2", {"sliding_window": 256, "query_pre_attn_scalar": 8, "final_logit_softcapping": 3.0}),
    Family("Gemma 3 (text)", "gemma3_text", {"sliding_window": 256, "query_pre_attn_scalar": 8}),
    Family("Gemma 3 (with images)", "gemma3", {"text": {"sliding_window": 256, "query_pre_attn_scalar": 8}, "vision": PATCHED}, doctor=True),
    Family("Gemma 3n (text)", "gemma3n_text", {"sliding_window": 256, "num_kv_shared_layers": 2, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": "vocabulary", "laurel_rank": 4, "activation_sparsity_pattern": [0.0] * 4, "layer_types": ["sliding_attention", "full_attention"] * 2}, "refused", "stream", note="its blocks hand on four parallel streams (AltUp), so there is no one residual stream to read or to steer"),
    Family("Gemma 4 26B, 31B (text)", "gemma4_text", GEMMA4 | {"hidden_size_per_layer_input": 0}),
    Family("Gemma 4 E2B, E4B (text)", "gemma4_text", GEMMA4 | {"num_kv_shared_layers": 2, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": "vocabulary", "num_hidden_layers": 6, "layer_types": ["sliding_attention"] * 3 + ["full_attention", "sliding_attention", "full_attention"]}, deepest=1, heard=2, doctor=True, note="the last blocks use keys and values of earlier ones: steered passes start below those, and the analysis layer is the last whose tokens other tokens read (13 of 35 in E2B)"),
    Family("Gemma 4 (with images)", "gemma4", {"text": GEMMA4 | {"hidden_size_per_layer_input": 0}, "vision": VISION | {"head_dim": 8}}),
    Family("PaliGemma", "paligemma", {"text": {"model_type": "gemma"}, "vision": PATCHED | {"model_type": "siglip_vision_model"}}, "refused", "see those after them", note="its tokens see those after them, so padded and packed texts would leak"),
    Family("RecurrentGemma", "recurrent_gemma", {"lru_width": 32, "attention_window_size": 256, "block_types": ["recurrent", "recurrent", "attention"]}, "refused", "differs from its own", note="its decoder alone gives other logits than the whole model"),
    Family("VaultGemma", "vaultgemma", {"sliding_window": 256}),
    Family("OLMo", "olmo"),
    Family("OLMo 2", "olmo2"),
    Family("OLMo 3", "olmo3", {"sliding_window": 256}),
    Family("OLMoE", "olmoe", {"num_experts": 4, "num_experts_per_tok": 2}),
    Family("OLMo Hybrid", "olmo_hybrid", {"layer_types": MIXED}, "row by row"),
    Family("Phi 1, 2", "phi"),
    Family("Phi 3, 4", "phi3"),
    Family("Phi 3.5 MoE", "phimoe", LOCAL_EXPERTS),
    Family("SmolLM 3", "smollm3"),
    Family("StarCoder 2", "starcoder2"),
    Family("StarCoder, SantaCoder", "gpt_bigcode", OLD | {"multi_query": True}),
    Family("CodeGen", "codegen", OLD | {"rotary_dim": 4, "n_ctx": 512}),
    Family("StableLM", "stablelm"),
    Family("GLM-4", "glm4"),
    Family("GLM-4 MoE", "glm4_moe", ROUTED),
    Family("GLM-4 9B (2024)", "glm"),
    Family("GLM-4.7 Flash", "glm4_moe_lite", LATENT | ROUTED),
    Family("GLM-4V", "glm4v", {"text": {"rope_parameters": MROPE}, "vision": SIGHT}),
    Family("EXAONE 4", "exaone4", {"sliding_window": 256}),
    Family("K-EXAONE", "exaone_moe", EXPERTS | {"sliding_window": 256}),
    Family("Apertus", "apertus"),
    Family("Seed-OSS", "seed_oss"),
    Family("ERNIE 4.5", "ernie4_5"),
    Family("ERNIE 4.5 MoE", "ernie4_5_moe", {"moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": 24}),
    Family("Hunyuan", "hunyuan_v1_dense"),
    Family("Hunyuan MoE", "hunyuan_v1_moe", EXPERTS | {"moe_topk": 2}),
    Family("HyperCLOVA X", "hyperclovax", {"logits_scaling": 4.0}),
    Family("MiniCPM 3", "minicpm3", LATENT | {"dim_model_base": 8}, doctor=True),
    Family("Cohere Command R", "cohere"),
    Family("Cohere Command R7B, A", "cohere2", {"sliding_window": 256}),
    Family("Aya Vision", "aya_vision", {"text": {"model_type": "cohere2", "sliding_window": 256}, "vision": PATCHED | {"model_type": "siglip_vision_model"}}),
    Family("Granite 3", "granite", {"logits_scaling": 8.0}),
    Family("Granite 3 MoE", "granitemoe", LOCAL_EXPERTS | {"logits_scaling": 6.0}),
    Family("Granite 4 hybrid", "granitemoehybrid", LOCAL_EXPERTS | MAMBA2 | {"layers_block_type": ["mamba", "attention"] * 2, "shared_intermediate_size": 48, "logits_scaling": 4.0}, "row by row"),
    Family("Nemotron 4, Minitron", "nemotron"),
    Family("Nemotron-H, Nano 2", "nemotron_h", {"layers_block_type": ["mamba", "attention", "mlp", "attention"], "mamba_num_heads": 8, "mamba_head_dim": 8, "n_groups": 1, "ssm_state_size": 8, "chunk_size": 8}, "row by row"),
    Family("Falcon-H1", "falcon_h1", MAMBA2 | {"mamba_d_ssm": 64, "lm_head_multiplier": 0.5}, "row by row"),
    Family("Jamba", "jamba", {"num_experts": 4, "num_experts_per_tok": 2, "attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False, "mamba_d_state": 8, "mamba_dt_rank": 4}, "row by row"),
    Family("Bamba", "bamba", MAMBA2 | {"attn_layer_indices": [1, 3]}, "row by row"),
    Family("LFM2", "lfm2", {"layer_types": ["conv", "full_attention"] * 2, "block_ff_dim": 48}, "row by row"),
    Family("LFM2 MoE", "lfm2_moe", EXPERTS | {"layer_types": ["conv", "full_attention"] * 2, "num_dense_layers": 1}, "row by row"),
    Family("LFM2-VL", "lfm2_vl", {"text": {"model_type": "lfm2", "layer_types": ["conv", "full_attention"] * 2}, "vision": PATCHED | {"model_type": "siglip2_vision_model"}}, "row by row"),
    Family("MiniMax-01", "minimax", LOCAL_EXPERTS | {"layer_types": MIXED, "block_size": 16}, "row by row"),
    Family("MiniMax-M2", "minimax_m2", LOCAL_EXPERTS),
    Family("gpt-oss", "gpt_oss", LOCAL_EXPERTS | {"sliding_window": 256}),
    Family("DeepSeek V2", "deepseek_v2", LATENT | ROUTED),
    Family("DeepSeek V3, R1", "deepseek_v3", LATENT | ROUTED),
    Family("GPT-2", "gpt2", OLD),
    Family("GPT-J", "gptj", OLD | {"rotary_dim": 4}, doctor=True),
    Family("GPT-NeoX, Pythia", "gpt_neox"),
    Family("GPT-Neo", "gpt_neo", {"num_layers": 4, "num_heads": 4, "attention_types": [[["global", "local"], 2]], "window_size": 256}),
    Family("GPT-1", "openai-gpt", OLD, "refused", "final norm", note="it has no norm after its last block"),
    Family("XGLM", "xglm", {"d_model": 32, "ffn_dim": 48, "num_layers": 4, "attention_heads": 4}),
    Family("BioGPT", "biogpt"),
    Family("OPT", "opt", {"ffn_dim": 48, "word_embed_proj_dim": 32}),
    Family("Falcon", "falcon", {"alibi": False, "head_dim": None}, doctor=True),
    Family("Falcon RW (ALiBi)", "falcon", {"alibi": True, "head_dim": None, "multi_query": False, "parallel_attn": False}, "row by row"),
    Family("MPT", "mpt", {"d_model": 32, "n_heads": 4, "n_layers": 4, "max_seq_len": 512, "expansion_ratio": 2}, "row by row"),
    Family("BLOOM", "bloom", {"n_layer": 4, "n_head": 4}, "row by row"),
    Family("Mamba", "mamba", {"state_size": 8}, "refused", "instead of attention", note="a state in place of attention doesn't say how much of a text was read, so a prompt can't be told from its answer"),
    Family("Mamba 2, Codestral Mamba", "mamba2", {"num_heads": 8, "head_dim": 8, "n_groups": 1, "state_size": 8, "chunk_size": 8}, "refused", "instead of attention", note="a state in place of attention doesn't say how much of a text was read, so a prompt can't be told from its answer"),
    Family("RWKV 4", "rwkv", {"attention_hidden_size": 32, "context_length": 512}, "refused", "instead of attention", note="a state in place of attention doesn't say how much of a text was read, so a prompt can't be told from its answer"),
)  # fmt: skip
BY_NAME = {family.name: family for family in FAMILIES}


def tiny_config(family: Family, vocabulary: int) -> Any:
    """A configuration of 4 blocks and width 32."""
    extra = dict(family.extra)
    text, vision = extra.pop("text", None), extra.pop("vision", None)
    special = {"vocab_size": vocabulary, "pad_token_id": toy.EOS, "bos_token_id": toy.BOS, "eos_token_id": toy.EOS}
    if text is not None:
        inner = {key: value for key, value in (DECODER | special | text).items()}
        outer = {key: inner.pop(key) for key in ("tie_word_embeddings",)}
        return AutoConfig.for_model(family.model_type, text_config=inner, vision_config=vision, **outer)
    filled = DECODER | special | {key: vocabulary if value == "vocabulary" else value for key, value in extra.items()}
    return AutoConfig.for_model(family.model_type, **{key: value for key, value in filled.items() if value is not None})


@cache
def tiny_model(name: str) -> tuple[PreTrainedModel, Any]:
    """A random float32 model of the family `name` and the toy tokenizer; the same on every call."""
    return built(BY_NAME[name])


def built(family: Family) -> tuple[PreTrainedModel, Any]:
    """As `tiny_model`, a new one of any family."""
    _, tokenizer = toy.make_toy()
    config = tiny_config(family, len(tokenizer))
    kind = AutoModelForCausalLM if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING else AutoModelForImageTextToText
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = kind.from_config(config).float().eval()
        for parameter in model.parameters():
            # Larger than the usual initialisation, so that attention and position really matter.
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
    return model.requires_grad_(False), tokenizer
