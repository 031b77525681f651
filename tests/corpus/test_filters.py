"""Filters: what names an emotion, what is boilerplate, what repeats; near-duplicates against exact Jaccard."""

from __future__ import annotations

import pytest

from emotion_vectors.corpus import filters
from emotion_vectors.corpus.filters import clean, cut_at_sentence, distinct_fourgrams, echoes, is_degenerate

TEMPLATE = "Write one short story about {topic}. The main character is {emotion} all day long today without any rest."


STORY = "Tom walked home in the rain. He kicked a stone along the gutter and did not look up once."


@pytest.mark.parametrize(
    "before",
    ["Sure! Here is a short story:\n\n", "Here's a story of 120 words about a lost key:\n",
        "Here's a possible example of a story with a man who can be called sad, because of " + "rain and " * 12 + "wind:\n\n", "Certainly!\n\n", "# The Stone\n\n",
     "**The Stone**\n\n", "The Stone\n\n", "Title: The Stone\n", "Story: "],
)  # fmt: skip
def test_leading_boilerplate_is_taken_off(before: str) -> None:
    assert clean(before + STORY) == (STORY, True, False)


@pytest.mark.parametrize(
    "after",
    ["\n\nThis story shows how he felt.",
        "\n\nThis is a quiet little story about rain.", "\n\nNote: the word was avoided.", "\n(Word count: 120)", "\n\nHuman: Another one?",
     "\nAssistant: Tom", "<|im_end|>"],
)  # fmt: skip
def test_what_follows_a_text_is_taken_off_and_the_text_stays_whole(after: str) -> None:
    assert clean(STORY + after, finished=False) == (STORY, True, False)


SECOND = "At the corner a dog joined him, and they went on together."


@pytest.mark.parametrize(
    "remark",
    ["The reader will want to know why.", "That is all, since the story is too long already.", "Summary: Tom walks home.",
     "It isn't easy. This story has two halves, and Tom is the protagonist."],
)  # fmt: skip
def test_a_later_paragraph_that_talks_about_the_story_is_cut_off_with_all_that_follows(remark: str) -> None:
    for before in (STORY, f"{STORY}\n\n{SECOND}"):
        assert clean(f"{before}\n\n{remark}\n\nThe end", finished=False, story=True) == (before, True, False)
        assert clean(f"{before}\n\n{remark}", story=True) == (before, True, False)
    # In the first paragraph it can't be told from the story, which is dropped; and other texts may speak of readers.
    assert (
        fault(clean(f"{remark.replace('Summary:', 'The narrative is')} {STORY}", story=True).text) == filters.NOT_PROSE
    )
    if not remark.startswith("Summary"):
        assert clean(f"{STORY}\n\n{remark}").text.endswith(remark)


def test_paragraphs_that_tell_the_story_stay() -> None:
    text = f"{STORY}\n\n{SECOND}\n\nHe told her a story about readers, narrators and heroes."
    assert clean(text, story=True) == (text, False, False)


def test_a_story_that_only_sounds_like_boilerplate_is_left_alone() -> None:
    for text in (
        '"Sure, take it," she said and left.',
        "Here is where they had met, by the old mill. He waited.",
        STORY,
    ):
        assert clean(text) == (text, False, False)


def test_an_unfinished_text_ends_with_its_last_whole_sentence() -> None:
    assert clean(STORY + " Then he", finished=False) == (STORY, False, True)
    assert clean(STORY, finished=False) == (STORY, False, False)
    assert cut_at_sentence('"Stop!" he said. She') == '"Stop!" he said.'
    assert cut_at_sentence('He said, "Stop!" And') == 'He said, "Stop!"'
    assert cut_at_sentence("no end at all") == "no end at all"


def fault(text: str, **changes) -> str:
    values = {
        "tokens": 100,
        "template": TEMPLATE,
        "emotion": "sad",
        "synonyms": ("grief",),
        "min_words": 10,
        "min_tokens": 20,
    }
    return filters.story_fault(text, **(values | changes))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (STORY, ""), ("", filters.EMPTY), ("I'm sorry, but I can't write that story for you.", filters.BOILERPLATE),
        ("As an AI language model, I have no feelings, but once upon a time there was a man.", filters.BOILERPLATE),
        ("I cannot provide a text like this one, for reasons that I can't name here at all.", filters.BOILERPLATE),
        ("the main character is " + STORY, filters.NOT_PROSE), ("Tom went all day long today without any rest, he told his aunt.", filters.ECHO),
        ("- Tom walks home\n- He kicks a stone\n- He does not look up, not even once, all the way home", filters.NOT_PROSE),
        ("Tom walked home.", filters.TOO_SHORT), ("He went on and on. " * 10, filters.LOOP), (STORY + " ded" * 20, filters.LOOP),
        (STORY + " " + "ded" * 20, filters.LOOP), (STORY + " He was sad.", filters.NAMES), (STORY + " Such grief!", filters.NAMES),
    ],
)  # fmt: skip
def test_story_faults(text: str, reason: str) -> None:
    assert fault(text) == reason


def test_too_few_tokens_is_too_short() -> None:
    assert fault(STORY, tokens=19) == filters.TOO_SHORT
    assert fault(STORY, tokens=20) == ""


def test_a_character_may_refuse_and_a_topic_may_come_back() -> None:
    assert fault('Tom shook his head. "I can\'t help you with that," he said, and shut the door on the rain.') == ""
    topic = "a man who walks home in the rain and kicks a stone"
    assert not echoes(f"This is {topic}.", "Write about {topic}.")


def test_neutral_faults() -> None:
    text = (
        "Ice floats because water expands when it freezes, so that ice has a lower density than the liquid around it."
    )
    check = dict(
        tokens=40,
        template="{question} Answer in one paragraph.",
        emotions=("sad", "happy"),
        min_words=10,
        min_tokens=20,
    )
    assert filters.neutral_fault(text, **check) == ""
    assert filters.neutral_fault(text + " This makes fish happy.", **check) == filters.NAMES_ANY
    assert filters.neutral_fault("Ice floats.", **check) == filters.TOO_SHORT


def test_distinct_fourgrams_by_hand() -> None:
    assert distinct_fourgrams("a b c d") == 1
    assert distinct_fourgrams("a b c") == 1
    # a b c d a b c d: runs abcd bcda cdab dabc abcd -> 4 of 5
    assert distinct_fourgrams("a b c d a b c d") == 0.8
    assert is_degenerate("a b c d " * 6)
    assert not is_degenerate(STORY)


@pytest.mark.parametrize(
    "after",
    [" (A single sentence)", " Feel: bright smile", "\nMood: quiet, grey", " [End of the story.]", "\n\n(120 words)"],
)
def test_an_afterword_on_the_task_is_no_part_of_a_story(after: str) -> None:
    assert clean(STORY + after, story=True) == (STORY, True, False)


@pytest.mark.parametrize(
    "after",
    [
        " (She never came back.)",
        ' "Wait: not yet," she said.',
        " She counted: one, two, three.",
        " He wrote two words: not yet.",
    ],
)
def test_a_storys_own_end_stays(after: str) -> None:
    assert clean(STORY + after, story=True).text == STORY + after
