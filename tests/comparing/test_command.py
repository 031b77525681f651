"""What a comparison warns of, and what it leaves out."""

import polars as pl
import pytest

from comparing.folders import altered, pair
from emotion_vectors.comparing import compare_runs


def test_runs_on_the_same_stories_are_warned_of(toy_run, tmp_path):
    other = altered(toy_run[0], tmp_path / "other")
    assert pair(toy_run, other)["shared_stories"] is None
    stories = pl.read_parquet(toy_run[0] / "stories.parquet")
    kept = stories.filter("kept")
    half = kept.with_columns(
        pl.when(pl.int_range(pl.len()) < kept.height // 2).then("text").otherwise(pl.lit("Another one."))
    )
    half.write_parquet(other / "stories.parquet")
    assert pair(toy_run, other)["shared_stories"] == pytest.approx(kept.height // 2 / (kept.height // 2 + 1))
    record = compare_runs([toy_run[0], other], tmp_path / "out", 200)
    assert (
        record["pairs"][0]["shared_stories"]
        and "same texts in both runs" in (tmp_path / "out" / "comparison.html").read_text()
    )


def test_a_criterion_that_an_older_run_lacks_is_not_compared(toy_run, tmp_path):
    folder, record = toy_run
    older = {name: one for name, one in record["criteria"].items() if name != "V11"}
    older = altered(folder, tmp_path / "older", criteria=older)
    for order in ([folder, older], [older, folder]):
        found = compare_runs(order, tmp_path / "out", 200)
        assert [row["id"] for row in found["pairs"][0]["criteria"]] == [f"V{i}" for i in range(1, 11)]
        page = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
        assert page.count("not judged (older run)") == 1 and "V11 Steering has the sign of the valence" in page
