"""Near duplicates: against exact Jaccard similarity."""

from __future__ import annotations

import itertools
import random
import string

import pytest

from emotion_vectors.corpus.duplicates import DuplicateIndex, shingles, similarity, words_of

STORY = "Tom walked home in the rain. He kicked a stone along the gutter and did not look up once."


def random_text(generator: random.Random, words: int = 120) -> list[str]:
    return ["".join(generator.choices(string.ascii_lowercase, k=5)) for _ in range(words)]


def exact_jaccard(first: str, second: str) -> float:
    sets = [{tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (words_of(first), words_of(second))]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_similarity_equals_exact_jaccard_and_near_duplicates_are_found() -> None:
    generator = random.Random(0)
    above, found, wrong = 0, 0, 0
    for changed in itertools.chain(range(0, 20), range(0, 20), range(0, 20)):
        words = random_text(generator)
        other = list(words)
        for place in generator.sample(range(len(words)), changed):
            other[place] = "changed"
        first, second = " ".join(words), " ".join(other)
        exact = exact_jaccard(first, second)
        assert similarity(shingles(first), shingles(second)) == pytest.approx(exact, abs=1e-12)
        index = DuplicateIndex()
        index.add(first)
        hit = index.find(second) is not None
        above, found = above + (exact > 0.65), found + (exact > 0.65 and hit)
        wrong += exact <= 0.6 and hit
    assert wrong == 0
    assert above >= 15
    assert found == above


def test_duplicates_ignore_case_and_punctuation_and_name_the_first_text() -> None:
    index = DuplicateIndex()
    index.add("Something else that has nothing to do with it, at all, ever.")
    index.add(STORY)
    assert index.find(STORY.upper().replace(".", "!")) == 1
    assert index.find("A wholly different tale of a ship, a whale and a very long voyage.") is None
    assert len(index) == 2


def test_many_texts_stay_apart_and_fast() -> None:
    generator = random.Random(1)
    index, texts = DuplicateIndex(), [" ".join(random_text(generator)) for _ in range(1500)]
    for text in texts:
        assert index.find(text) is None
        index.add(text)
    assert [index.find(text) for text in texts[::100]] == list(range(0, 1500, 100))
