"""The preferences tab against choices that are computed by hand."""

import polars as pl
import pytest

from emotion_vectors.explorer.views import preferences as view

SCORES = pl.DataFrame(
    {
        "text": ["bake", "argue", "count"], "category": ["Helpful", "Aversive", "Neutral"], "elo": [1100.0, 900.0, 1000.0],
        "bradley_terry": [1087.0, 913.0, 1000.0], "nats": [0.5, -0.5, 0.0], "wins": [0.6, 0.4, 0.5],
    }
)  # fmt: skip
CHOICES = pl.DataFrame({"first": [0, 1, 0, 2], "second": [1, 0, 2, 0], "difference": [2.0, -1.0, 0.5, 0.5]})


def steering(**changes):
    """Vector `calm` on activity 0's tokens in both orders of the pair (0, 1), and rows that must not count."""
    rows = [
        ("emotion", "calm", 0.5, "2", "first", 0, 1, 2.6), ("emotion", "calm", 0.5, "2", "second", 1, 0, -1.2),
        ("emotion", "calm", 0.5, "2", "first", 1, 0, -9.0), ("emotion", "calm", 1.0, "2", "first", 0, 1, 99.0),
        ("emotion", "calm", 0.5, "1", "first", 0, 1, 99.0), ("emotion", "angry", 0.5, "2", "first", 0, 1, 99.0),
        ("emotion", "calm", 0.5, "2", "both", 0, 1, 99.0), ("zero", "0", 0.0, "2", "first", 0, 1, 2.0),
        ("random", "1", 0.5, "2", "first", 0, 1, 2.1),
    ]  # fmt: skip
    columns = ("kind", "name", "strength", "layers", "touched", "first", "second", "difference")
    return pl.DataFrame(rows, schema=columns, orient="row")


CALM = view.Steered("emotion", "calm", 0.5)


def test_change_and_steered_score_by_hand():
    pairs = view.asked(CHOICES, steering(), 2, CALM)
    rows = view.scored(SCORES, pairs)
    # As (A): 2.0 -> 2.6. As (B): it was chosen by 1.0, then by 1.2. Mean change 0.4. Activity 1: as (A) -1.0 -> -9.0.
    assert rows["change"].to_list() == [pytest.approx(0.4), pytest.approx(-8.0), None]
    assert rows["steered"].to_list() == [pytest.approx(0.9), pytest.approx(-8.5), None]


def test_without_steering_there_are_scores_alone():
    rows = view.scored(SCORES, view.asked(CHOICES, None, 2, None))
    assert rows["change"].null_count() == 3 and rows["nats"].to_list() == [0.5, -0.5, 0.0]


def test_conditions_are_those_of_the_layer_with_the_run_s_own_strength_first():
    found = view.conditions(steering(), 2, 0.5)
    assert [condition.label for condition in found] == [
        "angry, strength 0.5", "calm, strength 0.5", "calm, strength 1", "random direction 2 (control), strength 0.5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sort", "order"),
    [(view.SORTS[0], ["bake", "count", "argue"]), (view.SORTS[1], ["argue", "count", "bake"]), (view.SORTS[2], ["bake", "argue", "count"]),
     (view.SORTS[3], ["argue", "bake", "count"]), (view.SORTS[4], ["argue", "bake", "count"])],
)  # fmt: skip
def test_sorting_and_categories(sort, order):
    rows = view.scored(SCORES, view.asked(CHOICES, steering(), 2, CALM))
    assert view.ordered(rows, view.EVERY, sort)["text"].to_list() == order
    assert view.ordered(rows, "Neutral", sort)["text"].to_list() == ["count"]


def test_the_pairs_behind_a_score():
    html = view.pairs_table(SCORES, view.asked(CHOICES, steering(), 2, CALM), 0)
    argue, count = html.index(">argue<"), html.index(">count<")
    assert argue < count  # 1.5 nats against 0
    for number in ("+2.00", "+1.00", "+1.50", "+1.90", "+0.400"):
        assert argue < html.index(number) < count, number


def test_every_activity_is_a_button_with_its_own_row():
    rows = view.ordered(view.scored(SCORES, view.asked(CHOICES, None, 2, None)), view.EVERY, view.SORTS[1])
    html = view.activities_table(rows, None)
    assert html.index('data-row="1">argue') < html.index('data-row="2">count') < html.index('data-row="0">bake')
    assert "has no activities" in view.activities_table(rows.clear(), None)
