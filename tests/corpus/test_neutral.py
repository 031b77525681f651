"""Neutral texts with fake writers: questions, topics with dialogues, dropping, resuming."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl
import pytest

from corpus.fakes import FakeWriter, Wishes, chat_ids, count_tokens, invented, scribes
from emotion_vectors.corpus import filters, writing
from emotion_vectors.corpus.neutral import FACTUAL_SENSES, write_neutral
from emotion_vectors.corpus.writing import Summary
from emotion_vectors.progress import Reporter
from emotion_vectors.stimuli.pack import Pack, load_pack

OURS = load_pack()
QUESTIONS = dataclasses.replace(
    OURS, prompts=dataclasses.replace(OURS.prompts, neutral="{question} Facts only."),
    neutral_questions=("Why does ice float?", "How tall is a giraffe?", "What is zinc?"),
)  # fmt: skip
DIALOGUES = dataclasses.replace(
    OURS, prompts=dataclasses.replace(OURS.prompts, neutral="Write {n_stories} dialogues: {topic}"),
    neutral_questions=(), topics=("a map", "a bridge"),
)  # fmt: skip


def run(folder: Path, writer: FakeWriter, pack: Pack, **wishes) -> tuple[Summary, pl.DataFrame]:
    summary = write_neutral(
        pack, Wishes(**wishes), scribes(writer), chat_ids, count_tokens, folder, Reporter(quiet=True)
    )
    return summary, pl.read_parquet(folder / "neutral.parquet")


def test_questions_become_dialogues_and_come_round_again(tmp_path: Path) -> None:
    summary, table = run(tmp_path, FakeWriter(lambda p, r: "Sure!\n" + invented(r.seed)), QUESTIONS, neutral_texts=7)
    assert (summary.wanted, summary.kept, summary.short_cells, summary.fewest) == (7, 7, 0, 7)
    assert table["topic"].to_list() == [*QUESTIONS.neutral_questions * 2, "Why does ice float?"]
    assert table["slot"].to_list() == [0, 0, 0, 1, 1, 1, 2]
    first = table.row(0, named=True)
    assert first["text"] == f"Person: Why does ice float?\n\nAI: {invented(first['seed'])}"
    assert table["stripped"].all()
    assert table["tokens"].to_list() == [count_tokens(text) for text in table["text"]]
    prompts = pl.read_parquet(tmp_path / "neutral_prompts.parquet")
    assert prompts["prompt"].to_list() == [f"{question} Facts only." for question in QUESTIONS.neutral_questions]


def test_texts_with_an_emotion_word_are_written_again(tmp_path: Path) -> None:
    summary, table = run(
        tmp_path, FakeWriter(lambda p, r: invented(r.seed) + (" Delighted giraffes." if r.seed % 2 else "")), QUESTIONS,
        neutral_texts=12, story_tries=30,
    )  # fmt: skip
    assert summary.kept == 12
    assert summary.written == table.height == 12 + sum(summary.dropped.values()) > 12
    assert set(summary.dropped) <= {filters.NAMES_ANY, filters.SPARE}
    # The first try of each slot that names nothing is the one that is kept; later ones of its round were not needed.
    for rows in table.partition_by("topic", "slot"):
        assert rows["try"].to_list() == list(range(rows.height))
        place = [seed % 2 for seed in rows["seed"]].index(0)
        assert rows["kept"].to_list() == [number == place for number in range(rows.height)]
        assert set(rows["dropped"][place + 1 :]) <= {filters.SPARE}


def test_words_with_a_factual_sense_may_stay(tmp_path: Path) -> None:
    sentence = " It is a kind of rock whose content of heat-sensitive minerals is safe."
    summary, _ = run(tmp_path, FakeWriter(lambda p, r: invented(r.seed) + sentence), QUESTIONS)
    assert summary.kept == 10
    assert set(OURS.emotions) >= FACTUAL_SENSES


def test_refusals_empty_texts_and_copies_are_dropped_and_counted(tmp_path: Path) -> None:
    answers = {"Why": "", "How": "As an AI language model I do not know. " + invented(1), "What": invented(2)}
    summary, table = run(
        tmp_path, FakeWriter(lambda p, r: answers[p.split()[0]]), QUESTIONS, neutral_texts=6, story_tries=1
    )
    assert summary.dropped == {filters.EMPTY: 2, filters.BOILERPLATE: 2, filters.DUPLICATE: 1}
    assert (summary.kept, summary.short_cells, summary.written) == (1, 5, 6)
    assert table.filter("kept")["topic"].to_list() == ["What is zinc?"]
    assert table.filter(pl.col("dropped") == filters.EMPTY)["text"].to_list() == ["", ""]


def test_dialogues_on_topics_keep_their_turns(tmp_path: Path) -> None:
    def compose(prompt: str, request) -> str:
        one = f"Person: {invented(request.seed, 20)}\n\nAI: {invented(request.seed + 1, 40)}"
        return f"<NEW DIALOGUE>\n{one}\n\n<NEW DIALOGUE>\n{invented(request.seed + 2)}"

    summary, table = run(tmp_path, FakeWriter(compose), DIALOGUES, neutral_texts=4)
    assert summary.kept == 4
    seed = table["seed"][0]
    assert table["text"][0] == f"Person: {invented(seed, 20)}\n\nAI: {invented(seed + 1, 40)}"
    assert pl.read_parquet(tmp_path / "neutral_prompts.parquet")["prompt"][0] == "Write 1 dialogues: a map"


def test_resuming_equals_an_uninterrupted_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 4)

    def compose(prompt: str, request) -> str:
        return invented(request.seed) + (" Furious." if request.seed % 3 == 0 else "")

    _, expected = run(tmp_path / "whole", FakeWriter(compose), QUESTIONS, neutral_texts=11, story_tries=5)
    for limit in (5, 6):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed", FakeWriter(compose, limit=limit), QUESTIONS, neutral_texts=11, story_tries=5)
    _, table = run(tmp_path / "killed", FakeWriter(compose), QUESTIONS, neutral_texts=11, story_tries=5)
    assert table.equals(expected)
