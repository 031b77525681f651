"""Story content in steered answers: planted leaks are found, none are found without, and the word lists are what they say."""

import numpy as np
import pytest

from emotion_vectors.experiments.steered_words import leaks

EMOTIONS = tuple("abcdefgh")
VALENCE = dict.fromkeys(EMOTIONS[:4], "positive") | dict.fromkeys(EMOTIONS[4:], "negative")
OWN = {emotion: ["own" + emotion + letter for letter in "abcdefghijklmnopqrst"] for emotion in EMOTIONS}
SHARED = [f"shared{a}{b}" for a in "abcdef" for b in "vwxyz"]
COMMON = ["the", "and", "with", "was"]
TOPICS = ["A cook was the baker", "Two sisters"]


def story(generator, emotion):
    drawn = [*generator.choice(OWN[emotion], 10), *generator.choice(SHARED, 20), *generator.choice(COMMON, 20)]
    return " ".join([*drawn, "cook", f"{emotion}naming"])


def lexicon(seed=0):
    generator = np.random.default_rng(seed)
    stories = [(emotion, story(generator, emotion)) for emotion in EMOTIONS for _ in range(6)]
    neutral = [" ".join(COMMON)] * 10
    naming = {emotion: frozenset({f"{emotion}naming"}) for emotion in EMOTIONS}
    return leaks.lexicon(iter(stories), EMOTIONS, TOPICS, neutral, naming), stories


def test_special_words_are_those_of_one_emotion_without_common_and_naming_words():
    found, stories = lexicon()
    for emotion, special in zip(EMOTIONS, found.special, strict=True):
        held = {word for own, text in stories if own == emotion for word in text.split()}
        assert special == held & set(OWN[emotion])
    assert found.topics == {"cook", "baker", "two", "sisters"}
    counted = [(own, word) for own, text in stories for word in text.split()]
    assert found.ceiling == np.mean([
        np.mean([word in OWN[emotion] for own, word in counted if own == emotion]) for emotion in EMOTIONS
    ])  # fmt: skip


def answers(seed, leak, topic=0.0):
    """Answers of 40 words; a share `leak` of those under an emotion's vector comes from its own stories."""
    generator = np.random.default_rng(seed)

    def text(own=None):
        kinds = generator.random(40)
        pick = [
            generator.choice(OWN[own]) if own and kind < leak
            else "cook" if own and kind < leak + topic
            else generator.choice(OWN[generator.choice(EMOTIONS)]) if kind > 0.9
            else generator.choice(COMMON + SHARED)
            for kind in kinds
        ]  # fmt: skip
        return " ".join(pick)

    made = [leaks.Answer("none", "", i, text()) for i in range(3)]
    made += [leaks.Answer("emotion", e, i, text(e)) for e in EMOTIONS for i in range(3)]
    return made + [leaks.Answer("random", str(k), i, text()) for k in range(8) for i in range(3)]


def run(seed, leak, topic=0.0):
    found, _ = lexicon()
    return leaks.run(EMOTIONS, answers(seed, leak, topic), found, VALENCE, 1.0, 300, seed)


@pytest.mark.slow
def test_a_planted_leak_is_found():
    found = [run(seed, leak=0.15) for seed in range(20)]
    assert all(one.own.beyond_chance for one in found)
    assert abs(np.mean([one.own.contrast for one in found]) - 0.15) < 0.02
    assert all(one.levels.special.p_random < 0.05 for one in found)
    assert all(row.word in OWN[row.emotion] for row in found[0].own.words)


@pytest.mark.slow
def test_without_a_leak_there_is_none():
    found = [run(100 + seed, leak=0.0) for seed in range(30)]
    assert sum(one.own.beyond_chance for one in found) <= 4
    assert abs(np.mean([one.own.contrast for one in found])) < 0.006


def test_words_of_the_topics_are_seen_by_their_level_and_not_by_the_own_share():
    found = run(7, leak=0.0, topic=0.2)
    level = found.levels.topics
    assert level.steered > 0.15 and level.unsteered == level.random == 0 and level.interval[0] > 0.1
    # Random directions that all give 0 say nothing about how chance scatters: they are counted.
    assert level.p_random == pytest.approx(1 / (found.random_directions + 1)) and not found.own.beyond_chance


def test_shares_and_repeats_are_counts_of_words():
    assert leaks.share(["Cook cook, baker!", "the"], frozenset({"cook"})) == 0.5
    assert leaks.share(["", "1 ab"], frozenset({"ab"})) == 0
    assert leaks.words("They’ll see 3 re-made IT") == ["they'll", "see", "made"]
    found, _ = lexicon()
    made = [leaks.Answer("none", "", 0, "one two"), *answers(0, 0.0)[3:]]
    made += [leaks.Answer("emotion", "a", 3, "gone gone gone gone")]
    record = leaks.run(EMOTIONS, made, found, VALENCE, 1.0, 100, 0)
    assert record.repeated.none == 0 and record.repeated.emotion > record.repeated.random
