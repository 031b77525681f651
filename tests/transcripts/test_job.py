"""The whole job: planted directions are found, killed jobs go on, other orders are refused, memory stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tiny import tiny
from vectors.worlds import EMOTIONS, make_vectors

from emotion_vectors.errors import UserError
from emotion_vectors.lm.messages import converse
from emotion_vectors.progress import Reporter
from emotion_vectors.transcripts import job, pieces
from emotion_vectors.transcripts.job import read_files
from transcripts.jobs import chats, order
from transcripts.planted_texts import planted_word, sentence

QUIET = Reporter(quiet=True)


def test_a_planted_direction_is_found_and_nothing_else(world, tmp_path):
    lm, vectors, known = world
    texts = [sentence(lm, seed, 50, planted_word(lm) if seed in (3, 8) else "") for seed in range(12)]
    record = read_files(order(chats(tmp_path / "a.jsonl", texts)), vectors, lm, known, tmp_path / "out.parquet", QUIET)
    rows = pl.read_parquet(tmp_path / "out.parquet").filter(pl.col("tokens") > 10)
    hit = pl.col("item").is_in([4, 9])
    for kind in ("raw", "centred"):
        z = pl.col(f"max_{kind}_z")
        here = rows.filter(pl.col("emotion") == EMOTIONS[0])
        assert here.filter(hit).select((pl.col(f"max_{kind}_percentile") == 100).all()).item()
        assert here.filter(hit).select(z.min()).item() > 2 * rows.filter(~hit).select(z.max()).item()
        assert {token.strip() for token in here.filter(hit)[f"max_{kind}_token"]} == {planted_word(lm)}
        for item, position in here.filter(hit).select("item", f"max_{kind}_position").iter_rows():
            tokens = converse(lm, texts[item - 1]).tokens
            assert tokens[position].strip() == planted_word(lm)
    assert rows.filter(~hit)["mean_raw_percentile"].is_between(1, 99).mean() > 0.7
    strongest = [p for p in record["passages"] if p["emotion"] == EMOTIONS[0]][:2]
    assert {p["item"] for p in strongest} == {4, 9} and {p["role"] for p in strongest} == {"text", "assistant"}
    for passage in strongest:
        assert (
            passage["tokens"][passage["largest"]].strip() == planted_word(lm)
            and passage["max_centred_percentile"] == 100
        )


def test_without_the_planted_word_no_text_stands_out(world, tmp_path):
    lm, vectors, known = world
    read_files(
        order(chats(tmp_path / "a.jsonl", [sentence(lm, seed, 50) for seed in range(12)])),
        vectors,
        lm,
        known,
        tmp_path / "o.parquet",
        QUIET,
    )
    rows = pl.read_parquet(tmp_path / "o.parquet").filter((pl.col("emotion") == EMOTIONS[0]) & (pl.col("tokens") > 10))
    assert rows["max_centred_z"].max() < 6 and rows["mean_centred_percentile"].mean() == pytest.approx(50, abs=30)


KILLED = """
import os, signal, sys
from pathlib import Path
from emotion_vectors.transcripts import job, pieces
from transcripts.planted_texts import calibrated, planted
from transcripts.test_job import QUIET, order
pieces.TEXTS_PER_PIECE = 4
write = job.atomic.write_json
def killed(path, value):
    if path.name == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, value)
job.atomic.write_json = killed
lm, vectors = planted()
job.read_files(order(Path(sys.argv[1])), vectors, lm, calibrated(lm, vectors), Path(sys.argv[2]), QUIET)
"""


@pytest.mark.slow
def test_a_killed_job_goes_on_and_ends_with_the_same_bytes(world, tmp_path, monkeypatch):
    lm, vectors, known = world
    monkeypatch.setattr(pieces, "TEXTS_PER_PIECE", 4)
    path = chats(tmp_path / "a.jsonl", [sentence(lm, seed, 10 + seed) for seed in range(15)])
    whole = read_files(order(path), vectors, lm, known, tmp_path / "whole.parquet", QUIET)
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-c", KILLED, str(path), str(out), "000002.json"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]),
        "OMP_NUM_THREADS": "1",
    }
    died = subprocess.run(command, env=environment, capture_output=True, timeout=600)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert not out.exists()
    read = []
    score = job.score_texts

    def counted(*arguments):
        read.append(len(arguments[2]))
        return score(*arguments)

    monkeypatch.setattr(job, "score_texts", counted)
    with pytest.raises(UserError, match="other settings"):
        read_files(order(path, layer=1), vectors, lm, known, out, QUIET)
    resumed = read_files(order(path), vectors, lm, known, out, QUIET)
    assert read == [4, 3], "two of four pieces were finished"
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes() and resumed == whole
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a.jsonl",
        "out.parquet",
        "out.parquet.json",
        "whole.parquet",
        "whole.parquet.json",
    ]
    again = read_files(order(path), vectors, lm, known, out, QUIET)
    assert read == [4, 3] and {**again, "sha256": None} == {**resumed, "sha256": None}


@pytest.mark.parametrize("change", ["layer", "emotions", "window", "file", "vectors", "calibration"])
def test_another_order_into_the_same_output_is_refused(world, tmp_path, change):
    lm, vectors, known = world
    path, out = chats(tmp_path / "a.jsonl", ["Rest", "The sea"]), tmp_path / "out.parquet"
    read_files(order(path), vectors, lm, known, out, QUIET)
    before = out.read_bytes()
    changes = {"layer": {"layer": 1}, "emotions": {"emotions": EMOTIONS[:2]}, "window": {"window": 100}}.get(change, {})
    if change == "file":
        chats(path, ["Rest", "The see"])
    other = make_vectors(seed=1) if change == "vectors" else vectors
    with pytest.raises(UserError, match=r"out\.parquet was made from other input"):
        read_files(order(path, **changes), other, lm, None if change == "calibration" else known, out, QUIET)
    assert out.read_bytes() == before


def test_somebody_elses_file_is_not_overwritten(tmp_path):
    path, out = chats(tmp_path / "a.jsonl", ["Rest"]), tmp_path / "out.parquet"
    out.write_text("mine")
    with pytest.raises(UserError, match="not written by this command"):
        read_files(order(path), make_vectors(), tiny(), None, out, QUIET)
    with pytest.raises(UserError, match=r"\.parquet or \.jsonl"):
        read_files(order(path), make_vectors(), tiny(), None, tmp_path / "out.csv", QUIET)
    assert out.read_text() == "mine"
