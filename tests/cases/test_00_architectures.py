"""Case 00: many architectures give the plain model's numbers or are refused at load in a sentence (TransformerLens#1618, #1648, repeng#25).

A few of each kind; the whole table of families has tests of its own in tests/lm.
"""

import pytest
import transformers

from cases.saved import greedy, plain_mean, random_model, read_rows, save, save_vectors, tokenizer, unsteered
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import load_model

pytestmark = pytest.mark.case
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
PLAIN = {
    "OLMo 2": ("Olmo2Config", {}),
    "OLMoE": ("OlmoeConfig", {"num_experts": 4, "num_experts_per_tok": 2}),
    "Mixtral": ("MixtralConfig", EXPERTS),
    "gpt-oss": ("GptOssConfig", EXPERTS | {"head_dim": 8, "sliding_window": 48}),
    "Phi": ("PhiConfig", {}),
    "Phi 3": ("Phi3Config", {}),
    "GPT-NeoX": ("GPTNeoXConfig", {"num_key_value_heads": None}),
    "Cohere 2": ("Cohere2Config", {"sliding_window": 48}),
    "GLM 4": ("Glm4Config", {"head_dim": 8}),
    "EXAONE 4": ("Exaone4Config", {"sliding_window": 48}),
    "Nemotron": ("NemotronConfig", {}),
}  # fmt: skip
# Their blocks give tuples, want tensors of their own, or are no decoder: read right, or refused.
OTHER = {
    "Falcon": ("FalconConfig", {"parallel_attn": True, "alibi": False}),
    "GPT-J": ("GPTJConfig", {"n_embd": 32, "n_layer": 4, "n_head": 4, "rotary_dim": 4}),
    "MPT": ("MptConfig", {"d_model": 32, "n_layers": 4, "n_heads": 4}),
    "Mamba": ("MambaConfig", {"state_size": 4}),
}  # fmt: skip
# Longer than the windows of those that have one.
TEXT = "It was raining when the letter came. " * 9


def compare(folder, model, words):
    vectors = save_vectors(folder / "m", folder / "v.safetensors")
    ids = words(TEXT)["input_ids"]
    [row] = read_rows(folder, [{"text": TEXT}])
    assert row["mean_raw"] == pytest.approx(plain_mean(model, ids, 1, len(ids), vectors), abs=1e-4)
    chat = [{"role": "user", "content": "How was the day?"}]
    prompt = words.apply_chat_template(chat, tokenize=True, return_dict=False, add_generation_prompt=True)
    written, nats = greedy(model, prompt, 8, (0, 1))
    text, _ = unsteered(folder, "How was the day?")
    assert text["text"] == words.decode(written, skip_special_tokens=True).strip()
    assert not written or text["log_probability"] == pytest.approx(nats, abs=1e-3)


@pytest.mark.parametrize("family", PLAIN)
def test_the_plain_models_numbers(tmp_path, family):
    kind, more = PLAIN[family]
    words = tokenizer()
    model = random_model(words, getattr(transformers, kind), **more)
    save(model, words, tmp_path / "m")
    compare(tmp_path, model, words)


@pytest.mark.parametrize("family", OTHER)
def test_the_plain_models_numbers_or_one_sentence(tmp_path, family):
    kind, more = OTHER[family]
    words = tokenizer()
    model = random_model(words, getattr(transformers, kind), **more)
    save(model, words, tmp_path / "m")
    try:
        load_model(str(tmp_path / "m"), "cpu", "float32")
    except UserError as refused:
        assert "\n" not in str(refused) and "use a" in str(refused)
        return
    compare(tmp_path, model, words)
