"""Case 10: convolution and state-space layers obey no attention mask (transformers#41790, #45514): right numbers, or words."""

import pytest
import transformers

from cases.saved import greedy, plain_mean, random_model, read_rows, save, save_vectors, tokenizer, unsteered
from emotion_vectors import doctor
from emotion_vectors.lm.model import load_model
from emotion_vectors.stimuli.pack import load_pack

pytestmark = pytest.mark.case
EXPERTS = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
    "head_dim": 8,
}
HYBRIDS = {
    "LFM2": ("Lfm2Config", {"layer_types": ["conv", "full_attention", "conv", "full_attention"], "conv_L_cache": 3}),
    "Qwen3-Next": (
        "Qwen3NextConfig",
        EXPERTS | {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8},
    ),
}  # fmt: skip
TEXT = "It was raining when the letter came."


@pytest.mark.parametrize("family", HYBRIDS)
@pytest.mark.slow
def test_readings_and_texts_are_plain_and_the_doctor_says_what_does_not_work(tmp_path, family):
    kind, more = HYBRIDS[family]
    words = tokenizer()
    model = random_model(words, getattr(transformers, kind), **more)
    vectors = save_vectors(save(model, words, tmp_path / "m"), tmp_path / "v.safetensors")
    ids = words(TEXT)["input_ids"]
    [row, other] = read_rows(tmp_path, [{"text": TEXT}, {"text": "Nobody came to the door, and they sang all night."}])
    assert (
        row["mean_raw"] == pytest.approx(plain_mean(model, ids, 1, len(ids), vectors), abs=1e-5)
        and other["problem"] is None
    )
    prompt = words.apply_chat_template(
        [{"role": "user", "content": "How was the day?"}], tokenize=True, return_dict=False, add_generation_prompt=True
    )
    written, nats = greedy(model, prompt, 8, (0, 1))
    text, _ = unsteered(tmp_path, "How was the day?")
    assert text["text"] == words.decode(written, skip_special_tokens=True).strip()
    assert text["log_probability"] == pytest.approx(nats, abs=1e-3)
    for check in doctor.examine(load_model(str(tmp_path / "m"), "cpu", "float32"), load_pack("ours")):
        # Python's own words are no sentence: what could not be measured says which layers it is about.
        assert check.measured != "refused" or "layers" in check.detail, check
