"""The whole command: what is planted is found, killed jobs go on, scores are those of `read`, the order of files doesn't matter."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from transcripts.planted_texts import calibrated, planted, planted_word, sentence
from vectors.worlds import EMOTIONS

from emotion_vectors.errors import UserError
from emotion_vectors.natural.command import write_examples
from emotion_vectors.natural.job import FILES, Order, Reader, files_in_order, with_random
from emotion_vectors.progress import Reporter
from emotion_vectors.stimuli.norms import Norms
from emotion_vectors.transcripts import job as reading_job
from emotion_vectors.transcripts import pieces
from emotion_vectors.transcripts.sources import survey
from emotion_vectors.vectors.in_sample import text_hashes
from natural.jobs import lines, passages

QUIET = Reporter(quiet=True)


NORMS = Norms("a list", "nowhere", "none", {"valence": {}})


@pytest.fixture(scope="module")
def world():
    lm, vectors = planted()
    return lm, vectors, calibrated(lm, vectors)


def order(files, held, **changes):
    names = {"emotions": EMOTIONS, "layer": 2, "window": 512, "top": 4, "norms": NORMS, "synonyms": {}}
    return Order(files_in_order(held), **names | changes)


def write(world, files, out, tokens_per_batch=4096, valence=None, **changes):
    lm, vectors, known = world
    held = survey(files, False, changes.get("text_column", "text"))
    reader = Reader(vectors, lm, known, tokens_per_batch)
    return write_examples(order(files, held, **changes), reader, valence or {}, out, QUIET, held)


def test_planted_passages_are_the_strongest_and_marked(world, tmp_path):
    lm = world[0]
    texts = [sentence(lm, seed, 50, planted_word(lm) if seed in (3, 8, 11) else "") for seed in range(24)]
    synonyms = {EMOTIONS[0]: (planted_word(lm),)}
    found = write(world, [lines(tmp_path / "a.jsonl", texts)], tmp_path / "out", synonyms=synonyms)
    rows = passages(tmp_path / "out").filter(emotion=EMOTIONS[0])
    assert set(rows["text"][:3]) == {"t3", "t8", "t11"} and rows["has_synonym"].to_list() == [True] * 3 + [False]
    for row in rows.iter_rows(named=True):
        tokens = row["tokens"]
        assert "".join(tokens) == row["passage"] and row["end"] - row["start"] == len(tokens)
        if row["has_synonym"]:
            assert tokens[row["position"] - row["start"]].strip() == planted_word(lm) and row["percentile"] == 100
    plain = passages(tmp_path / "out", "without its words").filter(emotion=EMOTIONS[0])
    assert len(plain) == 4 and not {"t3", "t8", "t11"} & set(plain["text"])
    assert plain["strength"].max() < rows["strength"][2] / 2 and rows["strength"][3] >= plain["strength"][0]
    row = found.emotions[0]
    assert (row.own, row.synonym, row.either.of, row.without) == (0, 3, 4, 4) and row.chance.of == 24
    page = (tmp_path / "out" / "examples.html").read_text()
    assert re.search(rf'<span class="s4 peak syn">{planted_word(lm)}</span>', page)


def test_scores_are_those_of_read(world, tmp_path):
    lm, vectors, known = world
    path = lines(tmp_path / "a.jsonl", [sentence(lm, seed, 90 + 9 * seed) for seed in range(9)])
    write(world, [path], tmp_path / "out", window=64, top=100)
    table = tmp_path / "read.parquet"
    reading_job.read_files(reading_job.Order((path,), EMOTIONS, 2, 64), vectors, lm, known, table, QUIET)
    theirs = pl.read_parquet(table)
    ours = passages(tmp_path / "out").sort("score", descending=True).unique(["text", "emotion"], keep="first")
    joined = ours.join(theirs, left_on=["text", "emotion"], right_on=["id", "emotion"])
    assert len(joined) == 9 * 3
    np.testing.assert_allclose(joined["score"], joined["max_centred"], atol=1e-5)
    assert joined["position"].to_list() == joined["max_centred_position"].to_list()
    short = lines(tmp_path / "b.jsonl", [sentence(lm, seed, 40) for seed in range(6)])
    write(world, [short], tmp_path / "short", top=100)
    table = tmp_path / "short.parquet"
    reading_job.read_files(reading_job.Order((short,), EMOTIONS, 2, 512), vectors, lm, known, table, QUIET)
    both = passages(tmp_path / "short").join(
        pl.read_parquet(table), left_on=["text", "emotion"], right_on=["id", "emotion"]
    )
    np.testing.assert_allclose(both["strength"], both["max_centred_z"], rtol=1e-4)
    np.testing.assert_allclose(both["percentile"], both["max_centred_percentile"], atol=1e-3)


def test_long_texts_have_one_passage_for_each_stretch_and_emotion(world, tmp_path):
    found = write(
        world, [lines(tmp_path / "a.jsonl", [sentence(world[0], 1, 300)])], tmp_path / "out", window=64, top=50
    )
    rows = passages(tmp_path / "out").filter(emotion=EMOTIONS[0])
    assert len(rows) == found.read.stretches > 4 and found.read.texts == 1
    assert rows["position"].n_unique() == len(rows)


@pytest.mark.slow
def test_neither_batches_nor_the_order_of_files_matter(world, tmp_path, monkeypatch):
    lm = world[0]
    monkeypatch.setattr(pieces, "TEXTS_PER_PIECE", 8)
    files = [lines(tmp_path / f"{n}.jsonl", [sentence(lm, 50 * n + seed, 20) for seed in range(15)]) for n in range(3)]
    whole = write(world, files, tmp_path / "whole")
    other = write(world, files[::-1], tmp_path / "other")
    assert (tmp_path / "other" / FILES[0]).read_bytes() == (tmp_path / "whole" / FILES[0]).read_bytes()
    assert other == whole
    write(world, files, tmp_path / "small", 64)
    for kind in ("strongest", "without its words", "random"):
        one, two = passages(tmp_path / "whole", kind), passages(tmp_path / "small", kind)
        assert one["text"].to_list() == two["text"].to_list() and one["position"].to_list() == two["position"].to_list()
        np.testing.assert_allclose(one["score"].drop_nulls(), two["score"].drop_nulls(), atol=1e-5)


KILLED = """
import os, signal, sys
from pathlib import Path
from emotion_vectors.store import atomic
from natural.test_job import write
from transcripts import planted_texts
from emotion_vectors.transcripts import pieces
pieces.TEXTS_PER_PIECE = 6
keep = atomic.write_json
def killed(path, value):
    if path.name == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
    keep(path, value)
