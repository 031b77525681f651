"""Dialogues from a file: ours are whole and balanced, leaks are left out, and each bad row has its sentence."""

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from emotion_vectors import settings
from emotion_vectors.corpus.checking import check_inputs
from emotion_vectors.corpus.dialogues import read_dialogues
from emotion_vectors.errors import UserError
from emotion_vectors.stimuli import load_pack

OURS = Path(__file__).parents[2] / "docs" / "examples" / "dialogues.jsonl"
PACK = load_pack()


def row(topic=0, first="angry", second="calm", said="The lamp is on.", turns=4):
    names = ("Human", "Assistant")
    return {
        "topic": f"topic {topic}", "emotions": {"Human": first, "Assistant": second},
        "turns": [{"speaker": names[turn % 2], "text": f"{said} {turn}"} for turn in range(turns)],
    }  # fmt: skip


def good():
    felt = ("angry", "calm", "sad", "happy")
    return [row(topic, felt[i], felt[(i + 1 + topic % 3) % 4]) for topic in range(4) for i in range(4)]


def written(folder, rows):
    path = folder / "some.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in rows), encoding="utf-8")
    return str(path)


def test_ours_are_whole_balanced_and_name_no_emotion():
    found = read_dialogues(str(OURS), PACK)
    assert len(found.kept) == 192 and not found.dropped
    for owner in (0, 1):
        held = Counter((one.topic, one.emotions[owner]) for one in found.kept)
        assert len(held) == 8 * 12 and set(held.values()) == {2}
    # What a speaker says does not depend on what the other feels.
    for owner in (0, 1):
        said = {}
        for one in found.kept:
            said.setdefault((one.topic, one.emotions[owner]), set()).add(one.turns[owner::2])
        assert all(len(turns) == 1 for turns in said.values())


def test_parquet_says_the_same_and_other_names_of_the_speakers_do_too(tmp_path):
    rows = good()
    pl.DataFrame(rows).write_parquet(tmp_path / "some.parquet")
    plain = read_dialogues(written(tmp_path, rows), PACK).rows
    assert read_dialogues(str(tmp_path / "some.parquet"), PACK).rows == plain
    other = json.loads(json.dumps(rows).replace('"Human"', '"Person 1"').replace('"Assistant"', '"person_2"'))
    assert read_dialogues(written(tmp_path, other), PACK).rows == plain


def test_a_dialogue_that_names_one_of_its_emotions_is_left_out(tmp_path):
    rows = [*good(), row(0, "angry", "calm", "He shouted angrily."), row(0, "angry", "calm", "A sad and happy day.")]
    found = read_dialogues(written(tmp_path, rows), PACK)
    assert len(found.kept) == 17 and found.dropped == {"names the emotion": 1}


def changed(**changes):
    return good()[0] | changes


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([1, 2], "is not an object"),
        (changed(topic=" "), "the topic is missing"),
        (changed(turns=[]), "3 to 24 turns"),
        (changed(turns=good()[0]["turns"][:2]), "3 to 24 turns"),
        (changed(turns=good()[0]["turns"][1:]), "turn 1 is not the Human's"),
        (changed(turns=[{"speaker": "Human", "text": " "}] * 3), "turn 1 has no text"),
        (changed(turns=[{"speaker": "Bob", "text": "Hi."}] * 3), "turn 1 is not the Human's"),
        (changed(emotions={"Human": "angry"}), "what each of the two speakers feels"),
        (changed(emotions={"Human": "angry", "Assistant": "quux"}), "the pack has no emotion 'quux'"),
        (changed(emotions={"Human": "angry", "Assistant": 3}), "what each of the two speakers feels"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_before_anything_is_loaded(tmp_path, bad, said):
    path = written(tmp_path, [*good(), bad])
    with pytest.raises(UserError, match="row 17") as refusal:
        check_inputs(settings.change(settings.demo(), dialogues=path))
    assert said in str(refusal.value)


def test_too_few_to_split_are_refused(tmp_path):
    with pytest.raises(UserError, match="on 2 topics"):
        read_dialogues(written(tmp_path, good()[:8]), PACK)
    with pytest.raises(UserError, match="2 emotions; 4 are needed"):
        read_dialogues(written(tmp_path, [row(topic) for topic in range(4)]), PACK)
    with pytest.raises(UserError, match="the Human is proud in dialogues on 0 topics"):
        read_dialogues(written(tmp_path, [*good(), row(0, "angry", "proud")]), PACK)
    with pytest.raises(UserError, match="no dialogues called 'ours'"):
        read_dialogues("ours", PACK)
