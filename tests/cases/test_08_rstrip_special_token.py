"""Case 08: role tokens that swallow the white space around them, as Phi 3's do (transformers#30590, #32136)."""

import pytest
from tokenizers import AddedToken

from cases.saved import plain_mean, random_model, read_rows, save, save_vectors, tokenizer
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.prompts import chat_prompt

pytestmark = pytest.mark.case
TEMPLATES = {
    "Phi 3": "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
    "no new line": "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
}  # fmt: skip
SAID = ("return x  # why?", "    return x", "\nWhy is that?", "\t\n  Hello", "Hello  ", " Hello, dear.\n")


@pytest.mark.parametrize("left", [False, True], ids=["right", "both sides"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_messages_with_white_space_at_their_ends_are_read(tmp_path, name, left):
    words = tokenizer(TEMPLATES[name])
    marks = [
        AddedToken(f"<|{role}|>", rstrip=True, lstrip=left, normalized=False, special=True)
        for role in ("user", "assistant", "end")
    ]
    words.add_tokens(marks, special_tokens=True)
    model = random_model(words)
    vectors = save_vectors(save(model, words, tmp_path / "m"), tmp_path / "v.safetensors")
    chats = [[{"role": "user", "content": said}] for said in SAID]
    rows = read_rows(tmp_path, [{"messages": chat} for chat in chats])
    end = words.convert_tokens_to_ids("<|end|>")
    for chat, row in zip(chats, rows, strict=True):
        ids = words.apply_chat_template(chat, tokenize=True, return_dict=False, add_generation_prompt=True)
        # All between the two marks is the message's; white space that a mark has swallowed is no token.
        last = ids.index(end)
        assert row["problem"] is None and row["tokens"] == last - 1, row
        assert row["mean_raw"] == pytest.approx(plain_mean(model, ids, 1, last, vectors), abs=1e-5)
    lm = load_model(str(tmp_path / "m"), "cpu", "float32")
    prompt = chat_prompt(lm, "{a} or {b}?", {"a": "rest", "b": "paint"}, "(")
    assert words.decode(prompt.ids[slice(*prompt.spans["a"])]).strip() == "rest"
