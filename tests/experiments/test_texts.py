"""Texts shown in the report: the first of each kind wherever it lies, nothing that is missing, nothing chosen by what it says."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from report.asking import render, typed
from report.record import build

from emotion_vectors.errors import UserError
from emotion_vectors.experiments import texts
from emotion_vectors.record import Record
from emotion_vectors.report.topic import Table

REASONS = {1: "too short", 4: "names the emotion", 7: "too short"}  # by place among the ten stories of an emotion


@pytest.fixture(scope="module")
def record() -> Record:
    return typed(build("toy"))


def _folder(path: Path, emotions: list[str]) -> Path:
    """Ten stories of each emotion, three of them dropped, the first story dropped too for every emotion; answers of four vectors."""
    stories = [
        {"emotion": emotion, "topic": f"topic {place}", "text": f"{emotion} {place} <b>&", "kept": place not in {0, *REASONS},
         "dropped": None if place not in {0, *REASONS} else REASONS.get(place, "unfinished")}
        for emotion in emotions for place in range(10)
    ]  # fmt: skip
    pl.DataFrame(stories).write_parquet(path / "stories.parquet", row_group_size=7)
    said = [(0.0, "none", ""), *((strength, kind, name) for kind, name in [("random", "1"), ("random", "0"), *(("emotion", one) for one in "dacb")] for strength in (0.1, 0.05))]  # fmt: skip
    answers = [
        {"strength": strength, "kind": kind, "name": name, "sample": sample, "text": f"{kind} {name} {strength} {sample}"}
        for sample in (1, 0) for strength, kind, name in said
    ]  # fmt: skip
    pl.DataFrame(answers).write_parquet(path / "answers.parquet")
    return path


def _emotions(record: Record) -> dict[str, str]:
    part = record.part(texts.ProbeCorrelations)
    assert part is not None
    return {row.emotion: row.valence or "" for row in part.emotions}


def _cells(table: Table | None) -> list[list[str]]:
    assert table is not None
    return [[cell.text for cell in row] for row in table.rows]


def test_the_first_kept_story_is_shown_for_each_valence(record: Record, tmp_path: Path) -> None:
    valences = _emotions(record)
    shown = _cells(texts.stories(_folder(tmp_path, sorted(valences)), record))
    assert [row[1] for row in shown] == ["positive"] * 3 + ["negative"] * 3
    for emotion, valence, topic, text in shown:
        assert (valence, topic, text) == (valences[emotion], "topic 2", f"{emotion} 2 <b>&")  # 0 and 1 were dropped


def test_reasons_are_counted_and_the_first_story_of_each_is_shown(record: Record, tmp_path: Path) -> None:
    emotions = sorted(_emotions(record))
    shown = _cells(texts.dropped(_folder(tmp_path, emotions), record))
    first, many = emotions[0], len(emotions)
    assert shown == [
        ["too short", str(2 * many), first, f"{first} 1 <b>&"],
        ["names the emotion", str(many), first, f"{first} 4 <b>&"],
        ["unfinished", str(many), first, f"{first} 0 <b>&"],
    ]


def test_answers_are_the_first_sample_by_vector_and_strength(record: Record, tmp_path: Path) -> None:
    shown = _cells(texts.answers(_folder(tmp_path, ["a"]), record))
    assert shown[0] == ["none", "0", "none  0.0 0"]
    assert [(row[0], row[2]) for row in shown[1:]] == [
        (name, f"{kind} {said} {strength} 0")
        for name, kind, said in [(one, "emotion", one) for one in sorted({row[0] for row in shown[1:-2]})]
        + [("random direction", "random", "0")]
        for strength in (0.05, 0.1)
    ]
    assert len(shown) == 1 + 2 * (3 + 1)


def test_what_is_missing_is_left_out_and_what_is_broken_is_told(record: Record, tmp_path: Path) -> None:
    assert texts.stories(tmp_path, record) is texts.dropped(tmp_path, record) is texts.answers(tmp_path, record) is None
    pl.DataFrame({"emotion": ["a"], "text": ["old"]}).write_parquet(tmp_path / "stories.parquet")
    assert texts.stories(tmp_path, record) is texts.dropped(tmp_path, record) is None  # columns that an old run lacks
    (tmp_path / "answers.parquet").write_bytes(b"PAR1 no table PAR1")
    with pytest.raises(UserError, match=r"answers\.parquet can't be read .*; copy it again, or remove it"):
        texts.answers(tmp_path, record)


@pytest.mark.slow
def test_the_page_shows_them_escaped_and_numbered(tmp_path: Path) -> None:
    found = build("toy")
    assert "Stories that were dropped" not in render(found, [], tmp_path)
    page = render(found, [], _folder(tmp_path, sorted(_emotions(typed(found)))))
    assert ". Stories that were dropped" in page and "0 &lt;b&gt;&amp;" in page and "0 <b>&" not in page
