"""The model writes its stories and neutral texts. Resumable chunk by chunk."""

from __future__ import annotations

from typing import Any

from emotion_vectors.corpus.neutral import write_neutral
from emotion_vectors.corpus.stories import write_stories
from emotion_vectors.corpus.writing import Summary
from emotion_vectors.errors import UserError
from emotion_vectors.lab import Lab
from emotion_vectors.lm.prompts import chat_prompt, story_prompt
from emotion_vectors.lm.writers import Writer, make_writer


def write_corpus(lab: Lab, writer: Writer | None = None) -> None:
    """Write `stories.parquet` and `neutral.parquet`, with `writer` or the one that the settings name."""
    if lab.run.done("stories") and lab.run.done("neutral"):
        return
    runtime = lab.runtime
    chosen = writer or make_writer(
        lab.lm, lab.settings.writer, runtime.stories_per_batch, lab.reporter.say, runtime.cache
    )

    def chat_ids(message: str) -> tuple[int, ...]:
        return chat_prompt(lab.lm, "{message}", {"message": message}).ids

    def count_tokens(text: str) -> int:
        first, last = story_prompt(lab.lm, text, chat=False).spans["story"]
        return last - first

    if not lab.run.done("stories"):
        summary = write_stories(
            lab.pack, lab.emotions, lab.topics, lab.settings, chosen, chat_ids, count_tokens, lab.run.path, lab.reporter
        )
        if summary.fewest == 0:
            raise UserError(
                "For some emotions no story passed the filters (see stories.parquet); raise story_tries or use another "
                "writer or model."
            )
        _finish(lab, "stories", summary, chosen.name)
    if not lab.run.done("neutral"):
        summary = write_neutral(
            lab.pack, lab.settings, chosen, chat_ids, count_tokens, lab.run.path, lab.reporter
        )  # fmt: skip
        _finish(lab, "neutral", summary, chosen.name)


def _finish(lab: Lab, stage: str, summary: Summary, writer: str) -> None:
    facts: dict[str, Any] = {
        stage if stage == "stories" else "texts": summary.written, "kept": summary.kept, "wanted": summary.wanted,
        "dropped": summary.dropped, "tokens": summary.tokens, "short_cells": summary.short_cells,
        "fewest_per_emotion": summary.fewest, "writer": writer,
    }  # fmt: skip
    lab.run.finish(stage, [f"{stage}.parquet"], summary.seconds, summary.new_tokens, "tokens", **facts)
