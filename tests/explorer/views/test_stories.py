"""The stories tab: counts, filters, pages and one story."""

import polars as pl
import pytest

from emotion_vectors.explorer.runs import Run
from emotion_vectors.explorer.views import stories as view
from explorer.test_markup import Seen

STORIES = pl.DataFrame(
    {
        "emotion": ["sad", "calm", "sad"] * 15, "topic": ["rain"] * 45, "round": [0] * 45, "seed": list(range(45)), "words": [3] * 45,
        "tokens": [4] * 45, "text": ["It rained.", "<b>Sun</b> (50 %)", "It Poured"] * 15, "kept": [True, True, False] * 15,
        "dropped": ["", "", "too short"] * 15, "writer": ["w"] * 45,
    }
)  # fmt: skip


def test_the_summary_counts_and_gives_the_reasons(tmp_path):
    seen = Seen(view.corpus_summary(Run("r", tmp_path), STORIES)).text
    assert "45 stories written, 30 kept" in seen and "too short1533 %" in seen
    assert "run the same command" in view.corpus_summary(Run("r", tmp_path), None)


@pytest.mark.parametrize(
    ("emotion", "state", "words", "count"),
    [(view.EVERY, "all stories", "", 45), ("sad", "kept", "", 15), (view.EVERY, "dropped", "", 15), ("calm", "dropped", "", 0),
     (view.EVERY, "all stories", "POURED", 15), (view.EVERY, "kept", "(50", 15), (view.EVERY, "kept", "sun.", 0)],
)  # fmt: skip
def test_filters(emotion, state, words, count):
    assert len(view.select(STORIES, emotion, state, words)) == count


def test_pages_hold_every_story_once_and_name_the_row():
    selected = view.select(STORIES, "sad", "all stories", "")
    assert view.pages(selected) == 2 and view.pages(selected.clear()) == 1
    rows = [row for page in (1, 2) for _, row in view.choices(selected, page)]
    assert rows == [i for i in range(45) if i % 3 != 1]
    assert view.choices(selected, 1)[1] == ("3 · sad · rain · dropped: too short", 2)


def test_a_story_is_text_and_says_what_became_of_it():
    kept, dropped = (view.story(STORIES.row(i, named=True), "<script>") for i in (1, 2))
    assert "<b>Sun</b> (50 %)" in Seen(kept).text and "b" not in [tag for tag, _ in Seen(kept).tags]
    assert "script" not in [tag for tag, _ in Seen(kept).tags] and "<script>" in Seen(kept).text
    assert "dropped: too short" in Seen(dropped).text and "dropped" not in Seen(kept).text
