"""Tokenizers from GGUF files: digits are split where the file says so, and what can't be made is refused."""

import pytest

from emotion_vectors import UserError
from lm.gguf_worlds import world
from lm.gguf_writing import loaded
from lm.tiny_gguf import TOKENS, tiny_gguf


@pytest.mark.parametrize("key", ["model", "pre", "add_sep_token", "brand_new_key"])
def test_a_tokenizer_that_can_not_be_made_is_refused_by_name(key, tmp_path):
    value = True if key == "add_sep_token" else "another"
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama", {f"tokenizer.ggml.{key}": value})
    with pytest.raises(UserError, match=r"another|add_sep_token"):
        loaded(path, tmp_path)


def test_digits_are_split_where_the_file_says_so(tmp_path):
    """The same words in a file of GPT-2's splits keep "12", which is a token; SmolLM's splits part every digit."""
    ids = {}
    for pre in ("gpt-2", "smollm"):
        lm = loaded(tiny_gguf(tmp_path / f"{pre}.gguf", world("llama"), "llama", {"tokenizer.ggml.pre": pre}), tmp_path)
        ids[pre] = lm.tokenizer.convert_ids_to_tokens(lm.tokenizer("  12")["input_ids"])
    assert ids == {"gpt-2": ["Ġ", "Ġ", "12"], "smollm": ["ĠĠ", "1", "2"]} and "12" in TOKENS


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"add_bos_token": True, "bos_token_id": None}, "add_bos_token = True and no bos_token_id"),
        ({"add_eos_token": True, "eos_token_id": None}, "add_eos_token = True and no eos_token_id"),
        ({"bos_token_id": 9999}, "bos_token_id = 9999, but its tokens end at 266"),
        ({"padding_token_id": 267}, "padding_token_id = 267, but its tokens end at 266"),
    ],
)
def test_a_special_token_that_the_file_lacks_is_named(keys, said, tmp_path):
    """llama.cpp would put the token 11 before a text where the file gives no number."""
    keys = {f"tokenizer.ggml.{name}": value for name, value in keys.items()}
    with pytest.raises(UserError, match=said):
        loaded(tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama", keys), tmp_path)
