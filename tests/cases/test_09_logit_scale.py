"""Case 09: models that scale their logits outside of the decoder (vllm#52158, sonar#1054): `steer` and the self-checks."""

import pytest
import transformers

from cases.saved import greedy, random_model, save, save_vectors, tokenizer, unsteered
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.selfcheck import check_forward

pytestmark = pytest.mark.case
MLA = {
    "num_key_value_heads": 4,
    "q_lora_rank": 16,
    "kv_lora_rank": 8,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
}
SCALED = {
    "granite": ("GraniteConfig", {"logits_scaling": 8.0, "attention_multiplier": 0.06, "embedding_multiplier": 12.0, "residual_multiplier": 0.22}),
    "granite of experts": ("GraniteMoeConfig", {"logits_scaling": 6.0, "num_local_experts": 4, "num_experts_per_tok": 2}),
    "cohere": ("CohereConfig", {"logit_scale": 0.0625}),
    "cohere 2": ("Cohere2Config", {"logit_scale": 0.25, "sliding_window": 64}),
    "hyperclova": ("HyperCLOVAXConfig", {"logits_scaling": 0.125}),
    "minicpm 3": ("MiniCPM3Config", MLA | {"dim_model_base": 8}),
    "soft cap": ("Gemma2Config", {"final_logit_softcapping": 3.0, "head_dim": 8, "query_pre_attn_scalar": 8}),
    "no scale": ("LlamaConfig", {}),
}  # fmt: skip


@pytest.mark.parametrize("family", SCALED)
def test_log_probabilities_are_the_models_own(tmp_path, family):
    kind, more = SCALED[family]
    words = tokenizer()
    model = random_model(words, getattr(transformers, kind), **more)
    save_vectors(save(model, words, tmp_path / "m"), tmp_path / "v.safetensors")
    prompt = words.apply_chat_template(
        [{"role": "user", "content": "How was the day?"}], tokenize=True, return_dict=False, add_generation_prompt=True
    )
    written, nats = greedy(model, prompt, 8, (0, 1))
    text, _ = unsteered(tmp_path, "How was the day?")
    assert text["text"] == words.decode(written, skip_special_tokens=True).strip()
    assert text["log_probability"] == pytest.approx(nats, abs=1e-3)
    assert check_forward(load_model(str(tmp_path / "m"), "cpu", "float32")) < 1e-3
