"""Labelled texts from parquet files, lists and topics."""

import polars as pl

from corpus.personas import TEXTS, call
from emotion_vectors import EmotionVectors


def test_parquet_lists_and_topics(tmp_path):
    frame = pl.DataFrame({"trait": list(TEXTS), "said": [some[:3] for some in TEXTS.values()], "topic": ["sea", "sea"]})
    frame.write_parquet(tmp_path / "texts.parquet")
    call(
        "vectors", tmp_path / "texts.parquet", "--label-column", "trait", "--text-column", "said", "--model", "toy", "--device", "cpu",
        "--out", tmp_path / "t.safetensors", "--neutral-texts", "5", "--first-token", "3",
    )  # fmt: skip
    vectors = EmotionVectors.load(tmp_path / "t.safetensors")
    assert vectors.header["texts"] == [3, 3] and vectors.header["topics"] == 1 and vectors.header["first_token"] == 3
    assert vectors.header["neutral_texts"] == vectors.calibration.texts == 5
    assert vectors.reliability is None  # one topic has no halves
