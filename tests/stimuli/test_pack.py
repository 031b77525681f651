"""Loading a pack: what is read is what the files say, and what a pack lacks comes from ours, openly."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from emotion_vectors.stimuli import NUMERIC_EMOTIONS, canonical_hash, equal_to_published, load_pack
from emotion_vectors.stimuli.pack import OPTIONAL, REQUIRED

OUR_DATA = Path(str(resources.files("emotion_vectors.stimuli"))) / "data" / "ours"
Change = Callable[[Path, str, Callable[[Any], Any]], None]


def test_canonical_form_is_sorted_compact_utf8_with_plain_numbers() -> None:
    expected = '["é",{"a":[2,0.5,true,null],"b":500}]'.encode()
    assert canonical_hash(["é", {"b": 500.0, "a": [2, 0.5, True, None]}]) == hashlib.sha256(expected).hexdigest()
    # The SHA-256 of the two bytes "[]", as sha256sum prints it.
    assert canonical_hash([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    assert canonical_hash(["a", "b"]) != canonical_hash(["b", "a"])


def test_our_pack_is_what_its_files_say() -> None:
    pack = load_pack()
    files = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in OUR_DATA.glob("*.json")}
    assert set(files) == {*REQUIRED, *OPTIONAL}
    assert list(pack.emotions) == files["emotions"]
    assert list(pack.topics) == files["topics"]
    assert [vars(activity) for activity in pack.activities] == files["activities"]
    assert [vars(scenario) for scenario in pack.scenarios] == files["scenarios"]
    assert [vars(scenario) for scenario in pack.heldout_scenarios] == files["heldout_scenarios"]
    assert [vars(scenario) for scenario in pack.retrieval_scenarios] == files["retrieval_scenarios"]
    assert [vars(item) | {"values": list(item.values)} for item in pack.numeric_templates] == files["numeric_templates"]
    assert vars(pack.prompts) == files["prompts"]
    assert list(pack.neutral_questions) == files["neutral_questions"]
    assert pack.valence == files["valence"]["labels"]
    assert pack.valence_ambiguous == set(files["valence"]["ambiguous"])
    assert [list(pair) for pair in pack.opposite_pairs] == files["opposite_pairs"]
    assert list(pack.steered_emotions) == files["steered_emotions"]
    assert list(pack.subset) == files["subset"]
    assert {emotion: list(words) for emotion, words in pack.synonyms.items()} == files["synonyms"]
    for name in ("topics", "valence", "synonyms", "heldout_scenarios", "retrieval_scenarios"):
        assert pack.sha256[name] == canonical_hash(files[name])
    assert pack.sha256["prompts.story"] == canonical_hash(files["prompts"]["story"])


def test_a_copy_in_a_folder_is_the_same_pack(our_copy: Path) -> None:
    assert load_pack(our_copy) == load_pack() == load_pack(str(our_copy))


def test_a_number_is_written_into_a_template_as_a_reader_would_write_it() -> None:
    template = load_pack().numeric_templates[0]
    assert template.fill(1_000_000.0).count("1000000 ") == 1
    assert "37.5 " in template.fill(37.5)
    assert "{X}" not in template.fill(0)


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_list_that_the_pack_lacks_comes_from_ours_and_is_named(name: str, our_copy: Path) -> None:
    (our_copy / f"{name}.json").unlink()
    pack = load_pack(our_copy)
    assert pack.supplied == (name,)
    assert pack.sha256 == load_pack().sha256
    assert getattr(pack, name) == getattr(load_pack(), name)


def cut_to(our_copy: Path, change_list: Change, emotions: list[str]) -> None:
    """Make the copy a pack with other emotions that has only the lists that a pack must have."""
    change_list(our_copy, "emotions", lambda old: emotions)
    change_list(our_copy, "scenarios", lambda old: [item for item in old if item["emotion"] in emotions])
    for name in OPTIONAL:
        (our_copy / f"{name}.json").unlink()


def test_lists_from_ours_are_cut_down_to_the_emotions_of_the_pack(our_copy: Path, change_list: Change) -> None:
    emotions = ["afraid", "calm", "desperate", "happy", "hostile", "sad"]
    cut_to(our_copy, change_list, emotions)
    pack = load_pack(our_copy)
    assert set(pack.valence) == set(pack.synonyms) == set(emotions)
    assert pack.opposite_pairs == (("happy", "sad"), ("calm", "desperate"))
    assert set(pack.steered_emotions) == set(emotions) - {"happy"}
    assert pack.subset == ("happy", "sad", "afraid", "calm", "desperate", "hostile")
    assert set(pack.supplied) == set(OPTIONAL)
    assert pack.valence_ambiguous == frozenset()
    assert Counter(item.emotion for item in pack.heldout_scenarios) == dict.fromkeys(
        sorted({*emotions} - {"hostile"}), 3
    )
    assert [item.emotion for item in pack.retrieval_scenarios] == emotions
    # What is hashed is what is used, not the whole of our list.
    used = [vars(scenario) for scenario in pack.retrieval_scenarios]
    assert pack.sha256["retrieval_scenarios"] == canonical_hash(used) != load_pack().sha256["retrieval_scenarios"]


def test_our_held_out_scenario_is_left_out_where_the_pack_uses_it_as_a_scenario(
    our_copy: Path, change_list: Change
) -> None:
    taken = next(item for item in load_pack().heldout_scenarios if item.emotion == "sad")
    (our_copy / "heldout_scenarios.json").unlink()
    others = [item for item in load_pack().scenarios if item.emotion != "sad"]
    change_list(our_copy, "scenarios", lambda old: [vars(taken) | {"prompt": taken.prompt.upper()}, *map(vars, others)])
    left = load_pack(our_copy).heldout_scenarios
    assert left == tuple(item for item in load_pack().heldout_scenarios if item != taken) and len(left) == 35


def test_held_out_scenarios_may_share_an_emotion_and_a_pack_may_have_few(our_copy: Path, change_list: Change) -> None:
    change_list(our_copy, "heldout_scenarios", lambda old: old[:3])
    change_list(our_copy, "retrieval_scenarios", lambda old: old[5:8])
    pack = load_pack(our_copy)
    assert [item.emotion for item in pack.heldout_scenarios] == ["happy"] * 3
    assert [item.emotion for item in pack.retrieval_scenarios] == list(pack.emotions[5:8])
    assert pack.supplied == ()


def test_an_emotion_may_lack_a_valence(our_copy: Path, change_list: Change) -> None:
    cut_to(our_copy, change_list, ["afraid", "calm", "happy", "hungry", "sad"])
    assert load_pack(our_copy).valence == {
        "afraid": "negative",
        "calm": "positive",
        "happy": "positive",
        "sad": "negative",
    }
    labels = {"afraid": "negative", "calm": "positive", "happy": "positive", "hungry": "negative", "sad": "negative"}
    (our_copy / "valence.json").write_text(json.dumps({"labels": labels}))
    pack = load_pack(our_copy)
    assert pack.subset[-1] == "hungry"  # ours doesn't know the word, so it comes last
    assert pack.synonyms["hungry"] == ()
    assert "valence" not in pack.supplied


def test_a_pack_may_have_none_of_the_emotions_that_ours_knows(our_copy: Path, change_list: Change) -> None:
    cut_to(our_copy, change_list, ["hungry", "thirsty"])
    pack = load_pack(our_copy)
    assert (pack.emotions, pack.subset) == (("hungry", "thirsty"),) * 2 and pack.valence == {}
    for name in ("scenarios", "heldout_scenarios", "retrieval_scenarios", "opposite_pairs", "steered_emotions"):
        assert getattr(pack, name) == ()


def test_a_list_of_its_own_is_used_instead_of_ours(our_copy: Path, change_list: Change) -> None:
    cut_to(our_copy, change_list, list(NUMERIC_EMOTIONS))
    assert load_pack(our_copy).opposite_pairs == (("happy", "sad"),)
    (our_copy / "opposite_pairs.json").write_text('[["afraid", "calm"]]')
    assert load_pack(our_copy).opposite_pairs == (("afraid", "calm"),)
    assert "opposite_pairs" not in load_pack(our_copy).supplied


def test_a_neutral_prompt_with_topics_needs_no_questions(our_copy: Path, change_list: Change) -> None:
    change_list(our_copy, "prompts", lambda old: old | {"neutral": "State facts about {topic}. {{question}}"})
    (our_copy / "neutral_questions.json").unlink()
    pack = load_pack(our_copy)
    assert pack.neutral_questions == ()
    assert not pack.prompts.neutral_from_questions
    assert pack.supplied == ()
    assert "neutral_questions" not in pack.sha256


def test_an_emotion_without_a_sign_counts_as_none(our_copy: Path, change_list: Change) -> None:
    def forget_sad(templates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for field in ("expected", "reasons"):
            del templates[0][field]["sad"]
        return templates

    change_list(our_copy, "numeric_templates", forget_sad)
    template = load_pack(our_copy).numeric_templates[0]
    assert template.expected["sad"] == "none"
    assert template.reasons["sad"] == "not named by the pack"


def test_the_published_pack_loads(published_folder: Path) -> None:
    pack = load_pack(published_folder)
    assert (len(pack.emotions), len(pack.topics), len(pack.activities)) == (171, 100, 64)
    assert (len(pack.scenarios), len(pack.numeric_templates)) == (12, 6)
    lacking = ("valence", "opposite_pairs", "steered_emotions", "subset", "synonyms")
    ours = ("heldout_scenarios", "retrieval_scenarios", "more_opposite_pairs", "more_numeric_templates")
    assert pack.supplied == (*lacking, *ours)
    assert (len(pack.heldout_scenarios), len(pack.retrieval_scenarios)) == (36, 171)
    assert pack.neutral_questions == ()
    assert pack.numeric_templates[0].expected == {"afraid": "+", "happy": "none", "sad": "none", "calm": "-"}
    named = sum(sign != "none" for template in pack.numeric_templates for sign in template.expected.values())
    assert named == 12
    assert len(equal_to_published(pack)) == 10


def test_a_byte_order_mark_before_a_file_is_no_part_of_it(tmp_path):
    """Editors on Windows write one; the pack and its hashes are the same."""
    folder = tmp_path / "pack"
    shutil.copytree(OUR_DATA, folder)
    for file in folder.glob("*.json"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_pack(folder) == load_pack()
