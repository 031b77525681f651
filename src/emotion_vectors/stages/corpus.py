"""The stories and neutral texts: written by the model or another writer, resumable chunk by chunk, or imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emotion_vectors.corpus.imported import Source, locate_corpus
from emotion_vectors.corpus.importing import import_neutral, import_stories
from emotion_vectors.corpus.neutral import write_neutral
from emotion_vectors.corpus.stories import write_stories
from emotion_vectors.corpus.writing import Summary
from emotion_vectors.errors import UserError
from emotion_vectors.lab import Lab
from emotion_vectors.lm.prompts import chat_prompt, story_prompt
from emotion_vectors.lm.writers import Writer, make_writer


def write_corpus(lab: Lab, writer: Writer | None = None) -> None:
    """Make `stories.parquet` and `neutral.parquet`, each by import where the settings name a corpus, else by writing.

    `writer` replaces the writer that the settings name; neither is started where there is nothing to write.
    """
    made: list[Writer] = []

    def chosen() -> Writer:
        if not made:
            made.append(writer or _make_writer(lab))
        return made[0]

    try:
        if not lab.run.done("stories"):
            _stories(lab, chosen)
        if not lab.run.done("neutral"):
            _neutral(lab, chosen)
    finally:
        # An engine that keeps GPU memory must not keep it from the stages after this one.
        close = getattr(made[0], "close", None) if made and writer is None else None
        if close is not None:
            close()


def _make_writer(lab: Lab) -> Writer:
    settings, runtime = lab.settings, lab.runtime
    return make_writer(
        lab.lm, settings.writer, runtime.stories_per_batch, lab.reporter.say, runtime.cache,
        settings.server_model, runtime.server_url, runtime.server_concurrency,
    )  # fmt: skip


def _stories(lab: Lab, writer: Callable[[], Writer]) -> None:
    settings = lab.settings
    if settings.stories_from is not None:
        source = _source(lab, "stories_from")
        summary = import_stories(
            source, lab.pack, lab.emotions, settings, settings.skip_unknown_emotions, _count_tokens(lab), lab.run.path,
            lab.reporter,
        )  # fmt: skip
        name, advice = f"import: {source.name}", "add stories, or lower min_words"
    else:
        summary = write_stories(
            lab.pack, lab.emotions, lab.topics, settings, writer(), _chat_ids(lab), _count_tokens(lab), lab.run.path,
            lab.reporter,
        )  # fmt: skip
        name, advice = writer().name, "raise story_tries or use another writer or model"
    if summary.fewest == 0:
        raise UserError(f"For some emotions no story passed the filters (see stories.parquet); {advice}.")
    _finish(lab, "stories", summary, name)


def _neutral(lab: Lab, writer: Callable[[], Writer]) -> None:
    if lab.settings.neutral_from is not None:
        source = _source(lab, "neutral_from")
        summary = import_neutral(source, lab.pack, lab.settings, _count_tokens(lab), lab.run.path, lab.reporter)
        name = f"import: {source.name}"
    else:
        summary = write_neutral(
            lab.pack, lab.settings, writer(), _chat_ids(lab), _count_tokens(lab), lab.run.path, lab.reporter
        )
        name = writer().name
    _finish(lab, "neutral", summary, name)


def _source(lab: Lab, setting: str) -> Source:
    """The corpus that a setting names; it must still be the one that the run began with."""
    source = locate_corpus(getattr(lab.settings, setting))
    lab.require_unchanged(setting, source.sha256, source.name)
    return source


def _chat_ids(lab: Lab) -> Callable[[str], tuple[int, ...]]:
    return lambda message: chat_prompt(lab.lm, "{message}", {"message": message}).ids


def _count_tokens(lab: Lab) -> Callable[[str], int]:
    def count(text: str) -> int:
        first, last = story_prompt(lab.lm, text, chat=False).spans["story"]
        return last - first

    return count


def _finish(lab: Lab, stage: str, summary: Summary, writer: str) -> None:
    facts: dict[str, Any] = {
        stage if stage == "stories" else "texts": summary.written, "kept": summary.kept, "wanted": summary.wanted,
        "dropped": summary.dropped, "tokens": summary.tokens, "short_cells": summary.short_cells,
        "fewest_per_emotion": summary.fewest, "writer": writer,
    }  # fmt: skip
    lab.run.finish(stage, [f"{stage}.parquet"], summary.seconds, summary.new_tokens, "tokens", **facts)
