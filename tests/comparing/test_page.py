"""Page, table and record agree, and hostile names are text."""

import json
import re

import polars as pl
import pytest

from emotion_vectors.comparing import compare_runs, page
from emotion_vectors.comparing.training_told import _shift
from emotion_vectors.report.wording import fixed

ATTACK = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'


def test_page_table_and_record_agree_and_hostile_names_are_text(toy_run, others, tmp_path):
    out = tmp_path / "out"
    record = compare_runs([toy_run[0], others["turned"], others["foreign"]], out, 200)
    assert json.loads((out / "comparison.json").read_text()) == json.loads(json.dumps(record))
    text = (out / "comparison.html").read_text(encoding="utf-8")
    assert "<img src=x" not in text and "&lt;img src=x onerror=" in text
    assert not re.search(r"<script|https?://", text)
    table = pl.read_parquet(out / "comparison.parquet")
    assert table.filter(pl.col("what") == "criterion").height == 33
    mean = table.filter((pl.col("what") == "cosine, mean") & (pl.col("with") == "turned"))
    assert mean["value"].item() == record["pairs"][0]["vectors"]["mean"] and mean["low"].item() < mean["high"].item()
    assert table.filter(pl.col("what") == "cosine").height == 12
    assert len(text) < 5_000_000


def opened(*apart):
    rows = [{"id": f"V{place}", "apart": one} for place, one in enumerate(apart, 1)]
    run = {"name": "a", "model_sha256": "s", "verdicts": {}, "criteria": rows}
    return page.opening({"runs": [run, run], "pairs": [{"runs": ["a", "b"], "criteria": rows}]})


def test_the_opening_speaks_of_no_interval_that_is_not_there():
    assert "overlap in all 2 comparisons of a criterion (1 can't be compared" in opened(False, None, False)
    assert "overlap in the one comparison of a criterion, so" in opened(False)
    assert "No criterion has intervals of two runs that can be compared." in opened(None, None)
    assert "In 1 case the 95 % intervals of two runs do not overlap for a criterion: V2 of a and b." in opened(
        False, True
    )


@pytest.mark.parametrize(
    ("share", "said"), [(1.0, "All stories"), (0.999, "99 % of the stories"), (0.3, "30 %"), (0.001, "Under 1 %")]
)
def test_shared_stories_are_those_of_the_smaller_run(share, said):
    told = page._shared(share)
    assert told.startswith(said) and "of the run with fewer" in told


@pytest.mark.parametrize(
    ("value", "ends", "said"),
    [(-0.06, [-0.17, 0.03], "not shown to be more"), (1.18, [0.78, 1.55], ": more than the words"), (-0.4, [-0.6, -0.2], ": less than")],
)  # fmt: skip
def test_the_words_have_a_direction_only_with_an_interval(value, ends, said):
    words = {"bar": 0.05, "difference": value, "interval": ends, "partial": 0.1, "partial_interval": [0, 0.2]}
    told = page._words({"words": words})
    assert f"less that is {fixed(value)}" in told and said in told and told.count("more") == ("more" in said)


def test_shifts_to_one_side_are_not_called_up_and_down():
    emotions = [
        {"emotion": name, "shift": shift, "interval": [0.01, 0.09]} for name, shift in (("sad", 0.02), ("calm", 0.08))
    ]
    told = _shift({"emotions": emotions, "shift": 0.05, "random_shift": 0.01, "beyond": 1})
    assert (
        "The shifts run from sad +0.020 (0.010 to 0.090) to calm +0.080 (0.010 to 0.090)." in told
        and "down" not in told
    )
