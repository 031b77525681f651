"""Stories told by writers that are made up."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl

from corpus.fakes import FakeWriter, Wishes, chat_ids, count_tokens, invented, scribes
from emotion_vectors.corpus.stories import write_stories
from emotion_vectors.corpus.writing import Summary
from emotion_vectors.progress import Reporter
from emotion_vectors.stimuli.pack import Pack, load_pack

PACK = dataclasses.replace(
    load_pack(), prompts=dataclasses.replace(load_pack().prompts, story="Story on {topic}, feeling {emotion}.")
)


EMOTIONS = ("afraid", "happy", "calm", "sad")


TOPICS = ("a lost key", "a late bus", "a red kite")


def run(folder: Path, writer: FakeWriter, pack: Pack = PACK, **wishes) -> tuple[Summary, pl.DataFrame]:
    summary = write_stories(
        pack, EMOTIONS, TOPICS, Wishes(**wishes), scribes(writer), chat_ids, count_tokens, folder, Reporter(quiet=True)
    )
    return summary, pl.read_parquet(folder / "stories.parquet")


def good(prompt: str, request) -> str:
    return invented(request.seed)
