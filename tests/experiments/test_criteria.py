"""The judge against its decision table, written out again here, over a grid of everything that can meet."""

import itertools
import json
import math

import pytest

from emotion_vectors.experiments.criteria import Null, Threshold, judge, number, scaled

NAN = math.nan
UNIT = "things"


def decide(value, low, high, null, p, bar, side, blocked="", of=None):
    return judge("V0", "Test", value, (low, high), Null("chance", null, p), Threshold(bar, side), UNIT, of, "", blocked)


def expected(value, low, high, null, p, bar, side):
    """The docstring of the module, one rule after the other."""
    if side == "at most":  # the mirror image
        return expected(-value, -high, -low, -null, p, -bar, "at least")
    low, high = min(low, value), max(high, value)
    meets = (lambda x: x > bar) if side == "above" else (lambda x: x >= bar)
    if high <= null:
        return "fail"
    if not meets(high):
        return "fail"
    return "pass" if low > null and p <= 0.05 and meets(value) else "inconclusive"


GRID = (0.0, 2.0, 4.0, 6.0)


@pytest.mark.parametrize("side", ["at least", "above", "at most"])
def test_every_combination_of_value_interval_null_p_and_bar(side):
    seen = set()
    for value, low, high, null, bar in itertools.product(GRID, repeat=5):
        if low > high:
            continue
        for p in (0.001, 0.05, 0.051, 1.0):
            found = decide(value, low, high, null, p, bar, side)
            assert found.verdict == expected(value, low, high, null, p, bar, side), (value, low, high, null, bar, p)
            reached = {"at least": value >= bar, "above": value > bar, "at most": value <= bar}[side]
            assert found.seed_verdict == ("pass" if reached else "fail")
            seen.add((found.verdict, found.seed_verdict))
    # A pass by evidence is always one by Hong's bar; the other five combinations all happen.
    assert seen == {("pass", "pass"), ("fail", "pass"), ("fail", "fail"), ("inconclusive", "pass"),
                    ("inconclusive", "fail")}  # fmt: skip


def test_the_reported_interval_holds_its_estimate():
    found = decide(7.0, 2.0, 5.0, 1.0, 0.01, 4.0, "at least")
    assert found.interval == [2.0, 7.0] and found.verdict == "pass"
    # The estimate pulls the interval down to chance: no pass although the draws lie beyond it.
    assert decide(1.0, 2.0, 5.0, 1.5, 0.01, 1.0, "at least").verdict == "inconclusive"


@pytest.mark.parametrize("numbers", list(itertools.product((1.0, NAN), repeat=5)))
def test_what_is_not_a_number_is_never_judged(numbers):
    value, low, high, null, p = numbers
    for side in ("at least", "above", "at most"):
        found = decide(value, low, high, null, p if math.isnan(p) else 0.01, 0.5, side)
        if any(math.isnan(x) for x in numbers):
            assert found.verdict == "inconclusive" and found.interval is None
            assert "can't be estimated" in found.reason
        if math.isnan(value):
            assert found.seed_verdict == "inconclusive" and found.value is None
            assert found.reason.startswith("Not measured: ") and "not known" not in found.reason
        json.dumps(found.dump(), allow_nan=False)


@pytest.mark.parametrize("side", ["at least", "above", "at most"])
def test_blocked_is_inconclusive_whatever_the_numbers_say(side):
    for value in (0.0, 3.0, 9.0):
        found = decide(value, value, value, 3.0, 0.001, 3.0, side, blocked="the model says nothing")
        assert found.verdict == "inconclusive" and found.reason.endswith("the model says nothing.")


def test_nothing_to_count_has_no_verdict_of_either_kind():
    threshold = scaled(17, 0, 24)
    found = judge("V5", "Signs", 0, (0, 0), Null("chance", 0.0, 1.0), threshold, UNIT, 0)
    assert (found.verdict, found.seed_verdict, found.value) == ("inconclusive", "inconclusive", None)


@pytest.mark.parametrize(
    "bar, of, full, value", [(20, 171, 171, 20), (20, 30, 171, 4), (25, 7, 35, 5), (8, 4, 12, 3), (5, 12, 171, 1)]
)
def test_bars_are_scaled_upwards_and_say_so(bar, of, full, value):
    threshold = scaled(bar, of, full)
    assert threshold.value == value >= bar * of / full
    assert threshold.value - 1 < bar * of / full
    noted = judge("V1", "Test", 1, (0, 2), Null("chance", 0.0, 0.5), threshold, UNIT, of, note="More.").note
    assert noted == ("More." if of == full else f"Hong's bar of {bar} out of {full} is scaled to {value} out of {of}. More.")  # fmt: skip


def test_the_seed_may_look_at_another_number_and_the_verdict_does_not():
    threshold = Threshold(0.4, "above", of="|r|")
    found = judge("V10", "Steering", -0.9, (-1, -0.8), Null("chance", 0.0, 1.0), threshold, "r", seed_value=0.9)
    assert (found.seed_verdict, found.verdict, found.seed_value) == ("pass", "fail", 0.9)
    assert found.threshold_text == "|r| > 0.4"


@pytest.mark.parametrize(
    "value, text",
    [
        (57.0, "57"),
        (0.00031, "0.0003"),
        (-4e-06, "0.0000"),
        (-0.00007, "-0.0001"),
        (1e-4, "0.0001"),
        (0.8512, "0.851"),
        (689.4, "689"),
        (-2.5, "-2.5"),
        (NAN, "not known"),
        (0, "0"),
    ],
)
def test_numbers_in_sentences(value, text):
    assert number(value) == text
