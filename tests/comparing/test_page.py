"""Page, table and record agree, and hostile names are text."""

import json
import re

import polars as pl

from emotion_vectors.comparing import compare_runs

ATTACK = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'


def test_page_table_and_record_agree_and_hostile_names_are_text(toy_run, others, tmp_path):
    out = tmp_path / "out"
    record = compare_runs([toy_run[0], others["turned"], others["foreign"]], out, 200)
    assert json.loads((out / "comparison.json").read_text()) == json.loads(json.dumps(record))
    page = (out / "comparison.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page and "&lt;img src=x onerror=" in page
    assert not re.search(r"<script|https?://", page)
    table = pl.read_parquet(out / "comparison.parquet")
    assert table.filter(pl.col("what") == "criterion").height == 33
    mean = table.filter((pl.col("what") == "cosine, mean") & (pl.col("with") == "turned"))
    assert mean["value"].item() == record["pairs"][0]["vectors"]["mean"] and mean["low"].item() < mean["high"].item()
    assert table.filter(pl.col("what") == "cosine").height == 12
    assert len(page) < 5_000_000
