"""Case 24: of a model that also sees (Gemma 3), the text part is used, and gives the wrapper's own numbers."""

import numpy as np
import pytest
import torch
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

from cases.folders import USER, lines, read, saved, tokenizer, vectors_of
from emotion_vectors.lm.model import load_model

pytestmark = pytest.mark.case
TEXT = {
    "vocab_size": len(tokenizer()), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 8, "query_pre_attn_scalar": 8, "initializer_range": 0.2, "max_position_embeddings": 1024, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
}  # fmt: skip
SEEN = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}


def test_the_text_part_gives_the_wrappers_numbers(tmp_path):
    config = Gemma3Config(
        text_config=TEXT,
        vision_config=SEEN,
        mm_tokens_per_image=4,
        image_token_index=5,
        boi_token_index=6,
        eoi_token_index=7,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        whole = Gemma3ForConditionalGeneration(config).eval()
    folder = saved(tmp_path / "m", model=whole)
    lm = load_model(str(folder), "cpu", "float32")
    ids = lm.inputs([USER])["input_ids"]
    with torch.no_grad():
        own = whole(ids, output_hidden_states=True)
        assert torch.allclose(lm.model(ids).logits, own.logits, atol=1e-5) and lm.n_layers == 4
    vectors = vectors_of(folder, tmp_path / "v.safetensors")
    rows = read(tmp_path, lines(tmp_path / "t.jsonl", {"messages": [USER]}), tmp_path / "v.safetensors")
    first, last = vectors.read(lm, [USER]).messages[0][1:]
    states = own.hidden_states[vectors.layer + 1][0, first:last].numpy()
    cosines = states @ vectors.unit()[vectors.index("calm")] / np.linalg.norm(states, axis=1)
    assert rows["mean_raw"][0] == pytest.approx(cosines.mean(), abs=1e-5)
