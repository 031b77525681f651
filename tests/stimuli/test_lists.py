"""Damaged packs: each fault is one clear sentence that names the file and the place, and nothing else is raised."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.pack import OPTIONAL, REQUIRED
from stimuli.damaged import complaint

OUR_DATA = Path(str(resources.files("emotion_vectors.stimuli"))) / "data" / "ours"


Change = Callable[[Path, str, Callable[[Any], Any]], None]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named(name: str, our_copy: Path) -> None:
    (our_copy / f"{name}.json").unlink()
    assert f"{name}.json: the pack has no such file" in complaint(our_copy)


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"3", "expected a"),
        (b"null", "expected a"),
        (b'"text"', "expected a"),
        (b'["a", ', "is not JSON"),
        (b'["\xff\xfe"]', "is not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "too many digits"),
        (b"[NaN]", "NaN is not a JSON number"),
        (b'{"a": 1, "a": 2}', "the key 'a' appears twice"),
        (b" " * 5_000_001, "larger than 5 MB"),
    ],
)
def test_a_broken_file_is_named(name: str, content: bytes, words: str, our_copy: Path) -> None:
    (our_copy / f"{name}.json").write_bytes(content)
    sentence = complaint(our_copy)
    assert f"{name}.json" in sentence and words in sentence


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
def test_a_folder_in_place_of_a_file_is_named(name: str, our_copy: Path) -> None:
    (our_copy / f"{name}.json").unlink()
    (our_copy / f"{name}.json").mkdir()
    assert f"{name}.json: this is a folder" in complaint(our_copy)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions don't bind here")
def test_an_unreadable_file_is_named(our_copy: Path) -> None:
    (our_copy / "topics.json").chmod(0)
    assert "topics.json: can't be read" in complaint(our_copy)


@pytest.mark.parametrize("source", ["", "no/such/folder", "a\0b", "x" * 5000])
def test_a_source_that_is_no_folder_is_refused(source: str) -> None:
    with pytest.raises(UserError, match="is not a folder; give 'ours'"):
        load_pack(source)


def test_a_file_as_source_is_refused(our_copy: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        load_pack(our_copy / "topics.json")


def replaced(index: int | str, value: Any) -> Callable[[Any], Any]:
    """A function that puts `value` at `index` of a list or an object."""

    def alter(old: Any) -> Any:
        new = copy.copy(old)
        new[index] = value
        return new

    return alter


def inside(index: int | str, alter: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that alters the part at `index`."""
    return lambda old: replaced(index, alter(old[index]))(old)


def without(key: str) -> Callable[[Any], Any]:
    """A function that removes a key or a word."""
    return lambda old: [x for x in old if x != key] if isinstance(old, list) else {k: old[k] for k in old if k != key}


OUR_DOCK = json.loads((OUR_DATA / "scenarios.json").read_text(encoding="utf-8"))[4]["prompt"]


