"""Words that name an emotion, and words that only look alike."""

from __future__ import annotations

import pytest

from emotion_vectors.corpus.naming import named
from emotion_vectors.stimuli.pack import load_pack


@pytest.mark.parametrize(
    ("emotion", "text"),
    [
        ("happy", "She was HAPPY."), ("happy", "the happiest day"), ("happy", "he hummed happily"), ("happy", "such happiness"),
        ("excited", "an exciting trip"), ("excited", "Excitement grew"), ("excited", "she said excitedly"),
        ("annoyed", "it annoys him"), ("annoyed", "his annoyance"), ("worried", "Don't worry!"), ("frustrated", "frustration"),
        ("terrified", "it would terrify him"), ("sad", "sadder than before"), ("sad", "sadly, no"), ("mad", "a mad dash"),
        ("mad", "madness"), ("hope", "hoping for rain"), ("hope", "her hopes"), ("content", "the content of the box"),
        ("kind", "a kind of bird"), ("patient", "his patience"), ("vigilant", "vigilance"), ("sensitive", "sensitivity"),
        ("vulnerable", "vulnerability"), ("miserable", "miserably"), ("ecstatic", "ecstatically"), ("loving", "he loved it"),
        ("at ease", "finally at  ease"), ("at ease", "an at-ease smile"), ("on edge", "She was on\nedge."),
        ("worn out", "worn-out"), ("grief-stricken", "grief stricken"), ("self-confident", "self-confidence"),
        ("angry", "the angry’s"), ("alarmed", "“Alarmed”"),
    ],
)  # fmt: skip
def test_words_that_name_the_emotion(emotion: str, text: str) -> None:
    assert named(text, emotion)


@pytest.mark.parametrize(
    ("emotion", "text"),
    [
        ("mad", "She made tea for Madeleine."), ("hope", "a hopeful look"), ("happy", "an unhappy man"), ("sad", "the saddle"),
        ("kind", "three kinds, kindling, mankind"), ("patient", "two patients waited"), ("tired", "the tires of the car"),
        ("at ease", "ate a seed; at the easel"), ("on edge", "on the edge"), ("proud", "a cloud"), ("calm", "calmmm_ness"),
        ("safe", "a safety pin"), ("excited", "he exited"), ("bored", "on board"),
    ],
)  # fmt: skip
def test_words_that_only_look_alike(emotion: str, text: str) -> None:
    assert named(text, emotion) is None


def test_listed_synonyms_name_the_emotion_too() -> None:
    assert named("He feared the dark.", "afraid") is None
    assert named("He feared the dark.", "afraid", ("fear",)) == "feared"


def test_every_emotion_of_our_pack_finds_itself_in_any_case_and_not_in_plain_prose() -> None:
    prose = "The bus stopped at the corner and three people with umbrellas climbed on while the driver counted coins."
    for emotion in load_pack().emotions:
        assert named(f"It was {emotion.title()}, he said.", emotion)
        assert named(prose, emotion) is None
