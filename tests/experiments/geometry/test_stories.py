"""Length and person of stories, by hand."""

import pytest

from emotion_vectors.experiments.geometry import stories


def test_length_and_person_of_the_stories():
    told = [
        ("calm", "I went home, and we slept. You didn't."),
        ("sad", "He's gone; she said it."),
        ("sad", "Nothing happened here today."),
    ]
    read = stories.read(lambda: iter(told), ["calm", "sad"])
    assert read.length.tolist() == [8, 4.5] and read.person == pytest.approx([2 / 3, (0 + 0.5) / 2])
    assert list(read.covariates()) == [stories.LENGTH, stories.PERSON]
