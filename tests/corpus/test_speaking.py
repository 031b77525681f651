"""Dialogues that a writer writes: whose emotion is drawn how, what is read as a turn, what is dropped, and going on after a kill."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import polars as pl
import pytest
from scipy.stats import chisquare

from corpus.fakes import FakeWriter, Wishes, chat_ids, count_tokens, invented, scribes
from emotion_vectors import settings
from emotion_vectors.corpus import speaking
from emotion_vectors.corpus.checking import check_inputs
from emotion_vectors.corpus.filters import LOOP, NAMES, SPARE, TOO_SHORT
from emotion_vectors.corpus.writing import Answer
from emotion_vectors.errors import UserError
from emotion_vectors.progress import Reporter
from emotion_vectors.stimuli import load_pack

PACK = load_pack()
EMOTIONS = PACK.subset[:6]
CELLS = speaking.cells_of(PACK, EMOTIONS, 6, 0)
ASKED = re.compile(r"Topic: (.*)\nPerson feels: (.*)\nAI feels: (.*)")


def chat(seed, turns=4, words=12, said=""):
    """A dialogue of invented words, with `said` in the last turn."""
    lines = [invented(seed * 100 + turn, words) for turn in range(turns)]
    lines[-1] += said
    return "\n".join(f"{('Person', 'AI')[turn % 2]}: {line}" for turn, line in enumerate(lines))


def write(folder, compose, cells=CELLS, limit=None, **wishes):
    writer = FakeWriter(compose, limit=limit)
    summary = speaking.write_dialogues(
        PACK, cells, Wishes(**wishes), scribes(writer), chat_ids, count_tokens, folder, Reporter(quiet=True)
    )
    return summary, writer


def test_every_emotion_is_each_speakers_equally_often_and_which_two_meet_is_drawn():
    cells = speaking.cells_of(PACK, PACK.emotions, 12, 0)
    assert len(cells) == 192 and {cell.topic for cell in cells} == set(PACK.topics[:8])
    for owner in (0, 1):
        held = Counter((cell.topic, cell.felt[owner]) for cell in cells)
        assert len(held) == 8 * 12 and set(held.values()) == {2}
    assert {cell.felt[0] for cell in cells} == set(PACK.subset[:12])
    # Over many seeds every pair meets as often as every other, the same emotion with itself too.
    met = Counter(cell.felt for seed in range(60) for cell in speaking.cells_of(PACK, EMOTIONS, 6, seed))
    assert len(met) == 36 and chisquare(list(met.values())).pvalue > 0.01
    assert cells != speaking.cells_of(PACK, PACK.emotions, 12, 1)


def test_the_prompt_names_topic_and_both_emotions_each_with_its_speaker(tmp_path):
    _, writer = write(tmp_path, lambda prompt, request: chat(request.seed % 10**6))
    asked = [ASKED.search("".join(map(chr, one.prompt_ids))).groups() for one in writer.asked]
    assert sorted(asked) == sorted((cell.topic, *cell.felt) for cell in CELLS)


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("Person: One.\nAI: Two.\n\nPerson: Three.", ("One.", "Two.", "Three.")),
        ("Sure!\n\n**Person:** One.\n**AI:** Two\nand more.", ("One.", "Two and more.")),
        ("AI: Hello.\nPerson: One.\nPerson: Again.\nAI: Two.", ("One. Again.", "Two.")),
        ("Human: One.\nAssistant: Two.\nPerson: \nAI: Three.", ("One.", "Two. Three.")),
        ("<NEW DIALOGUE>\nPerson: One.\nAI: Two.\n<NEW DIALOGUE>\nPerson: Three.", ("One.", "Two.")),
        ("The Person: One.\nThe AI: Two.", ("One.", "Two.")),
        ("It was late. Nobody spoke.", ()),
    ],
)
def test_what_is_a_turn(text, turns):
    assert speaking.turns_of(Answer("", 0, text, 9, True, "w")) == turns


def test_an_answer_that_was_cut_off_ends_with_its_last_whole_sentence_and_long_ones_are_cut():
    assert speaking.turns_of(Answer("", 0, "Person: One.\nAI: Two. And th", 9, False, "w")) == ("One.", "Two.")
    assert len(speaking.turns_of(Answer("", 0, chat(0, turns=40), 9, True, "w"))) == 24


def test_what_is_dropped_and_why_and_the_next_good_try_is_kept(tmp_path):
    """The first try of the first cells is bad in another way each; what names the other speaker's emotion is dropped too."""
    cells = [cell for cell in CELLS if cell.slot < len(EMOTIONS)]  # no pair twice on a topic
    first, second = cells[3].felt
    bad = [
        (chat(1, turns=2, words=30), speaking.NOT_TURNS), (chat(2, words=3), TOO_SHORT), (chat(3, said=f" I am {cells[2].felt[0]}."), NAMES),
        (chat(4, said=f" So {second}."), NAMES), ("Person: a b c d.\nAI: a b c d.\n" * 8, LOOP),
    ]  # fmt: skip
    answers = {(cell.topic, *cell.felt): text for cell, (text, _) in zip(cells, bad, strict=False)}
    assert len(answers) == 5 and first != second

    def compose(prompt, request):
        return answers.pop(ASKED.search(prompt).groups(), None) or chat(request.seed % 10**6)

    summary, _ = write(tmp_path, compose, cells)
    table = pl.read_parquet(tmp_path / speaking.FILE)
    assert table["dropped"].to_list()[:5] == [reason for _, reason in bad]
    assert summary.kept == len(cells) == table["kept"].sum() and summary.short_cells == 0
    assert set(table.filter(pl.col("round") > 0)["dropped"]) <= {"", SPARE}
    read = speaking.written_dialogues(tmp_path)
    assert len(read.kept) == len(cells) and read.dropped == dict(Counter(reason for _, reason in bad))
    assert {(one.topic, one.emotions) for one in read.kept} == {(cell.topic, cell.felt) for cell in cells}
    assert read.source.name == "written by fake 1"
    prompts = pl.read_parquet(tmp_path / speaking.PROMPTS)
    assert set(table["prompt_sha256"]) <= set(prompts["prompt_sha256"])


