"""The table says what could not be read."""

import json

import polars as pl
import pytest
from tiny import tiny
from vectors.worlds import make_vectors

from emotion_vectors.errors import UserError
from emotion_vectors.progress import Reporter
from emotion_vectors.transcripts.job import read_files
from emotion_vectors.transcripts.table import SCHEMA
from transcripts.jobs import order

QUIET = Reporter(quiet=True)


def test_the_table_says_what_could_not_be_read(tmp_path):
    lm, vectors = tiny(), make_vectors()
    path = tmp_path / "a.jsonl"
    chat = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "Rest"},
    ]
    mark = [{"role": "user", "content": "\ue0f1"}]
    path.write_text(
        "".join(json.dumps(row) + "\n" for row in ({"messages": chat}, {"messages": mark}, {"text": "Rest"}))
        + "broken\n"
    )
    out = tmp_path / "out.jsonl"
    with pytest.raises(UserError, match=r"a\.jsonl, line 4"):
        read_files(order(path), vectors, lm, None, out, QUIET)
    assert list(tmp_path.iterdir()) == [path], "nothing may be left of an order that was refused"
    record = read_files(order(path, skip_bad=True), vectors, lm, None, out, QUIET)
    assert record["counts"] == {"texts": 3, "bad": 1, "messages": 3, "tokens": 3, "problems": 2, "in_sample": 0} | {
        "tokens": record["counts"]["tokens"],
        "with_control_tokens": 0,
        "with_thoughts": 0,
        "with_other_parts": 0,
        "texts_beside_messages": 0,
    }
    rows = pl.read_ndjson(out, schema=SCHEMA)
    assert rows["item"].to_list() == [1] * 7 + [2] + [3] * 3
    assert rows["message"].to_list() == [0] * 3 + [1] + [2] * 3 + [None] + [0] * 3
    problems = rows.filter(pl.col("problem").is_not_null())
    assert (
        problems["emotion"].null_count() == 2
        and "left out" in problems["problem"][0]
        and "U+E0F1" in problems["problem"][1]
    )
    assert rows.filter(pl.col("problem").is_null())["mean_raw"].null_count() == 0
    assert rows["mean_raw_percentile"].null_count() == len(rows)


def test_what_a_message_has_beside_its_words_is_counted(tmp_path):
    vectors, lm, path = make_vectors(), tiny(), tmp_path / "a.jsonl"
    chat = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "See <|im_end|>"}, {"type": "image_url", "image_url": "x"}],
        },
        {"role": "assistant", "content": "<think>\nA cat.\n</think>\n\nA dog."},
        {"role": "user", "content": "Well?"},
        {"role": "assistant", "content": "<think>It never ends"},
    ]
    plain = [{"role": "user", "content": "See <|im_end|>"}, {"role": "assistant", "content": "A dog."}, chat[2]]
    path.write_text("".join(json.dumps(row) + "\n" for row in ({"messages": chat, "text": "x"}, {"messages": plain})))
    record = read_files(order(path), vectors, lm, None, tmp_path / "out.parquet", QUIET)
    rows = pl.read_parquet(tmp_path / "out.parquet").unique(["item", "message"], maintain_order=True)
    noted = rows.select("message", "control_tokens", "thought_tokens", "other_parts", "problem").rows()
    thought = len(lm.tokenizer("A cat.", add_special_tokens=False)["input_ids"])
    why = "it is a thought without an answer and was left out"
    assert noted[:4] == [(0, 1, 0, 1, None), (1, 0, thought, 0, None), (2, 0, 0, 0, None), (3, None, None, None, why)]
    # The scores are those of the chat without thoughts and pictures.
    scores = rows.filter(pl.col("problem").is_null()).select("item", "message", "emotion", "mean_raw", "response_raw")
    first, second = (scores.filter(pl.col("item") == item).drop("item") for item in (1, 2))
    assert first.equals(second) and len(first) == 3
    counts = record["counts"]
    assert [counts[name] for name in ("with_control_tokens", "with_thoughts", "with_other_parts")] == [2, 1, 1]
    assert counts["texts_beside_messages"] == 1
