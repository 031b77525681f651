"""Our further opposite pairs and our templates with twins: enough of them, fixed in form, nothing named, nothing copied."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emotion_vectors.corpus.naming import naming_pattern
from emotion_vectors.errors import UserError
from emotion_vectors.stimuli import NUMERIC_EMOTIONS, Pack, load_pack
from emotion_vectors.stimuli.published import published_items_among
from stimuli.test_our_stimuli import highest_overlap, named_emotions, words_of

Change = Callable[[Path, str, Callable[[Any], Any]], None]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack()


@pytest.fixture(scope="module")
def sentences(pack: Pack) -> list[str]:
    """Every template, twin and other severity."""
    return [text for one in pack.more_numeric_templates for text in (one.base.template, one.twin, one.severity)]


def test_at_least_thirty_pairs_of_opposite_labels_and_a_word_in_two_at_most(pack: Pack) -> None:
    pairs = pack.more_opposite_pairs
    assert len(pairs) >= 30
    assert all((pack.valence[a], pack.valence[b]) == ("positive", "negative") for a, b in pairs)
    assert max(Counter(word for pair in pairs for word in pair).values()) <= 2
    assert not {frozenset(pair) for pair in pairs} & {frozenset(pair) for pair in pack.opposite_pairs}


def test_at_least_eighteen_templates_with_six_to_eight_values_and_reasons(pack: Pack) -> None:
    assert len(pack.more_numeric_templates) >= 18
    for one in pack.more_numeric_templates:
        assert 6 <= len(one.base.values) <= 8
        assert all(len(one.base.reasons[emotion].split()) >= 4 for emotion in NUMERIC_EMOTIONS)
        assert set(one.base.expected.values()) != {"none"} != set(one.severity_expected.values())
        assert len(one.severity_reason.split()) >= 4


def test_every_emotion_is_expected_to_rise_and_to_fall_about_as_often(pack: Pack) -> None:
    """Or a drift of all sentences with a number could pass for meaning."""
    for signs in (
        [one.base.expected for one in pack.more_numeric_templates],
        [one.severity_expected for one in pack.more_numeric_templates],
    ):
        for emotion in NUMERIC_EMOTIONS:
            count = Counter(one[emotion] for one in signs)
            assert min(count["+"], count["-"]) >= 5 and abs(count["+"] - count["-"]) <= 3


def test_a_twin_shares_the_frame_and_not_the_matter(pack: Pack) -> None:
    for one in pack.more_numeric_templates:
        base, twin, severity = (set(words_of(text)) for text in (one.base.template, one.twin, one.severity))
        assert 0.3 <= len(base & twin) / len(base | twin) < 1 and base - twin, one.base.name
        assert len(base & severity) / len(base | severity) >= 0.3, one.base.name
        # As long as each other, and the number at about the same place.
        assert abs(len(one.base.template.split()) - len(one.twin.split())) <= 3, one.base.name
        places = [text.split().index("{X}") if "{X}" in text.split() else -1 for text in (one.base.template, one.twin)]
        assert abs(places[0] - places[1]) <= 3, one.base.name


@pytest.mark.slow
def test_no_sentence_names_an_emotion(pack: Pack, sentences: list[str]) -> None:
    assert {text: found for text in sentences if (found := named_emotions(text, pack))} == {}
    pattern = naming_pattern(pack.emotions)
    assert [text for text in sentences if pattern.search(text)] == []


def test_nothing_is_copied_and_nothing_is_there_twice(pack: Pack, sentences: list[str]) -> None:
    assert published_items_among("numeric_templates", sentences) == 0
    assert len(set(sentences)) == len(sentences)
    first = [template.template for template in pack.numeric_templates]
    assert highest_overlap([one.base.template for one in pack.more_numeric_templates], first) < 0.45


def test_no_sentence_is_a_variant_of_a_published_one(sentences: list[str], published_folder: Path) -> None:
    published = json.loads((published_folder / "numeric_templates.json").read_text(encoding="utf-8"))
    assert highest_overlap(sentences, [item["template"] for item in published]) < 0.45


def test_prompts_fill_all_three_with_the_same_values(pack: Pack) -> None:
    one = pack.more_numeric_templates[0]
    for template, filled in zip((one.base.template, one.twin, one.severity), one.prompts(), strict=True):
        assert list(filled) == [template.replace("{X}", f"{value:g}") for value in one.base.values]


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (
            lambda old: [old[0] | {"twin": "no number"}, *old[1:]],
            "item 1, 'twin': a template needs {X} exactly once",
        ),
        (lambda old: [{**old[0], "twin": old[0]["template"]}, *old[1:]], "the sentences"),
        (lambda old: [{k: v for k, v in old[0].items() if k != "severity"}], "severity"),
        (lambda old: [old[0] | {"severity": {**old[0]["severity"], "expected": {"sad": "up"}}}], "severity"),
        (lambda old: [old[0] | {"values": [3, 2, 1]}], "the values must rise"),
    ],
)
def test_damaged_templates_are_named(
    alter: Callable[[Any], Any], words: str, our_copy: Path, change_list: Change
) -> None:
    change_list(our_copy, "more_numeric_templates", alter)
    with pytest.raises(UserError) as caught:
        load_pack(our_copy)
    assert "more_numeric_templates.json" in str(caught.value) and words in str(caught.value)


def test_a_word_in_three_pairs_is_refused(our_copy: Path, change_list: Change) -> None:
    change_list(our_copy, "more_opposite_pairs", lambda old: [["calm", "tense"], ["calm", "upset"], ["calm", "mad"]])
    with pytest.raises(UserError, match="'calm' is in 3 pairs; a word may be in two at most"):
        load_pack(our_copy)


def test_a_pack_with_none_of_our_pairs_gets_an_empty_list(our_copy: Path, change_list: Change) -> None:
    emotions = ["afraid", "calm", "happy", "sad"]
    change_list(our_copy, "emotions", lambda old: emotions)
    change_list(our_copy, "scenarios", lambda old: [item for item in old if item["emotion"] in emotions])
    for path in our_copy.glob("*.json"):
        if path.stem not in ("pack", "emotions", "topics", "activities", "scenarios", "numeric_templates", "prompts"):
            path.unlink()
    pack = load_pack(our_copy)
    assert pack.more_opposite_pairs == () and "more_opposite_pairs" in pack.supplied
    assert len(pack.more_numeric_templates) == 18
