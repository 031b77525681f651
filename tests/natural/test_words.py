"""The emotions' words in a text, against plain rules."""

from emotion_vectors.natural.words import Words, spoken
from emotion_vectors.stimuli.pack import load_pack

WORDS = Words(("sad", "calm", "on edge"), {"sad": ("sorrow", "broken hearted"), "calm": ()})


def test_own_word_and_synonym_are_told_apart():
    assert WORDS.find("sad", "Her SADNESS grew.") == (True, False)
    assert WORDS.find("sad", "In sorrow, broken-hearted.") == (False, True)
    assert WORDS.find("sad", "The saddle, the ambassador.") == (False, False)
    assert WORDS.find("calm", "Sorrow and sadness") == (False, False)
    assert WORDS.find("on edge", "She was on edge.") == (True, False)


def test_marks_are_where_the_words_are():
    text = "Sad, in sorrow; saddest."
    assert [(text[one.first : one.last], one.own) for one in WORDS.marks("sad", text)] == [
        ("Sad", True),
        ("sorrow", False),
        ("saddest", True),
    ]


def test_a_word_of_any_emotion_is_found_and_others_are_not():
    for text in ("We were calmer.", "A sorrow-laden day", "all ON EDGE now", "broken hearted"):
        assert WORDS.any_in(text), text
    assert not WORDS.any_in("The edge of a saddle, a broken heart.")
    assert list(spoken("Don’t well-known 3x")) == ["don't", "well-known", "well", "known", "x"]


def test_every_emotion_of_ours_has_synonyms_and_none_is_its_own_word():
    pack = load_pack()
    words = Words(pack.emotions, pack.synonyms)
    for emotion in pack.emotions:
        assert 2 <= len(pack.synonyms[emotion]) <= 8
        assert words.find(emotion, f"so {emotion}.").own
        assert all(words.find(emotion, f"so {synonym}.").either for synonym in pack.synonyms[emotion])
