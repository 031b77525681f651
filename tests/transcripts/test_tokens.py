"""The table of every token: against readings of one text at a time, in windows, killed, and too large."""

import json

import numpy as np
import polars as pl
import pytest
from tiny import tiny
from vectors.worlds import EMOTIONS, make_vectors

from emotion_vectors.errors import UserError
from emotion_vectors.progress import Reporter
from emotion_vectors.transcripts import job
from emotion_vectors.transcripts.job import Order, read_files
from emotion_vectors.transcripts.sources import survey
from emotion_vectors.transcripts.tokens import SCHEMA, require_moderate
from emotion_vectors.vectors.calibration import own_tokens

from .planted_texts import calibrated, sentence

QUIET = Reporter(quiet=True)
LAYERS = (1, 2)
CHAT = [{"role": "user", "content": "Where is the ferry?"}, {"role": "assistant", "content": "At the pier."}]


def order(*files, **changes):
    return Order(tuple(files), **{"emotions": EMOTIONS[:2], "layer": 2, "window": 512, "tokens": LAYERS} | changes)


@pytest.fixture(scope="module")
def world():
    lm, vectors = tiny("llama"), make_vectors()
    return lm, vectors, calibrated(lm, vectors)


@pytest.fixture
def file(world, tmp_path):
    rows = [
        {"text": sentence(world[0], 0, 30), "id": "one"},
        {"messages": [*CHAT, {"role": "user", "content": ""}]},
    ]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_every_token_has_the_cosines_of_a_reading_and_the_rank_of_a_message_as_short(world, file, tmp_path):
    lm, vectors, known = world
    record = read_files(order(file), vectors, lm, known, tmp_path / "t.parquet", QUIET)
    rows = pl.read_parquet(tmp_path / "t.parquet")
    assert dict(rows.schema) == SCHEMA and record["identity"]["settings"]["tokens"] == list(LAYERS)
    assert rows.filter(pl.col("problem").is_not_null())["message"].to_list() == [2]
    texts = [json.loads(line) for line in file.read_text().splitlines()]
    for number, text in enumerate(texts[:2], start=1):
        reading = vectors.read(lm, text.get("text") or CHAT, EMOTIONS[:2], layers=list(LAYERS))
        [drawn] = reading.plot(2).to_dict()["datasets"].values()
        plotted = {(row["place"], row["name"]): row["cosine"] for row in drawn}
        for message, span in enumerate(reading.messages):
            first, last = own_tokens(span.first, span.last)
            here = rows.filter(pl.col("problem").is_null(), item=number, message=message)
            assert len(here) == (last - first) * 2 * len(LAYERS)
            assert here["token"].to_list()[:: 2 * len(LAYERS)] == list(reading.tokens[first:last])
            assert here["position"].to_list() == list(np.repeat(np.arange(first, last) - span.first, 2 * len(LAYERS)))
            assert here["raw"].to_numpy() == pytest.approx(reading.raw[first:last].ravel(), abs=1e-5)
            assert here["centred"].to_numpy() == pytest.approx(reading.centred[first:last].ravel(), abs=1e-5)
            form = int("messages" in text)
            for row in here.iter_rows(named=True):
                usual = known.scores[form, 1, 1, row["layer"], EMOTIONS.index(row["emotion"])]  # means over 4 tokens
                value = np.float16(row["centred"])
                assert row["percentile"] == pytest.approx(
                    50 * ((usual < value).mean() + (usual <= value).mean()), abs=1e-4
                )
                place = row["position"] + span.first
                label = next(
                    label for label, name in plotted if label.startswith(f"{place}:") and name == row["emotion"]
                )
                if row["layer"] == 2:
                    assert plotted[label, row["emotion"]] == pytest.approx(row["centred"], abs=1e-4)


def test_in_windows_each_token_counts_once_and_a_killed_job_goes_on(world, tmp_path, monkeypatch):
    lm, vectors, known = world
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps({"text": sentence(lm, seed, 200)}) + "\n" for seed in range(3)))
    monkeypatch.setattr(job, "characters_per_piece", lambda *_: 1)  # a piece for each text
    whole = order(path, window=80)
    read_files(whole, vectors, lm, known, tmp_path / "whole.parquet", QUIET)
    rows = pl.read_parquet(tmp_path / "whole.parquet")
    counted = rows.group_by("item", "emotion", "layer").agg(pl.col("position").n_unique().alias("n"), pl.len())
    assert (counted["n"] == counted["len"]).all() and rows["raw"].null_count() == 0 and rows["item"].n_unique() == 3
    real, calls = job.score_texts, []

    def dies(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(job, "score_texts", dies)
    with pytest.raises(KeyboardInterrupt):
        read_files(whole, vectors, lm, known, tmp_path / "again.parquet", QUIET)
    assert not (tmp_path / "again.parquet").exists()
    read_files(whole, vectors, lm, known, tmp_path / "again.parquet", QUIET)
    assert len(calls) == 4 and pl.read_parquet(tmp_path / "again.parquet").equals(rows)
    with pytest.raises(UserError, match="was made from other input"):
        read_files(order(path, window=80, tokens=()), vectors, lm, known, tmp_path / "again.parquet", QUIET)


def test_a_table_that_would_be_gigantic_is_refused_with_its_size(file):
    held = survey([file], True)
    assert held.utf8 == sum(len(text) for item in (file,) for text in _contents(item))
    require_moderate(held, 2, 2, 10_000)
    with pytest.raises(UserError, match=r"about 1,\d{3},\d{3} rows \(0\.\d GB\).*--most-rows \d+") as told:
        require_moderate(held._replace(utf8=4 * 1000), 171, 8, 10_000)
    require_moderate(
        held._replace(utf8=4 * 1000), 171, 8, int(str(told.value).rpartition("--most-rows ")[2].rstrip("."))
    )


def _contents(path):
    for line in path.read_text().splitlines():
        row = json.loads(line)
        yield from [row["text"]] if "text" in row else [one["content"] for one in row["messages"]]
