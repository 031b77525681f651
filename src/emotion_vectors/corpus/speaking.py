"""Dialogues of two speakers that the model writes: what each of them feels is drawn at random, and none may name it.

In: a pack, the emotions of a run, a writer. Out: `written_dialogues.parquet`, one row per written dialogue, kept or dropped, and a
`Summary`. On each topic every emotion is each speaker's equally often, and which two meet is drawn, so that neither says anything of the
other. Source: paper, speaker probes (dialogues of a Person and an AI, each with an emotion of its own). How many they were is not said;
number, filters and the balance are ours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from emotion_vectors.corpus.dialogues import (
    FEWEST_EMOTIONS,
    FEWEST_TOPICS,
    FEWEST_TURNS,
    FEWEST_USES,
    MOST_TURNS,
    Dialogue,
    Dialogues,
    leaks,
    speaker_of,
)
from emotion_vectors.corpus.duplicates import DuplicateIndex
from emotion_vectors.corpus.filters import (
    LOOP,
    NAMES,
    SPARE,
    TOO_SHORT,
    admit,
    clean,
    common_fault,
    is_degenerate,
)
from emotion_vectors.corpus.rounds import file_prompts, sum_up, write_until_filled
from emotion_vectors.corpus.sources import Source
from emotion_vectors.corpus.split import split_texts
from emotion_vectors.corpus.writing import (
    Answer,
    ChatIds,
    CountTokens,
    Item,
    Round,
    Scribes,
    Summary,
    WritingSettings,
    most_tokens,
    prompt_sha256,
    sampling_of,
    seed_of,
)
from emotion_vectors.errors import UserError
from emotion_vectors.progress import Reporter
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.store.atomic import write_parquet
from emotion_vectors.store.run_folder import file_digest

FILE, PROMPTS = "written_dialogues.parquet", "dialogue_prompts.parquet"
TOPICS, TWICE = 8, 2  # the pack's first topics; dialogues on each in which an emotion is a speaker's
TOGETHER = 2  # a dialogue may be as long as two stories: each speaker has one
NOT_TURNS = f"fewer than {FEWEST_TURNS} turns of two speakers"
TOO_FEW = "too few with its emotions"
LABEL = re.compile(
    r"^[ \t>*#_`-]*(?:the )?(person(?: [12])?|human|user|ai|assistant)[ \t*_`]*:[ \t*_`]*", re.IGNORECASE | re.MULTILINE
)
SCHEMA = {
    "topic": pl.String, "slot": pl.Int64, "round": pl.Int64, "try": pl.Int64, "seed": pl.Int64, "first_emotion": pl.String,
    "second_emotion": pl.String, "turns": pl.List(pl.String), "words": pl.Int64, "kept": pl.Boolean, "dropped": pl.String,
    "finished": pl.Boolean, "writer": pl.String, "prompt_sha256": pl.String,
}  # fmt: skip


class Cell(NamedTuple):
    """One wanted dialogue: its topic, which one on it this is, and what the first and the second speaker feel."""

    topic: str
    slot: int
    felt: tuple[str, str]


class Ask(NamedTuple):
    """One request: the dialogue that it is to give, and the number of the try, from 0."""

    item: Item
    cell: Cell
    trial: int


def cells_of(pack: Pack, emotions: Sequence[str], most: int, seed: int) -> list[Cell]:
    """The dialogues to be written, with the first `most` of `emotions` in the order of the pack's subset.

    Raises `UserError` for too few emotions or topics to split by.
    """
    chosen = [emotion for emotion in pack.subset if emotion in set(emotions)][:most]
    if len(chosen) < FEWEST_EMOTIONS or len(pack.topics) < FEWEST_TOPICS:
        raise UserError(
            f"Dialogues need {FEWEST_EMOTIONS} emotions and {FEWEST_TOPICS} topics or more, and here are {len(chosen)} and "
            f"{len(pack.topics)}; ask for more, or leave out dialogues=write."
        )
    cells = []
    for topic in pack.topics[:TOPICS]:
        for turn in range(TWICE):
            drawn = np.random.default_rng(seed_of(seed, "dialogues", topic, turn)).permutation(len(chosen))
            cells += [
                Cell(topic, turn * len(chosen) + row, (chosen[row], chosen[other])) for row, other in enumerate(drawn)
            ]
    return cells


def write_dialogues(
    pack: Pack,
    cells: Sequence[Cell],
    settings: WritingSettings,
    scribes: Scribes,
    chat_ids: ChatIds,
    count_tokens: CountTokens,
    folder: Path,
    reporter: Reporter,
) -> Summary:
    """Write the dialogues `cells` and file them under the run `folder`.

    Parts go to `folder/parts/dialogues`, the table to `folder/written_dialogues.parquet`, the prompts beside it. Called again it resumes.
    """
    empty, index = list(cells), DuplicateIndex()
    filled = write_until_filled(
        "dialogues",
        lambda: len(empty),
        lambda tries: [plan_ask(pack, cell, trial, settings.seed) for trial in tries for cell in empty],
        lambda asks, number, written: judge_round(asks, number, written, empty, pack, settings, count_tokens, index),
        settings, scribes, sampling_of(settings, TOGETHER), chat_ids, folder / "parts" / "dialogues", reporter,
    )  # fmt: skip
    rows = [row for row in filled.rows if row["kept"]]
    few = {id(row) for row in rows} - {id(row) for row in _enough(rows)}
    marked = [row | {"kept": False, "dropped": TOO_FEW} if id(row) in few else row for row in filled.rows]
    table = pl.DataFrame(marked, schema=SCHEMA)
    if scribes.workers.leads:
        file_prompts(folder / PROMPTS, (fill_prompt(pack, cell) for cell in cells))
        write_parquet(folder / FILE, table)
    return sum_up("Dialogues", table, filled, len(cells), len(empty), reporter)


def fill_prompt(pack: Pack, cell: Cell) -> str:
    """The user message that asks for the dialogue `cell`."""
    first, second = cell.felt
    return pack.prompts.speaker_dialogue.format(topic=cell.topic, person_emotion=first, ai_emotion=second, n_stories=1)


def plan_ask(pack: Pack, cell: Cell, trial: int, seed: int) -> Ask:
    """The request for `cell` at its try `trial` (from 0); its seed is the hash of (run seed, topic, slot, try)."""
    key = "\x1f".join([cell.topic, str(cell.slot), str(trial)])
    item = Item(key, fill_prompt(pack, cell), seed_of(seed, "dialogue", cell.topic, cell.slot, trial))
    return Ask(item, cell, trial)


def judge_round(
    asks: Sequence[Ask],
    number: int,
    written: Round,
    empty: list[Cell],
    pack: Pack,
    settings: WritingSettings,
    count_tokens: CountTokens,
    index: DuplicateIndex,
) -> list[dict[str, Any]]:
    """Rows of the table for the answers of a round, in the order of the plan.

    The first dialogue of a cell that has no fault is kept: it joins `index` and its cell leaves `empty`.
    """
    rows = []
    for ask in asks:
        cell, answer = ask.cell, written.answers[ask.item.key]
        turns = turns_of(answer)
        whole = "\n\n".join(turns)
        fault = SPARE if cell not in empty else _fault(turns, cell, pack, settings.min_words)
        fault = admit(fault, whole, count_tokens(whole) if whole else 0, most_tokens(count_tokens), index)
        if not fault:
            empty.remove(cell)
        rows.append({
            "topic": cell.topic, "slot": cell.slot, "round": number, "try": ask.trial, "seed": answer.seed, "first_emotion": cell.felt[0],
            "second_emotion": cell.felt[1], "turns": list(turns), "words": len(whole.split()), "kept": not fault, "dropped": fault,
            "finished": answer.finished, "writer": answer.writer, "prompt_sha256": prompt_sha256(ask.item.prompt),
        })  # fmt: skip
    return rows


def turns_of(answer: Answer) -> tuple[str, ...]:
    """What the two speakers say in turn, the first one first; of an answer that was cut off up to its last whole sentence.

    What stands before the first speaker's first turn is left out, and two turns in a row by one speaker are one.
    """
    pieces = split_texts(answer.text, "dialogue")
    whole = answer.finished or len(pieces) > 1
    text = clean(pieces[0] if pieces else "", whole, turns=False).text
    labels = list(LABEL.finditer(text))
    ends = [*(label.start() for label in labels[1:]), len(text)]
    found: list[tuple[int | None, str]] = []
    for label, end in zip(labels, ends, strict=False):
        owner, said = speaker_of(label[1]), " ".join(text[label.end() : end].split())
        if not said or (not found and owner != 0):
            continue
        if found and found[-1][0] == owner:
            found[-1] = (owner, f"{found[-1][1]} {said}")
        else:
            found.append((owner, said))
    return tuple(said for _, said in found[:MOST_TURNS])


def _fault(turns: Sequence[str], cell: Cell, pack: Pack, min_words: int) -> str:
    whole = "\n".join(turns)
    return (NOT_TURNS if len(turns) < FEWEST_TURNS else "") or common_fault(whole, pack.prompts.speaker_dialogue) or (
        TOO_SHORT if len(whole.split()) < min_words
        else LOOP if is_degenerate(whole)
        else NAMES if leaks(whole, cell.felt, pack)
        else ""
    )  # fmt: skip


def _enough(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows whose emotions are each speaker's on enough topics; none where these rows are too few to split."""
    kept, before = list(rows), -1
    while len(kept) != before:
        before = len(kept)
        topics = {(owner, one, row["topic"]) for row in kept for owner, one in enumerate(_felt(row))}
        held = Counter((owner, one) for owner, one, _ in topics)
        kept = [row for row in kept if all(held[owner, one] >= FEWEST_USES for one in _felt(row) for owner in (0, 1))]
    emotions = {one for row in kept for one in _felt(row)}
    splits = len(emotions) >= FEWEST_EMOTIONS and len({row["topic"] for row in kept}) >= FEWEST_TOPICS
    return kept if splits else []


def _felt(row: dict[str, Any]) -> tuple[str, str]:
    return row["first_emotion"], row["second_emotion"]


def written_dialogues(folder: Path) -> Dialogues:
    """Those that were written for the run in `folder`; texts that another try made needless are left out."""
    path = folder / FILE
    table = pl.read_parquet(path).with_row_index("number", 1).filter(pl.col("dropped") != SPARE)
    rows = [
        Dialogue(row["number"], row["topic"], tuple(row["turns"]), _felt(row), row["dropped"])
        for row in table.iter_rows(named=True)
    ]
    writers = ", ".join(table["writer"].unique(maintain_order=True))
    return Dialogues(Source(f"written by {writers}", path, file_digest(path)), rows)
