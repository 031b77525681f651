"""Neutral texts: factual dialogues without feeling, whose principal components are projected out of the vectors.

In: a pack with factual questions (each answered by the model and read as "Person: ... AI: ..."), or with a prompt that
asks for dialogues on a topic. Out: `neutral.parquet`, one row per written text, and a `Summary`. Source: paper, neutral
transcripts; Hong (2026) uses 200 question-and-answer dialogues of the length of a story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from emotion_vectors.corpus.duplicates import DuplicateIndex
from emotion_vectors.corpus.filters import SPARE, admit, clean, neutral_fault
from emotion_vectors.corpus.rounds import file_prompts, sum_up, write_until_filled
from emotion_vectors.corpus.shipped import dialogue
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
from emotion_vectors.progress import Reporter
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.store.atomic import write_parquet

# Emotion words that factual prose uses in another sense ("a kind of rock", "the content of a file", "a patient in a
# hospital", "heat-sensitive"). They don't make a text emotional, so they don't count here; in stories they do.
FACTUAL_SENSES = frozenset({
    "alert", "aroused", "bitter", "calm", "content", "dependent", "depressed", "disturbed", "energized", "excited", "hope",
    "hurt", "kind", "lazy", "patient", "reflective", "refreshed", "relaxed", "relieved", "safe", "satisfied", "sensitive",
    "shaken", "sluggish", "stimulated", "stressed", "tense", "tired", "upset", "vibrant", "vulnerable", "worn out",
})  # fmt: skip
NEUTRAL_SCHEMA = {
    "topic": pl.String, "slot": pl.Int64, "round": pl.Int64, "try": pl.Int64, "seed": pl.Int64, "text": pl.String,
    "words": pl.Int64, "tokens": pl.Int64, "kept": pl.Boolean, "dropped": pl.String, "finished": pl.Boolean, "stripped": pl.Boolean,
    "cut": pl.Boolean, "writer": pl.String, "prompt_sha256": pl.String,
}  # fmt: skip


class NeutralSettings(WritingSettings, Protocol):
    """The settings of `write_neutral`."""

    @property
    def neutral_texts(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class Slot:
    """One wanted neutral text: its question or topic, and which text on it this is."""

    topic: str
    slot: int


@dataclass(frozen=True)
class Ask:
    """One request: the slot that it is to fill, and the number of the try, from 0."""

    item: Item
    slot: Slot
    trial: int


def write_neutral(
    pack: Pack,
    settings: NeutralSettings,
    scribes: Scribes,
    chat_ids: ChatIds,
    count_tokens: CountTokens,
    folder: Path,
    reporter: Reporter,
) -> Summary:
    """Write `settings.neutral_texts` neutral texts and file them under the run `folder`.

    Parts go to `folder/parts/neutral`, the table to `folder/neutral.parquet`, the prompts to
    `folder/neutral_prompts.parquet`. Called again it resumes.
    """
    subjects = pack.neutral_questions or pack.topics
    empty = [Slot(subjects[i % len(subjects)], i // len(subjects)) for i in range(settings.neutral_texts)]
    wanted, index = len(empty), DuplicateIndex()
    filled = write_until_filled(
        "neutral texts",
        lambda: len(empty),
        lambda tries: [plan_ask(pack, slot, trial, settings.seed) for trial in tries for slot in empty],
        lambda asks, number, written: judge_round(
            asks, number, written, empty, pack, settings, count_tokens, index
        ),
        settings, scribes, sampling_of(settings), chat_ids, folder / "parts" / "neutral", reporter,
    )  # fmt: skip
    table = pl.DataFrame(filled.rows, schema=NEUTRAL_SCHEMA)
    if scribes.workers.leads:
        file_prompts(folder / "neutral_prompts.parquet", (fill_prompt(pack, subject) for subject in subjects))
        write_parquet(folder / "neutral.parquet", table)
    return sum_up("Neutral texts", table, filled, wanted, len(empty), reporter)


def fill_prompt(pack: Pack, subject: str) -> str:
    """The user message that asks for one neutral text on `subject`, a question or a topic of the pack."""
    if pack.neutral_questions:
        return pack.prompts.neutral.format(question=subject)
    return pack.prompts.neutral.format(topic=subject, n_stories=1)


def plan_ask(pack: Pack, slot: Slot, trial: int, seed: int) -> Ask:
    """The request for `slot` at its try `trial` (from 0); its seed is the hash of (run seed, topic, slot, try)."""
    key = "\x1f".join([slot.topic, str(slot.slot), str(trial)])
    item = Item(key, fill_prompt(pack, slot.topic), seed_of(seed, "neutral", slot.topic, slot.slot, trial))
    return Ask(item, slot, trial)


def judge_round(
    asks: Sequence[Ask],
    number: int,
    written: Round,
    empty: list[Slot],
    pack: Pack,
    settings: WritingSettings,
    count_tokens: CountTokens,
    index: DuplicateIndex,
) -> list[dict]:
    """Rows of the table for the answers of a round, in the order of the plan.

    The first text of a slot that has no fault is kept: it joins `index` and its slot leaves `empty`.
    """
    emotions = tuple(word for word in pack.emotions if word not in FACTUAL_SENSES)
    rows = []
    for ask in asks:
        slot, answer = ask.slot, written.answers[ask.item.key]
        text, body, stripped, cut = render(pack, slot.topic, answer)
        count = count_tokens(text) if text else 0
        fault = SPARE if slot not in empty else neutral_fault(
            body, count, pack.prompts.neutral, emotions, settings.min_words, settings.min_tokens
        )  # fmt: skip
        fault = admit(fault, body, count, most_tokens(count_tokens), index)
        if not fault:
            empty.remove(slot)
        rows.append({
            "topic": slot.topic, "slot": slot.slot, "round": number, "try": ask.trial, "seed": answer.seed, "text": text,
            "words": len(text.split()), "tokens": count, "kept": not fault, "dropped": fault, "finished": answer.finished,
            "stripped": stripped, "cut": cut, "writer": answer.writer, "prompt_sha256": prompt_sha256(ask.item.prompt),
        })  # fmt: skip
    return rows


def render(pack: Pack, subject: str, answer: Answer) -> tuple[str, str, bool, bool]:
    """The dialogue, the part of it that the writer wrote, whether boilerplate was stripped, whether its end was cut."""
    if pack.neutral_questions:
        body, stripped, cut = clean(answer.text, answer.finished)
        return (dialogue(subject, body) if body else "", body, stripped, cut)
    pieces = split_texts(answer.text, "dialogue")
    first = pieces[0] if pieces else ""
    body, stripped, cut = clean(first, answer.finished or len(pieces) > 1, turns=False)
    return body, body, stripped, cut
