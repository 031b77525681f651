"""The stories, neutral texts and dialogues: written by the model or another writer, resumable chunk by chunk, or imported."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from emotion_vectors.corpus.importing import import_neutral, import_stories
from emotion_vectors.corpus.neutral import write_neutral
from emotion_vectors.corpus.sources import Source, neutral_source, stories_source
from emotion_vectors.corpus.speaking import FILE, PROMPTS, TOGETHER, cells_of, write_dialogues
from emotion_vectors.corpus.stories import write_stories
from emotion_vectors.corpus.survey import unknown_in
from emotion_vectors.corpus.writing import Scribes, Summary
from emotion_vectors.errors import UserError
from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm.limits import context_of, require_room
from emotion_vectors.lm.prompts import chat_prompt, story_prompt
from emotion_vectors.lm.writers.choosing import chunks_together, kind_of
from emotion_vectors.scale.workers import InProcess
from emotion_vectors.stages.room import tokens_to_write
from emotion_vectors.store.schema import JsonObject


def write_corpus(lab: Lab) -> None:
    """Make `stories.parquet` and `neutral.parquet`, each by import where the settings name a corpus, else by writing, and dialogues if asked for.

    A writer is only started where there is something to write, and closed at the end.
    """
    try:
        if not lab.run.done("stories"):
            _stories(lab)
        if not lab.run.done("neutral"):
            _neutral(lab)
        if lab.runtime.until is None and lab.run.lacks("dialogues"):
            _dialogues(lab)
    finally:
        lab.workers.everywhere(Equipment.stop_writing)


def _stories(lab: Lab) -> None:
    settings, source = lab.settings, None
    if settings.stories_from is not None and lab.workers.leads:
        source = _same(lab, "stories_from", stories_source(settings))
        summary = import_stories(
            source, lab.pack, lab.emotions, settings, unknown_in(source, settings), TokenCounter(lab), lab.run.path,
            lab.reporter,
        )  # fmt: skip
        advice = "add stories, or lower min_words"
    elif settings.stories_from is None:
        summary = write_stories(
            lab.pack, lab.emotions, lab.topics, settings, _scribes(lab), _chat_ids(lab, tokens_to_write(lab, True)),
            TokenCounter(lab), lab.run.path, lab.reporter,
        )  # fmt: skip
        advice = "raise story_tries or use another writer or model"
    if not lab.workers.leads:
        lab.finished("stories")
        return
    if summary.fewest == 0:
        raise UserError(f"For some emotions no story passed the filters (see stories.parquet); {advice}.")
    _finish(lab, "stories", summary, source)


def _neutral(lab: Lab) -> None:
    source = None
    if lab.settings.neutral_from is not None and lab.workers.leads:
        source = _same(lab, "neutral_from", neutral_source(lab.settings))
        summary = import_neutral(source, lab.pack, lab.settings, TokenCounter(lab), lab.run.path, lab.reporter)
    elif lab.settings.neutral_from is None:
        summary = write_neutral(
            lab.pack, lab.settings, _scribes(lab), _chat_ids(lab, tokens_to_write(lab)), TokenCounter(lab), lab.run.path,
            lab.reporter,
        )  # fmt: skip
    if not lab.workers.leads:
        lab.finished("neutral")
        return
    _finish(lab, "neutral", summary, source)


def _dialogues(lab: Lab) -> None:
    settings, most = lab.settings, tokens_to_write(lab) * TOGETHER
    cells = cells_of(lab.pack, lab.emotions, settings.dialogue_emotions, settings.seed)
    summary = write_dialogues(
        lab.pack, cells, settings, _scribes(lab), _chat_ids(lab, most), TokenCounter(lab), lab.run.path, lab.reporter
    )
    if not lab.workers.leads:
        lab.finished("dialogues")
        return
    lab.run.finish(
        "dialogues", [FILE, PROMPTS], summary.seconds, summary.new_tokens, "tokens", texts=summary.written, kept=summary.kept,
        wanted=summary.wanted, dropped=summary.dropped,
    )  # fmt: skip


def _scribes(lab: Lab) -> Scribes:
    """A writer on a machine of its own is asked from here in any case."""
    workers = InProcess(lab) if lab.runtime.on and kind_of(lab.settings.writer).is_remote else lab.workers
    return Scribes(workers, chunks_together(lab.own_writer or lab.settings.writer))


def _same(lab: Lab, setting: str, source: Source | None) -> Source:
    """The corpus that a setting names; it must still be the one that the run began with."""
    assert source is not None
    lab.require_unchanged(setting, source.sha256, source.name)
    return source


def _chat_ids(lab: Lab, more: int) -> Callable[[str], tuple[int, ...]]:
    def ids_of(message: str) -> tuple[int, ...]:
        ids = chat_prompt(lab.lm, "{message}", {"message": message}).ids
        require_room(lab.lm, len(ids), more, f"The prompt '{message[:40]}'")
        return ids

    return ids_of


class TokenCounter:
    """How many tokens a text has when the model reads it on its own, and the most that it can have."""

    def __init__(self, lab: Lab) -> None:
        self._lm = lab.lm
        extra = len(story_prompt(lab.lm, "A story.", lab.settings.story_format == "chat").ids)
        self.most = (context_of(lab.lm) or 2**62) - extra

    def __call__(self, text: str) -> int:  # noqa: D102  # what the class says
        first, last = story_prompt(self._lm, text, chat=False).spans["story"]
        return last - first


def _finish(lab: Lab, stage: str, summary: Summary, source: Source | None) -> None:
    table = pl.read_parquet(lab.run / f"{stage}.parquet", columns=["writer", "topic", "kept"])
    writers = table["writer"]
    facts: JsonObject = {
        stage if stage == "stories" else "texts": summary.written, "kept": summary.kept, "wanted": summary.wanted,
        "dropped": summary.dropped, "tokens": summary.tokens, "short_cells": summary.short_cells,
        "fewest_per_emotion": summary.fewest, "writer": ", ".join(writers.unique(maintain_order=True)),
    }  # fmt: skip
    if source is not None:
        if stage == "stories":
            facts["emotions"] = len(lab.emotions)
        facts["topics"] = table.filter("kept")["topic"].n_unique()
        facts["source"] = {
            "name": source.name, "version": source.version, "revision": source.revision, "sha256": source.sha256,
        }  # fmt: skip
    lab.run.finish(stage, [f"{stage}.parquet"], summary.seconds, summary.new_tokens, "tokens", **facts)
