"""A range is a type: what lies outside is refused where the record is read, and what was read is written the same."""

import json
import math

import pytest
from pydantic import Field, ValidationError

from emotion_vectors.record.base import Bounded, Correlation, Count, Interval, Number, Part, Rank, Share


class Sample(Part):
    """A part with a field of each range."""

    r: Correlation = 0
    share: Share = 0
    count: Count = 0
    rank: Rank = 1
    interval: Interval = Field(default=[0, 1])
    number: Number = 0


class Ends(Bounded):
    """A part with both ends of an interval."""

    low: Number | None = None
    high: Number | None = None


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("r", [-1, 1, 1.0000000002], [1.1, -1.1]), ("share", [0, 1, -1e-9], [1.1, -0.1]), ("count", [0, 7], [-1]),
        ("rank", [1, 2.5], [0.5, 0]), ("interval", [[1, 1], [0, 2]], [[2, 1], [1], [1, 2, 3], []]),
        ("number", [-5, 1e9], [math.nan, math.inf, "5", True, None]),
    ],
)  # fmt: skip
def test_each_range_takes_what_is_inside_and_refuses_the_rest(name, inside, outside):
    for value in inside:
        assert getattr(Sample(**{name: value}), name) == value
    for value in outside:
        with pytest.raises(ValidationError):
            Sample(**{name: value})


@pytest.mark.parametrize(
    ("low", "high", "right"), [(0, 1, True), (1, 1, True), (None, None, True), (2, 1, False), (None, 1, False)]
)
def test_both_ends_or_neither_in_order(low, high, right):
    if right:
        assert Ends(low=low, high=high).high == high
    else:
        with pytest.raises(ValidationError):
            Ends(low=low, high=high)


def test_what_was_read_is_written_the_same():
    """Whole numbers stay whole, and what was not there is not added."""
    for text in ('{"r": 1, "count": 20}', '{"r": 1.0, "count": 20.0}', '{"interval": [0, 1.5], "number": 0.1}'):
        assert json.dumps(Sample(**json.loads(text)).dump()) == text


def test_parts_are_frozen_and_know_their_fields():
    with pytest.raises(ValidationError):
        Sample(other=1)
    with pytest.raises(ValidationError):
        Sample().r = 0.5
