"""What our own stimuli must be: the paper's counts, varied, nothing named that should be implied, nothing copied."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from emotion_vectors.stimuli import CATEGORIES, NUMERIC_EMOTIONS, Pack

# Signs of the pleasure ratings of Russell & Mehrabian (1977) for the words that are among the 171 and rated beyond
# 0.05 on a scale of -1 to 1 ("anxious" is at +0.01).
RATED_PLEASANT = """alert aroused astonished elated excited grateful happy hopeful inspired joyful kind overwhelmed
proud relaxed surprised thankful triumphant""".split()


RATED_UNPLEASANT = """angry bored contemptuous defiant depressed disdainful disgusted distressed embarrassed enraged
frustrated guilty hostile humiliated irritated listless lonely regretful sad scornful skeptical suspicious tense
terrified troubled upset weary""".split()


SCENARIO_EMOTIONS = "happy inspired loving proud calm desperate angry guilty sad afraid nervous surprised".split()


SUFFIXES = """fulness iness ingly edly ation ition ness ment ious eous ance ence ency ancy less able ible ally fully
ious ing ied ies ily ful ous ion ent ant ive ity ed er es ly al ic y s e d""".split()


def stem(word: str) -> str:
    """The word without its endings, as long as four letters stay; crude, so that it errs toward finding too much."""
    changed = True
    while changed:
        changed = False
        for suffix in SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= 4:
                word, changed = word.removesuffix(suffix), True
                break
    return word


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:-[a-z]+)*", text.lower())


def named_emotions(text: str, pack: Pack) -> set[str]:
    """Words of the text that are an emotion, a form of one, or a listed synonym of one."""
    phrases = {word for emotion in pack.emotions for word in (emotion, *pack.synonyms[emotion])}
    spaced = f" {' '.join(words_of(text))} "
    found = {phrase for phrase in phrases if f" {phrase} " in spaced}
    stems = {stem(emotion) for emotion in pack.emotions if " " not in emotion}
    short = {
        emotion + ending for emotion in pack.emotions if len(emotion) < 5 for ending in ("", "s", "ly", "ness", "d")
    }
    return found | {word for word in words_of(text) if stem(word) in stems or word in short}


@pytest.mark.parametrize(
    "text",
    [
        "He laughed with happiness.",
        "She was frightening.",
        "They hoped.",
        "a safely kept thing",
        "full of gratitude",
        "He was sullenly at ease.",
        "nervously",
        "such sadness",
        "her worries",
        "guiltily",
    ],
)
def test_the_checker_finds_what_names_an_emotion(text: str, pack: Pack) -> None:
    assert named_emotions(text, pack)


def test_no_topic_activity_scenario_or_template_names_an_emotion(pack: Pack) -> None:
    texts = [
        *pack.topics,
        *(activity.text for activity in pack.activities),
        *(scenario.prompt for scenario in pack.scenarios),
        *(template.template for template in pack.numeric_templates),
    ]
    assert {text: found for text in texts if (found := named_emotions(text, pack))} == {}


def test_no_neutral_question_has_an_emotion_word(pack: Pack) -> None:
    # Synonyms may occur (a battery stores energy), the words themselves may not.
    words = set(pack.emotions)
    assert [question for question in pack.neutral_questions if words & set(words_of(question))] == []


def test_counts_are_those_of_the_paper(pack: Pack) -> None:
    assert len(pack.emotions) == 171
    assert len(pack.topics) == 100
    assert Counter(activity.category for activity in pack.activities) == dict.fromkeys(CATEGORIES, 8)
    assert sorted(scenario.emotion for scenario in pack.scenarios) == sorted(SCENARIO_EMOTIONS)
    assert len(pack.numeric_templates) == 6
    assert len(pack.opposite_pairs) == 5
    assert len(pack.steered_emotions) == 35
    assert len(pack.neutral_questions) == 200
    assert pack.supplied == ()


def test_emotions_are_alphabetical_and_have_the_known_odd_ones(pack: Pack) -> None:
    assert list(pack.emotions) == sorted(pack.emotions)
    assert {"at ease", "on edge", "worn out", "grief-stricken", "hope", "hopeful"} <= set(pack.emotions)


def test_valence_agrees_with_human_ratings_where_it_is_not_ambiguous(pack: Pack) -> None:
    assert len(RATED_PLEASANT) + len(RATED_UNPLEASANT) == 44
    rated = dict.fromkeys(RATED_PLEASANT, "positive") | dict.fromkeys(RATED_UNPLEASANT, "negative")
    differing = {word for word, label in rated.items() if pack.valence[word] != label}
    assert differing <= pack.valence_ambiguous
    # Ambiguity must not be a way out: the labels agree on all but one of the 44 words.
    assert differing == {"overwhelmed"}
    assert len(pack.valence_ambiguous) < len(pack.emotions) / 4


def test_opposite_pairs_have_opposite_labels(pack: Pack) -> None:
    assert all({pack.valence[a], pack.valence[b]} == {"positive", "negative"} for a, b in pack.opposite_pairs)


def test_topics_are_short_varied_sentences(pack: Pack) -> None:
    assert all(text[0].isupper() and text.endswith(".") and 5 <= len(text.split()) <= 12 for text in pack.topics)
    assert highest_overlap(pack.topics, pack.topics, same=True) < 0.6
    # The first ten carry the small presets: ten different people, ten different things that they do.
    assert len({text.split()[1] for text in pack.topics[:10]}) >= 9
    assert len({text.split()[2] for text in pack.topics[:10]}) == 10


def test_activities_are_alike_in_length_and_form(pack: Pack) -> None:
    texts = [activity.text for activity in pack.activities]
    assert all(5 <= len(text.split()) <= 9 for text in texts)
    assert all(re.fullmatch(r"[a-z][A-Za-z' -]+", text) for text in texts)
    means = [sum(len(a.text.split()) for a in pack.activities if a.category == category) / 8 for category in CATEGORIES]
    assert max(means) - min(means) < 1.0


def test_no_activity_is_the_beginning_or_a_part_of_another(pack: Pack) -> None:
    texts = [activity.text for activity in pack.activities]
    assert [(a, b) for a in texts for b in texts if a != b and a in b] == []


def test_every_numeric_sign_has_a_reason_and_each_emotion_is_tested(pack: Pack) -> None:
    for template in pack.numeric_templates:
        assert 6 <= len(template.values) <= 7
        assert all(len(template.reasons[emotion].split()) >= 5 for emotion in NUMERIC_EMOTIONS)
    for emotion in NUMERIC_EMOTIONS:
        signs = [template.expected[emotion] for template in pack.numeric_templates]
        assert sum(sign != "none" for sign in signs) >= 3
    # Both directions occur, or a drift common to all prompts would be a success.
    signs = Counter((e, template.expected[e]) for template in pack.numeric_templates for e in NUMERIC_EMOTIONS)
    assert all(signs[emotion, sign] for emotion in NUMERIC_EMOTIONS for sign in "+-")


def test_synonyms_are_two_to_eight_words_that_are_not_the_word_itself(pack: Pack) -> None:
    for emotion, words in pack.synonyms.items():
        assert 2 <= len(words) <= 8, emotion
        assert emotion not in words


def test_steered_emotions_are_balanced_at_every_length(pack: Pack) -> None:
    assert set(pack.steered_emotions[:2]) == {"blissful", "hostile"}
    for count in range(2, 36):
        positive = sum(pack.valence[emotion] == "positive" for emotion in pack.steered_emotions[:count])
        assert abs(positive - count / 2) <= 1


def test_subset_begins_with_what_the_experiments_need_and_stays_balanced(pack: Pack) -> None:
    assert set(pack.subset[:12]) == set(SCENARIO_EMOTIONS)
    assert set(pack.subset[:4]) == set(NUMERIC_EMOTIONS)
    assert {word for pair in pack.opposite_pairs for word in pair} <= set(pack.subset[:16])
    assert set(pack.steered_emotions) <= set(pack.subset[:45])
    share = sum(label == "positive" for label in pack.valence.values()) / 171
    for count in range(12, 172):
        positive = sum(pack.valence[emotion] == "positive" for emotion in pack.subset[:count])
        assert share - 0.05 <= positive / count <= 0.55


def test_prompts_name_what_they_need(pack: Pack) -> None:
    story = pack.prompts.story.format(emotion="happy", topic=pack.topics[0], n_stories=1)
    assert "happy" in story and pack.topics[0] in story and "{" not in story
    assert pack.prompts.neutral_from_questions
    assert pack.neutral_questions[0] in pack.prompts.neutral.format(question=pack.neutral_questions[0], n_stories=1)


def highest_overlap(
    ours: list[str] | tuple[str, ...], others: list[str] | tuple[str, ...], same: bool = False
) -> float:
    """Largest share of common words (intersection over union) of a text here and a text there."""
    pairs = combinations(ours, 2) if same else ((a, b) for a in ours for b in others)
    shares = []
    for a, b in pairs:
        here, there = set(words_of(a)), set(words_of(b))
        shares.append(len(here & there) / len(here | there))
    return max(shares)


@pytest.mark.parametrize(
    ("name", "field"),
    [("topics", None), ("activities", "text"), ("scenarios", "prompt"), ("numeric_templates", "template")],
)
def test_nothing_is_a_variant_of_a_published_text(
    name: str, field: str | None, pack: Pack, published_folder: Path
) -> None:
    published = json.loads((published_folder / f"{name}.json").read_text(encoding="utf-8"))
    theirs = [item if field is None else item[field] for item in published]
    ours = [item if field is None else getattr(item, field) for item in getattr(pack, name)]
    assert highest_overlap(ours, theirs) < 0.45
