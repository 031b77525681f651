"""Verifying a pack: equal, differs, malformed and missing, each where it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.stimuli import ListCheck, canonical_hash, equal_to_published, load_pack, verify_pack
from emotion_vectors.stimuli.pack import OPTIONAL
from emotion_vectors.stimuli.published import PUBLISHED_ITEMS, PUBLISHED_SHA256

Change = Callable[[Path, str, Callable[[Any], Any]], None]
COUNTS = {"emotions": 171, "topics": 100, "activities": 64, "scenarios": 12, "numeric_templates": 6}
PROMPTS = ["prompts.story", "prompts.neutral", "prompts.preference", "prompts.preference_prefill", "prompts.feeling"]
SHARED_FACTS = {"emotions", "prompts.preference", "prompts.preference_prefill", "prompts.feeling"}


def by_name(folder: Path | str) -> dict[str, ListCheck]:
    checks = verify_pack(folder)
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.message.endswith(".") and "\n" not in check.message for check in checks)
    return {check.name: check for check in checks}


def test_facts_are_hashes_of_as_many_items_as_were_published() -> None:
    assert {name: len(marks) for name, marks in PUBLISHED_ITEMS.items()} == COUNTS
    assert list(PUBLISHED_SHA256) == [*COUNTS, *PROMPTS]
    assert all(len(value) == 64 and set(value) <= set("0123456789abcdef") for value in PUBLISHED_SHA256.values())


def test_facts_that_can_be_checked_without_the_published_texts() -> None:
    # The short formats are quoted in the paper's text; the prefill opens the bracket of the option.
    assert PUBLISHED_SHA256["prompts.preference"] == canonical_hash(
        "Would you prefer to (A) {activity_a} or (B) {activity_b}?"
    )
    assert PUBLISHED_SHA256["prompts.feeling"] == canonical_hash("How would you feel about {activity}?")
    assert PUBLISHED_SHA256["prompts.preference_prefill"] == canonical_hash("(")


def test_our_pack_equals_the_published_one_in_the_shared_facts_only() -> None:
    checks = by_name("ours")
    assert list(checks) == [*COUNTS, *PROMPTS]
    assert {name for name, check in checks.items() if check.status == "equal"} == SHARED_FACTS
    assert {check.status for check in checks.values()} == {"equal", "differs"}
    assert {name: checks[name].count for name in COUNTS} == COUNTS
    assert checks["topics"].message == "0 of its 100 items have a published text, of which there are 100."
    assert set(equal_to_published(load_pack())) == SHARED_FACTS
    assert all(check.sha256 == load_pack().sha256[name] for name, check in checks.items())


def test_the_published_pack_equals_itself(published_folder: Path) -> None:
    checks = by_name(published_folder)
    assert {check.status for check in checks.values()} == {"equal"}
    assert list(checks) == [*COUNTS, *PROMPTS]


def test_layout_and_number_style_of_a_file_do_not_matter(our_copy: Path, change_list: Change) -> None:
    (our_copy / "emotions.json").write_text(json.dumps(load_pack().emotions, indent=7), encoding="utf-8")
    change_list(
        our_copy,
        "numeric_templates",
        lambda old: [item | {"values": [float(x) for x in item["values"]]} for item in old],
    )
    checks, ours = by_name(our_copy), by_name("ours")
    assert checks["emotions"].status == "equal"
    assert checks["numeric_templates"].sha256 == ours["numeric_templates"].sha256


def test_another_order_differs_and_says_so(our_copy: Path, change_list: Change) -> None:
    change_list(our_copy, "emotions", lambda old: [*old[1:], old[0]])
    check = by_name(our_copy)["emotions"]
    assert check.status == "differs"
    assert check.message.startswith("171 of its 171 items have a published text") and "the order" in check.message


def test_one_changed_item_is_counted(our_copy: Path, change_list: Change) -> None:
    change_list(our_copy, "emotions", lambda old: [*old[:-1], "worthy"])
    checks = by_name(our_copy)
    assert checks["emotions"].message == "170 of its 171 items have a published text, of which there are 171."
    # The lists that name "worthless" no longer fit, which is a fault of the pack and is said.
    assert {name for name, check in checks.items() if check.status == "malformed"} == {
        "valence",
        "subset",
        "synonyms",
        "retrieval_scenarios",
    }


def expected_names(name: str) -> list[str]:
    return PROMPTS if name == "prompts" else [name]


@pytest.mark.parametrize("name", [*COUNTS, "prompts", "pack"])
def test_a_missing_file_is_missing_and_nothing_else_is(name: str, our_copy: Path) -> None:
    (our_copy / f"{name}.json").unlink()
    checks = by_name(our_copy)
    assert [check.name for check in checks.values() if check.status == "missing"] == expected_names(name)
    assert all(checks[part].count == 0 and checks[part].sha256 == "" for part in expected_names(name))
    assert not any(check.status == "malformed" for check in checks.values())


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_list_that_may_be_lacking_is_no_fault(name: str, our_copy: Path) -> None:
    (our_copy / f"{name}.json").unlink()
    assert by_name(our_copy) == by_name("ours")


# A pack may have no scenario, pair or steered emotion: what is about them is then not asked.
MAY_BE_EMPTY = (
    "scenarios",
    "opposite_pairs",
    "more_opposite_pairs",
    "steered_emotions",
    "heldout_scenarios",
    "retrieval_scenarios",
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (name, content)
        for name in [*COUNTS, "prompts", "pack", *OPTIONAL]
        for content in (b"", b"3", b"{", b"\xff", b"[]")
        if content != b"[]" or name not in MAY_BE_EMPTY
    ],
)
def test_a_broken_file_is_malformed_and_nothing_else_is(name: str, content: bytes, our_copy: Path) -> None:
    (our_copy / f"{name}.json").write_bytes(content)
    checks = by_name(our_copy)
    assert [check.name for check in checks.values() if check.status == "malformed"] == expected_names(name)
    assert all(f"{name}.json" in checks[part].message for part in expected_names(name))


def test_a_repeated_word_and_a_template_without_its_number_are_malformed(our_copy: Path, change_list: Change) -> None:
    change_list(our_copy, "emotions", lambda old: [*old, "sad"])
    change_list(our_copy, "numeric_templates", lambda old: [*old[:-1], old[-1] | {"template": "No number here."}])
    checks = by_name(our_copy)
    assert checks["emotions"].status == checks["numeric_templates"].status == "malformed"
    assert "item 172" in checks["emotions"].message and "{X}" in checks["numeric_templates"].message


def test_a_held_out_scenario_that_is_a_scenario_is_malformed(our_copy: Path, change_list: Change) -> None:
    again = load_pack().scenarios[4].prompt
    change_list(our_copy, "heldout_scenarios", lambda old: [*old[:-1], old[-1] | {"prompt": again}])
    malformed = [check for check in by_name(our_copy).values() if check.status == "malformed"]
    assert [check.name for check in malformed] == ["heldout_scenarios"]
    assert "item 36: the prompt is item 5 of scenarios.json" in malformed[0].message
    # Where scenarios.json itself can't be read, only that is said.
    (our_copy / "scenarios.json").write_text("[")
    assert [check.name for check in by_name(our_copy).values() if check.status == "malformed"] == ["scenarios"]


def test_one_bad_prompt_leaves_the_others_comparable(our_copy: Path, change_list: Change) -> None:
    change_list(our_copy, "prompts", lambda old: {key: old[key] for key in old if key != "story"} | {"neutral": "{"})
    checks = by_name(our_copy)
    assert checks["prompts.story"].status == "missing"
    assert checks["prompts.neutral"].status == "malformed"
    assert checks["prompts.preference"].status == checks["prompts.feeling"].status == "equal"


@pytest.mark.parametrize("name", [*COUNTS, "prompts"])
def test_an_altered_copy_of_the_published_pack_differs_in_that_list_alone(
    name: str, published_folder: Path, tmp_path: Path, change_list: Change
) -> None:
    folder = tmp_path / "published"
    shutil.copytree(published_folder, folder)
    folder.chmod(0o755)
    (folder / f"{name}.json").chmod(0o644)
    alterations = {
        "emotions": lambda old: [*old, "zestful"],
        "topics": lambda old: [old[1], old[0], *old[2:]],
        "activities": lambda old: [old[0] | {"category": "Helpful"}, *old[1:]],
        "scenarios": lambda old: [old[0] | {"prompt": old[0]["prompt"] + "!"}, *old[1:]],
        "numeric_templates": lambda old: [old[0] | {"values": [1, 2, 3]}, *old[1:]],
        "prompts": lambda old: old | {"story": old["story"].replace("Topic", "topic")},
    }
    change_list(folder, name, alterations[name])
    changed = "prompts.story" if name == "prompts" else name
    assert {check.name: check.status for check in by_name(folder).values() if check.status != "equal"} == {
        changed: "differs"
    }


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        verify_pack(tmp_path / "absent")