FAULTS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("pack", without("version"), "the key 'version' is missing"),
    ("emotions", lambda old: [*old, "happy"], "item 172: 'happy' is item 61 again"),
    ("emotions", lambda old: [*old, " happy"], "item 172: the text ' happy' begins or ends with a space"),
    ("emotions", replaced(0, "Afraid"), "item 1: an emotion word must be in lower case"),
    ("emotions", lambda old: old[:1], "the list has 1 items and needs at least 2"),
    ("topics", replaced(4, ""), "item 5: the text is empty"),
    ("topics", replaced(4, 7), "item 5: expected a text, found a number"),
    ("topics", replaced(4, "one\x1b[31m"), "item 5: the text has the control character '\\x1b'"),
    ("topics", replaced(4, "x" * 3000), "item 5: the text has 3000 characters"),
    ("topics", lambda old: [*old, old[1].upper()], "item 101: 'A GIRL RIDES THE LAST BUS HOME.' is item 2 again"),
    ("topics", lambda old: [], "the list has 0 items"),
    ("activities", inside(2, without("category")), "item 3: the key 'category' is missing"),
    ("activities", inside(2, replaced("category", "Unsaf")), "item 3, 'category': 'Unsaf' is not a category (Helpful,"),
    ("activities", inside(2, replaced("note", "x")), "item 3: the key 'note' is unknown"),
    ("activities", lambda old: [*old, old[0]], "item 65:"),
    ("scenarios", inside(0, replaced("emotion", "hungry")), "'emotion': 'hungry' is not in the pack's emotions.json"),
    ("scenarios", inside(1, replaced("emotion", "happy")), "emotion, item 2: 'happy' is item 1 again"),
    (
        "numeric_templates",
        inside(0, replaced("template", "No number.")),
        "'template': a template needs {X} exactly once",
    ),
    ("numeric_templates", inside(0, replaced("template", "{X} {X}")), "'template': a template needs {X} exactly once"),
    (
        "numeric_templates",
        inside(0, replaced("values", [1, "2", 3])),
        "'values', item 2: expected a number, found a text",
    ),
    (
        "numeric_templates",
        inside(0, replaced("values", [1, True, 3])),
        "'values', item 2: expected a number, found true",
    ),
    ("numeric_templates", inside(0, replaced("values", [1, 3, 2])), "'values', item 3: the values must rise"),
    ("numeric_templates", inside(0, replaced("values", [1, 2, 10**400])), "'values', item 3: the number is too large"),
    ("numeric_templates", inside(0, replaced("values", [1, 2])), "'values': the list has 2 items and needs at least 3"),
    ("numeric_templates", inside(0, inside("expected", replaced("sad", "up"))), "'sad': 'up' is not \"+\", \"-\""),
    ("numeric_templates", inside(0, inside("expected", replaced("bored", "+"))), "the key 'bored' is unknown"),
    ("prompts", without("story"), "the key 'story' is missing"),
    ("prompts", replaced("story", "{emotion}"), "'story': the placeholder {topic} is missing"),
    ("prompts", replaced("story", "{emotion} {topic} {x}"), "'story': the placeholder 'x' in braces is unknown"),
    ("prompts", replaced("story", "{emotion} {topic} {"), "'story': the braces don't match"),
    ("prompts", replaced("story", "{emotion!r} {topic}"), "'story': the placeholder 'emotion' has a format"),
    ("prompts", replaced("story", "{emotion.__class__} {topic} {emotion}"), "'emotion.__class__' in braces is unknown"),
    ("prompts", replaced("neutral", "{question} {topic}"), "'neutral': a neutral prompt needs either"),
    ("prompts", replaced("neutral", "no placeholder"), "'neutral': a neutral prompt needs either"),
    ("prompts", replaced("preference", "{activity_a}"), "'preference': the placeholder {activity_b} is missing"),
    ("valence", inside("labels", replaced("sad", "bad")), "'labels', 'sad': 'bad' is not 'positive' or 'negative'"),
    ("valence", inside("labels", replaced("hungry", "positive")), "'labels': 'hungry' is not in the pack's"),
    ("valence", inside("ambiguous", replaced("hungry", "why")), "'ambiguous': 'hungry' is not in the pack's"),
    ("opposite_pairs", replaced(0, ["happy"]), "item 1: a pair has two emotions, this one has 1"),
    ("opposite_pairs", replaced(0, ["happy", "happy"]), "item 1, item 2: 'happy' is item 1 again"),
    ("opposite_pairs", lambda old: [*old, ["sad", "happy"]], "item 6:"),
    ("steered_emotions", replaced(0, "hungry"), "item 1: 'hungry' is not in the pack's emotions.json"),
    ("steered_emotions", lambda old: [*old, old[0]], "item 36:"),
    ("subset", without("sad"), "'sad' is missing"),
    ("synonyms", replaced("sad", ["Blue"]), "'sad', item 1: a synonym must be in lower case"),
    ("synonyms", replaced("hungry", ["starved"]), "'hungry' is not in the pack's emotions.json"),
    ("neutral_questions", lambda old: [*old, old[0]], "item 201:"),
    ("heldout_scenarios", inside(3, without("name")), "item 4: the key 'name' is missing"),
    ("heldout_scenarios", inside(3, replaced("note", "x")), "item 4: the key 'note' is unknown"),
    ("heldout_scenarios", inside(3, replaced("emotion", "hungry")), "item 4, 'emotion': 'hungry' is not in the pack's"),
    ("heldout_scenarios", inside(3, replaced("prompt", " ")), "item 4, 'prompt': the text is empty"),
    ("heldout_scenarios", lambda old: [*old, old[7] | {"name": "Another"}], "prompt, item 37:"),
    ("heldout_scenarios", lambda old: [*old, old[7] | {"prompt": "Another?"}], "name, item 37: "),
    ("heldout_scenarios", inside(3, replaced("prompt", OUR_DOCK.upper())), "item 4: the prompt is item 5 of scenarios"),
    ("retrieval_scenarios", inside(9, without("emotion")), "item 10: the key 'emotion' is missing"),
    ("retrieval_scenarios", inside(9, replaced("emotion", "Sad")), "item 10, 'emotion': 'Sad' is not in the pack's"),
    ("retrieval_scenarios", inside(9, replaced("emotion", "afraid")), "emotion, item 10: 'afraid' is item 1 again"),
    ("retrieval_scenarios", inside(9, replaced("prompt", 5)), "item 10, 'prompt': expected a text, found a number"),
    ("retrieval_scenarios", lambda old: [*old, old[0]], "item 172: "),
]


@pytest.mark.parametrize(("name", "alter", "words"), FAULTS, ids=[f"{name}-{words[:40]}" for name, _, words in FAULTS])
def test_a_wrong_list_is_refused_with_the_place(
    name: str, alter: Callable[[Any], Any], words: str, our_copy: Path, change_list: Change
) -> None:
    change_list(our_copy, name, alter)
    sentence = complaint(our_copy)
    assert f"{name}.json" in sentence and words in sentence