def test_an_emotion_that_cannot_be_written_goes_and_the_others_stay(tmp_path):
    lost = EMOTIONS[0]
    summary, _ = write(
        tmp_path, lambda prompt, request: "No." if lost in ASKED.search(prompt).groups() else chat(request.seed % 10**6)
    )
    kept = speaking.written_dialogues(tmp_path).kept
    assert summary.kept == len(kept) > 0 and not any(lost in one.emotions for one in kept)
    none, _ = write(tmp_path / "none", lambda prompt, request: "No.")
    assert none.kept == 0 and not speaking.written_dialogues(tmp_path / "none").kept


def test_a_single_topic_cannot_be_split_and_nothing_is_kept(tmp_path):
    topic = CELLS[0].topic
    summary, _ = write(
        tmp_path, lambda prompt, request: chat(request.seed % 10**6) if topic in prompt else "No.", story_tries=2
    )
    assert summary.kept == 0 and summary.dropped[speaking.TOO_FEW] == 12


def test_a_killed_writer_goes_on_to_the_same_table(tmp_path, monkeypatch):
    monkeypatch.setattr("emotion_vectors.corpus.writing.CHUNK", 10)
    random = np.random.default_rng(0).random(10**6)

    def compose(prompt, request):
        return chat(request.seed % 10**6) if random[request.seed % 10**6] < 0.7 else "No."

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "killed", compose, limit=45)
    _, later = write(tmp_path / "killed", compose)
    _, whole = write(tmp_path / "whole", compose)
    assert 0 < len(whole.asked) - len(later.asked) <= 45
    assert pl.read_parquet(tmp_path / "killed" / speaking.FILE).equals(
        pl.read_parquet(tmp_path / "whole" / speaking.FILE)
    )
    _, again = write(tmp_path / "whole", compose)
    assert not again.asked


def test_too_few_emotions_are_refused_before_a_model_is_loaded(tmp_path):
    with pytest.raises(UserError, match="need 4 emotions and 4 topics"):
        speaking.cells_of(PACK, EMOTIONS[:3], 12, 0)
    check_inputs(settings.change(settings.demo(), dialogues="write"))