atomic.write_json = killed
lm, vectors = planted_texts.planted()
write((lm, vectors, planted_texts.calibrated(lm, vectors)), [Path(sys.argv[1])], Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("at", ["000002.json", "summary.json"])
def test_a_killed_job_goes_on_and_ends_with_the_same_bytes(world, tmp_path, monkeypatch, at):
    monkeypatch.setattr(pieces, "TEXTS_PER_PIECE", 6)
    path = lines(tmp_path / "a.jsonl", [sentence(world[0], seed, 15 + seed) for seed in range(21)])
    whole = write(world, [path], tmp_path / "whole")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]),
        "OMP_NUM_THREADS": "1",
    }
    out = tmp_path / "out"
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(out), at], env=environment, capture_output=True, timeout=600
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert not (out / "summary.json").exists()
    with pytest.raises(UserError, match="other settings"):
        write(world, [path], out, top=3)
    assert write(world, [path], out) == whole
    for name in FILES:
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.jsonl", "out", "whole"]
    assert write(world, [path], out) == whole
    with pytest.raises(UserError, match=r"made from other input \(settings\)"):
        write(world, [path], out, top=3)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_texts(world, tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "TEXTS_PER_PIECE", 16)
    monkeypatch.setattr("emotion_vectors.natural.kept.RANDOM_PASSAGES", 10)
    monkeypatch.setattr("emotion_vectors.natural.command.render", lambda *_: "")
    peaks = []
    for count in (32, 32, 256):
        path = lines(tmp_path / f"{len(peaks)}.jsonl", [sentence(world[0], seed, 12) for seed in range(count)])
        tracemalloc.start()
        write(world, [path], tmp_path / f"out{len(peaks)}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]


def test_texts_that_the_vectors_were_made_of_are_left_out(world, tmp_path):
    lm, vectors, known = world
    texts = [sentence(lm, seed, 20) for seed in range(5)]
    own = dataclasses.replace(vectors, text_hashes=text_hashes(texts[:2]))
    path = lines(tmp_path / "a.jsonl", [*texts, texts[4]])
    found = write((lm, own, known), [path], tmp_path / "out")
    assert (found.read.in_sample, found.read.repeated, found.read.stretches) == (2, 1, 4)
    assert set(passages(tmp_path / "out")["text"]) <= {"t2", "t3", "t4", "t5"}
    with pytest.raises(UserError, match="were made from them"):
        write((lm, own, known), [lines(tmp_path / "b.jsonl", texts[:2])], tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_a_planted_lexicon_agrees_and_another_does_not(world, tmp_path):
    lm = world[0]
    word = planted_word(lm)
    texts = [sentence(lm, seed, 30, " ".join([word] * (4 * (seed % 4)))) for seed in range(160)]
    path = lines(tmp_path / "a.jsonl", texts)
    common = sorted({one for text in texts for one in text.lower().split()})
    draw = np.random.default_rng(1)
    noise = {one: float(value) for one, value in zip(common, draw.normal(size=len(common)), strict=True)}
    planted_norms = Norms("planted", "here", "none", {"valence": {one: 0.0 for one in common} | {word.lower(): 9.0}})
    valence = {EMOTIONS[0]: "positive", EMOTIONS[1]: "negative", EMOTIONS[2]: "negative"}
    agreed = write(world, [path], tmp_path / "yes", norms=planted_norms, valence=valence).agreement
    axis = agreed.axis
    assert agreed.choosing + agreed.held_out == 160 and agreed.held_out == axis.texts  # no text is in both halves
    assert axis.interval[0] > max(axis.random, axis.shuffled) and axis.texts > 60
    assert "That is beyond both." in (tmp_path / "yes" / "examples.html").read_text()
    none = Norms("noise", "here", "none", {"valence": noise | {word.lower(): 0.0}})
    axis = write(world, [path], tmp_path / "no", norms=none, valence=valence).agreement.axis
    assert axis.interval[0] <= 0 <= axis.interval[1] or axis.p > 0.01
    page = (tmp_path / "no" / "examples.html").read_text()
    assert "That is beyond both." not in page


def test_random_directions_leave_the_emotions_as_they_are(world):
    vectors = world[1]
    wide = with_random(vectors, 2, 5)
    assert len(wide) == len(vectors) + 5
    np.testing.assert_array_equal(wide.unit(2)[:3], vectors.unit(2))
    np.testing.assert_allclose(np.linalg.norm(wide.unit(2)[3:], axis=1), 1, rtol=1e-5)
