"""Stories: n kept ones for every emotion and topic, written in rounds until they are there or the tries are used up.

In: emotions, topics, a story prompt, a writer. Out: `stories.parquet`, one row per written story, kept or dropped, and
a `Summary`. A round asks again for every slot that the last one left empty, with new seeds: once, or where few slots are
left, several times at once, of which the first good story is kept. Source: paper, appendix on
story generation (n stories per topic and emotion); the filters are our own (corpus/filters.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from emotion_vectors.corpus.duplicates import DuplicateIndex
from emotion_vectors.corpus.filters import SPARE, admit, clean, story_fault
from emotion_vectors.corpus.rounds import file_prompts, sum_up, write_until_filled
from emotion_vectors.corpus.split import split_texts
from emotion_vectors.corpus.writing import (
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

# A prompt with {n_stories} gets at most this many stories in one answer.
MOST_TOGETHER = 4
STORY_SCHEMA = {
    "emotion": pl.String, "topic": pl.String, "slot": pl.Int64, "round": pl.Int64, "try": pl.Int64, "seed": pl.Int64,
    "text": pl.String, "words": pl.Int64, "tokens": pl.Int64, "kept": pl.Boolean, "dropped": pl.String, "finished": pl.Boolean,
    "stripped": pl.Boolean, "cut": pl.Boolean, "writer": pl.String, "prompt_sha256": pl.String,
}  # fmt: skip


class StorySettings(WritingSettings, Protocol):
    """The settings of `write_stories`."""

    @property
    def stories_per_topic(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class Ask:
    """One request: the slots (story numbers) of a cell that it is to fill, and the number of the try, from 0."""

    item: Item
    emotion: str
    topic: str
    slots: tuple[int, ...]
    trial: int


def write_stories(
    pack: Pack,
    emotions: Sequence[str],
    topics: Sequence[str],
    settings: StorySettings,
    scribes: Scribes,
    chat_ids: ChatIds,
    count_tokens: CountTokens,
    folder: Path,
    reporter: Reporter,
) -> Summary:
    """Write `settings.stories_per_topic` stories for every emotion and topic and file them under the run `folder`.

    Parts go to `folder/parts/stories`, the table to `folder/stories.parquet`, the prompts to
    `folder/story_prompts.parquet`; a shard that does not lead files the parts only. Called again it resumes; the same settings
    and writer give the same table.
    """
    template = pack.prompts.story
    together = min(MOST_TOGETHER, settings.stories_per_topic) if "{n_stories}" in template else 1
    empty = {(emotion, topic): list(range(settings.stories_per_topic)) for emotion in emotions for topic in topics}
    index = DuplicateIndex()
    filled = write_until_filled(
        "stories",
        lambda: sum(map(len, empty.values())),
        lambda tries: plan_round(template, empty, tries, settings.seed, together),
        lambda asks, number, written: judge_round(
            asks, number, written, empty, pack, settings, count_tokens, index
        ),
        settings, scribes, sampling_of(settings, together), chat_ids, folder / "parts" / "stories", reporter,
    )  # fmt: skip
    table = pl.DataFrame(filled.rows, schema=STORY_SCHEMA)
    if scribes.workers.leads:
        file_prompts(folder / "story_prompts.parquet", _prompts(template, emotions, topics, together))
        write_parquet(folder / "stories.parquet", table)
    per_emotion = dict(table.filter("kept").group_by("emotion").len().iter_rows())
    summary = sum_up(
        "Stories", table, filled, len(empty) * settings.stories_per_topic, sum(map(bool, empty.values())), reporter,
        min((per_emotion.get(emotion, 0) for emotion in emotions), default=0),
    )  # fmt: skip
    if summary.short_cells:
        reporter.say(
            f"{summary.short_cells:,} pairs of emotion and topic have fewer than {settings.stories_per_topic} stories after "
            f"{settings.story_tries} tries; the emotion with the fewest has {summary.fewest}."
        )
    return summary


def plan_round(
    template: str, empty: dict[tuple[str, str], list[int]], tries: Iterable[int], seed: int, together: int = 1
) -> list[Ask]:
    """The requests of a round: one for each try and empty slot, or for up to `together` slots of a cell at a time.

    The first try of all slots comes first, then the second one, and so on. A seed is the hash of (run seed, emotion,
    topic, first slot, try), so it depends neither on what else is written nor on how tries are put together in rounds.
    """
    asks = []
    for trial in tries:
        for (emotion, topic), slots in empty.items():
            for start in range(0, len(slots), together):
                group = tuple(slots[start : start + together])
                key = "\x1f".join([emotion, topic, str(group[0]), str(trial)])
                prompt = template.format(emotion=emotion, topic=topic, n_stories=len(group))
                item = Item(key, prompt, seed_of(seed, emotion, topic, group[0], trial))
                asks.append(Ask(item, emotion, topic, group, trial))
    return asks


def judge_round(
    asks: Sequence[Ask],
    number: int,
    written: Round,
    empty: dict[tuple[str, str], list[int]],
    pack: Pack,
    settings: WritingSettings,
    count_tokens: CountTokens,
    index: DuplicateIndex,
) -> list[dict]:
    """Rows of the table for the answers of a round, in the order of the plan.

    The first text of a slot that has no fault is kept: it joins `index` and its slot leaves `empty`.
    """
    rows = []
    for ask in asks:
        still_empty = empty[ask.emotion, ask.topic]
        answer = written.answers[ask.item.key]
        pieces = split_texts(answer.text, "story")
        # More stories than asked for are left out: a cell must not profit from a writer that ignores the number.
        pieces = (pieces + [""] * len(ask.slots))[: len(ask.slots)]
        for place, (slot, piece) in enumerate(zip(ask.slots, pieces, strict=True)):
            whole = answer.finished or place + 1 < len(pieces)
            cleaned = clean(piece, whole, story=True)
            count = count_tokens(cleaned.text) if cleaned.text else 0
            fault = SPARE if slot not in still_empty else story_fault(
                cleaned.text, count, pack.prompts.story, ask.emotion, pack.synonyms.get(ask.emotion, ()),
                settings.min_words, settings.min_tokens,
            )  # fmt: skip
            fault = admit(fault, cleaned.text, count, most_tokens(count_tokens), index)
            if not fault:
                still_empty.remove(slot)
            rows.append({
                "emotion": ask.emotion, "topic": ask.topic, "slot": slot, "round": number, "try": ask.trial,
                "seed": answer.seed, "text": cleaned.text, "words": len(cleaned.text.split()), "tokens": count, "kept": not fault, "dropped": fault,
                "finished": whole, "stripped": cleaned.stripped, "cut": cleaned.cut, "writer": answer.writer,
                "prompt_sha256": prompt_sha256(ask.item.prompt),
            })  # fmt: skip
    return rows


def _prompts(template: str, emotions: Sequence[str], topics: Sequence[str], together: int) -> Iterator[str]:
    """The prompts of all cells; of several stories for each number that may be asked for."""
    for emotion in emotions:
        for topic in topics:
            for count in range(1, together + 1):
                yield template.format(emotion=emotion, topic=topic, n_stories=count)
