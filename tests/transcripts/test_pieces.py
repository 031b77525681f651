"""Pieces: the memory does not grow with the number of texts."""

import tracemalloc

import polars as pl
import pytest
from tiny import tiny
from vectors.worlds import EMOTIONS, make_vectors

from emotion_vectors.progress import Reporter
from emotion_vectors.transcripts import pieces
from emotion_vectors.transcripts.job import read_files
from transcripts.jobs import chats, order
from transcripts.planted_texts import sentence

QUIET = Reporter(quiet=True)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_texts(tmp_path, monkeypatch):
    lm, vectors = tiny(), make_vectors()
    monkeypatch.setattr(pieces, "TEXTS_PER_PIECE", 16)
    peaks = []
    for count in (32, 32, 256):
        path = chats(tmp_path / "a.jsonl", [sentence(lm, seed, 12) for seed in range(count)])
        tracemalloc.start()
        read_files(order(path), vectors, lm, None, tmp_path / f"{count}-{len(peaks)}.parquet", QUIET)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]
    assert len(pl.read_parquet(tmp_path / "256-2.parquet")) == (128 * 2 + 128) * len(EMOTIONS)
