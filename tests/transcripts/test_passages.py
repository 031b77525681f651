"""The strongest passages are those of all pieces."""

import numpy as np
import polars as pl
import pytest
from vectors.worlds import EMOTIONS

from emotion_vectors.progress import Reporter
from emotion_vectors.transcripts import pieces
from emotion_vectors.transcripts.job import read_files
from transcripts.jobs import chats, order
from transcripts.planted_texts import sentence

QUIET = Reporter(quiet=True)


def test_the_strongest_passages_are_those_of_all_pieces(world, tmp_path, monkeypatch):
    lm, vectors, known = world
    path = chats(tmp_path / "a.jsonl", [sentence(lm, seed, 30) for seed in range(60)])
    monkeypatch.setattr(pieces, "TEXTS_PER_PIECE", 7)
    record = read_files(order(path), vectors, lm, known, tmp_path / "out.parquet", QUIET)
    rows = pl.read_parquet(tmp_path / "out.parquet")
    for emotion in EMOTIONS:
        best = rows.filter(pl.col("emotion") == emotion).sort("max_centred_z", descending=True).head(20)
        found = [p for p in record["passages"] if p["emotion"] == emotion]
        assert [(p["item"], p["message"]) for p in found] == list(best.select("item", "message").iter_rows())
        np.testing.assert_allclose([p["strength"] for p in found], best["max_centred_z"], rtol=1e-3)
        for passage in found:
            assert (
                passage["cosines"][passage["largest"]]
                == max(passage["cosines"])
                == pytest.approx(passage["max_centred"], abs=1e-4)
            )
