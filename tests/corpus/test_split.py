"""Several texts in one answer."""

from __future__ import annotations

from emotion_vectors.corpus.split import split_texts

STORY = "Tom walked home in the rain. He kicked a stone along the gutter and did not look up once."


def test_split_texts() -> None:
    long = "word " * 40
    assert split_texts("<NEW STORY>\nOne.\n<NEW STORY>\nTwo.", "story") == ["One.", "Two."]
    assert split_texts("Here are two stories:\n\n**<new story>**\nOne.\n\n[story 2]\nTwo.", "story") == ["One.", "Two."]
    assert split_texts(f"{long}\n<NEW STORY>\nTwo.", "story") == [long.strip(), "Two."]
    assert split_texts("Just one.", "story") == ["Just one."]
    assert split_texts("<NEW STORY>\n[story 1]\nOne.", "story") == ["One."]
    assert split_texts("<NEW DIALOGUE>\nPerson: a\n\nAI: b", "dialogue") == ["Person: a\n\nAI: b"]
    assert split_texts(" \n", "story") == []
    assert split_texts("A <NEW STORY> inside a line stays.", "story") == ["A <NEW STORY> inside a line stays."]
