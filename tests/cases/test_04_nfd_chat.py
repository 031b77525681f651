"""Case 04: decomposed letters, as macOS types them, with a tokenizer that composes them (tokenizers#1201, openmed#514)."""

import unicodedata

import pytest
from tokenizers import normalizers

from cases.saved import greedy, plain_mean, random_model, read_rows, save, save_vectors, tokenizer, unsteered

pytestmark = pytest.mark.case
SAID = ("Mon frère est né à Besançon.", "Tôi rất vui được gặp bạn.", "어머니가 보고 싶어요.", "Ångström, ½ ﬁn")
NORMALISERS = {
    "NFC": normalizers.NFC(),
    "NFKC": normalizers.NFKC(),
    "lower": normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()]),
}


@pytest.mark.parametrize("kind", NORMALISERS)
def test_both_spellings_are_read_and_written_after_alike(tmp_path, kind):
    words = tokenizer()
    words.backend_tokenizer.normalizer = NORMALISERS[kind]
    model = random_model(words)
    vectors = save_vectors(save(model, words, tmp_path / "m"), tmp_path / "v.safetensors")
    chats = [
        [{"role": "user", "content": unicodedata.normalize(form, text)}] for text in SAID for form in ("NFC", "NFD")
    ]
    rows = read_rows(
        tmp_path,
        [{"messages": chat} for chat in chats] + [{"text": unicodedata.normalize("NFD", text)} for text in SAID],
    )
    assert [row["problem"] for row in rows] == [None] * len(rows)
    for number, chat in enumerate(chats):
        ids = words.apply_chat_template(chat, tokenize=True, return_dict=False, add_generation_prompt=True)
        count = len(words(chat[0]["content"])["input_ids"])
        # <|im_start|>, then "user\n" in tokens of its own.
        first = 1 + len(words("user\n")["input_ids"])
        assert rows[number]["tokens"] == count
        assert rows[number]["mean_raw"] == pytest.approx(
            plain_mean(model, ids, first, first + count, vectors), abs=1e-5
        )
    written, _ = greedy(
        model,
        words.apply_chat_template(chats[1], tokenize=True, return_dict=False, add_generation_prompt=True),
        8,
        (0, 1),
    )
    assert (
        unsteered(tmp_path, chats[1][0]["content"])[0]["text"]
        == words.decode(written, skip_special_tokens=True).strip()
    )
