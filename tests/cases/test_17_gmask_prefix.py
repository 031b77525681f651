"""Case 17: plain texts begin with the tokens that the tokenizer begins them with, BOS or not (koboldcpp#1502, ChatGLM2-6B#80)."""

import pytest
from tokenizers.processors import TemplateProcessing

from cases.saved import plain_mean, random_model, read_rows, save, save_vectors, tokenizer
from emotion_vectors.lm.model import load_model

pytestmark = pytest.mark.case
TEXT = "The letter has come at last."
PREFIXES = {
    "GLM": ["[gMASK]", "<sop>"],
    "one": ["<sop>"],
    "BOS": ["<|im_start|>"],
    "BOS and more": ["<|im_start|>", "<sop>"],
    "none": [],
}


@pytest.mark.parametrize("ends", [False, True], ids=["", "with an end"])
@pytest.mark.parametrize("kind", PREFIXES)
def test_cosines_are_those_of_the_tokenizers_own_ids(tmp_path, kind, ends):
    words = tokenizer(special=("[gMASK]", "<sop>", "<eop>"))
    single = [*PREFIXES[kind], "$A", *(["<eop>"] if ends else [])]
    numbers = [(name, words.convert_tokens_to_ids(name)) for name in ("[gMASK]", "<sop>", "<eop>", "<|im_start|>")]
    words.backend_tokenizer.post_processor = TemplateProcessing(single=single, special_tokens=numbers)
    model = random_model(words)
    vectors = save_vectors(save(model, words, tmp_path / "m"), tmp_path / "v.safetensors")
    ids, count = words(TEXT)["input_ids"], len(words(TEXT, add_special_tokens=False)["input_ids"])
    front = len(PREFIXES[kind])
    assert len(ids) == front + count + ends
    [row] = read_rows(tmp_path, [{"text": TEXT}])
    # The very first token of all is an attention sink and never counts.
    first = max(front, 1)
    assert row["mean_raw"] == pytest.approx(plain_mean(model, ids, first, front + count, vectors), abs=1e-5)
    found = vectors.read(load_model(str(tmp_path / "m"), "cpu", "float32"), TEXT)
    assert list(found.ids) == ids[: front + count]
