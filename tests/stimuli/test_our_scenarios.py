"""Our held-out and retrieval scenarios: one answer each, which no word, length or sign of the text gives away."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

import pytest

from emotion_vectors.corpus.naming import named, naming_pattern
from emotion_vectors.stimuli import Pack, Scenario, load_pack
from emotion_vectors.stimuli.published import published_items_among
from stimuli.test_our_stimuli import highest_overlap, named_emotions

NEGATION = re.compile(r"\b(?:no|not|never|nothing|nobody|neither|none|without|cannot)\b|n't\b", re.IGNORECASE)
REQUEST = re.compile(
    r"\b(?:choose|decide|describe|draft|explain|find|give|help|invent|name|phrase|pick|set|show|suggest|sum|tell|"
    r"think|word|write)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack()


@pytest.fixture(scope="module")
def scenarios(pack: Pack) -> tuple[Scenario, ...]:
    """Both new lists."""
    return pack.heldout_scenarios + pack.retrieval_scenarios


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:['-][a-z]+)*", text.lower())


def runs_of(text: str, length: int) -> set[tuple[str, ...]]:
    """All runs of so many consecutive words."""
    words = words_of(text)
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def sentences_of(text: str) -> list[str]:
    return re.split(r"(?<=[.?!])\s+", text)


def length_of(scenario: Scenario) -> int:
    return len(scenario.prompt.split())


def test_three_for_each_scenario_emotion_and_one_for_every_emotion(pack: Pack) -> None:
    twelve = [scenario.emotion for scenario in pack.scenarios]
    assert len(pack.heldout_scenarios) == 36
    assert [scenario.emotion for scenario in pack.heldout_scenarios] == [word for word in twelve for _ in range(3)]
    assert len(pack.retrieval_scenarios) == 171
    assert [scenario.emotion for scenario in pack.retrieval_scenarios] == list(pack.emotions)


def test_the_naming_filter_of_the_stories_finds_nothing(pack: Pack, scenarios: tuple[Scenario, ...]) -> None:
    own = {s.name: found for s in scenarios if (found := named(s.prompt, s.emotion, pack.synonyms[s.emotion]))}
    assert own == {}
    of_any = naming_pattern(pack.emotions)
    assert {s.name: words for s in scenarios for words in [of_any.findall(s.prompt)] if words} == {}


def test_no_synonym_of_any_emotion_and_no_word_of_the_same_stem(pack: Pack, scenarios: tuple[Scenario, ...]) -> None:
    assert {s.name: found for s in scenarios if (found := named_emotions(s.prompt, pack))} == {}
    # The names are shown next to the prompts, and they too should not tell.
    assert [s.name for s in scenarios if named(s.name, s.emotion, pack.synonyms[s.emotion])] == []


def test_lengths_and_sentences(pack: Pack, scenarios: tuple[Scenario, ...]) -> None:
    assert all(20 <= length_of(scenario) <= 45 for scenario in scenarios)
    assert all(1 <= len(sentences_of(scenario.prompt)) <= 3 for scenario in pack.heldout_scenarios)
    assert all(2 <= len(sentences_of(scenario.prompt)) <= 5 for scenario in pack.retrieval_scenarios)


def test_each_ends_in_a_question_or_a_request(scenarios: tuple[Scenario, ...]) -> None:
    ends = {scenario.name: sentences_of(scenario.prompt)[-1] for scenario in scenarios}
    assert all(text.endswith(("?", ".")) for text in ends.values())
    assert [name for name, text in ends.items() if text.endswith(".") and not REQUEST.search(text)] == []


def test_no_signs_that_a_model_could_read_instead(scenarios: tuple[Scenario, ...]) -> None:
    # Exclamation marks would shout the strong emotions; digits are kept for the numeric templates.
    assert [scenario.name for scenario in scenarios if re.search(r"[!\d*_{}<>\n]|[A-Z]{2}", scenario.prompt)] == []


def test_the_three_of_an_emotion_are_as_long_and_as_put_as_those_of_another(pack: Pack) -> None:
    for emotion in {scenario.emotion for scenario in pack.heldout_scenarios}:
        three = [scenario for scenario in pack.heldout_scenarios if scenario.emotion == emotion]
        assert sum(scenario.prompt.endswith("?") for scenario in three) == 2, emotion
        assert sum(scenario.prompt.count("?") for scenario in three) == 2, emotion
        assert sum(bool(NEGATION.search(scenario.prompt)) for scenario in three) == 1, emotion
        assert abs(mean(map(length_of, three)) - mean(map(length_of, pack.heldout_scenarios))) < 3.5, emotion


Measure = Callable[[Scenario], float]


@pytest.mark.parametrize(
    ("measure", "within"),
    [
        pytest.param(length_of, 1.0, id="words"),
        pytest.param(lambda scenario: float(scenario.prompt.endswith("?")), 0.1, id="questions"),
        pytest.param(lambda scenario: scenario.prompt.count("?"), 0.1, id="question marks"),
        pytest.param(lambda scenario: scenario.prompt.count(","), 0.5, id="commas"),
        pytest.param(lambda scenario: float(bool(NEGATION.search(scenario.prompt))), 0.15, id="negations"),
    ],
)
def test_the_form_does_not_tell_positive_from_negative(measure: Measure, within: float, pack: Pack) -> None:
    means = [
        mean(measure(scenario) for scenario in pack.retrieval_scenarios if pack.valence[scenario.emotion] == label)
        for label in ("positive", "negative")
    ]
    assert abs(means[0] - means[1]) < within


def test_names_prompts_sentences_and_openings_are_all_different(pack: Pack, scenarios: tuple[Scenario, ...]) -> None:
    everything = (*pack.scenarios, *scenarios)
    parts: dict[str, Sequence[str]] = {
        "name": [scenario.name.lower() for scenario in everything],
        "prompt": [scenario.prompt.lower() for scenario in everything],
        "sentence": [sentence.lower() for scenario in everything for sentence in sentences_of(scenario.prompt)],
        "opening": [" ".join(words_of(scenario.prompt)[:3]) for scenario in everything],
    }
    for part, texts in parts.items():
        assert [text for text, count in Counter(texts).items() if count > 1] == [], part


def test_no_two_share_five_words_in_a_row_or_much_of_their_wording(pack: Pack, scenarios: tuple[Scenario, ...]) -> None:
    everything = (*pack.scenarios, *scenarios)
    shared = Counter(run for scenario in everything for run in runs_of(scenario.prompt, 5))
    assert [run for run, count in shared.items() if count > 1] == []
    assert highest_overlap([s.prompt for s in everything], [], same=True) < 0.3


def test_nothing_is_a_published_text(scenarios: tuple[Scenario, ...]) -> None:
    texts = [scenario.prompt for scenario in scenarios]
    assert published_items_among("scenarios", texts) == published_items_among("topics", texts) == 0


def test_no_six_words_in_a_row_are_published(scenarios: tuple[Scenario, ...], published_folder: Path) -> None:
    published = json.loads((published_folder / "scenarios.json").read_text(encoding="utf-8"))
    theirs = {run for item in published for run in runs_of(item["prompt"], 6)}
    assert theirs and [s.name for s in scenarios if runs_of(s.prompt, 6) & theirs] == []
    assert highest_overlap([s.prompt for s in scenarios], [item["prompt"] for item in published]) < 0.3
