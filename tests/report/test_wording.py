"""One way of writing each kind of number."""

from __future__ import annotations

import pytest

from emotion_vectors.record.criterion import Criterion
from emotion_vectors.report.wording import (
    count,
    interval,
    listing,
    measured,
    number,
    p_value,
    points,
    ranges,
    shortened,
    sided,
    signed,
)

from .record import build


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not available"),
        (57, "57"),
        (205200, "205,200"),
        (-0.962, "−0.962"),
        (1403.4, "1,403"),
        (0.00002, "0.000"),
        (-0.000004, "0.000"),
        (6.5, "6.5"),
        (0, "0"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(212.4, "+212"), (-303.0, "−303"), (-4.6, "−4.6"), (0.2, "+0.2"), (0.02, "+0.02"), (-0.0001, "0.00")],
)
def test_points(value: float, text: str) -> None:
    assert points(value) == text


def test_words() -> None:
    assert signed(-0.04, 1) == "0.0" and signed(1.25, 1) == "+1.2"
    assert count(1, "story", "stories") == "1 story" and count(1026, "story", "stories") == "1,026 stories"
    assert listing([]) == "none" and listing(["a"]) == "a" and listing(["a", "b", "c"]) == "a, b and c"
    assert shortened(list("abcdefgh"), 4) == "a, b, c and 5 more" and shortened(["a", "b"], 4) == "a and b"
    assert p_value(0.0004) == "p < 0.001" and p_value(0.03) == "p = 0.03" and p_value(0.3) == "p = 0.30"
    assert interval([0.711, 0.929], 2) == "0.71 to 0.93" and interval(None) == "not available"
    order = [f"V{i}" for i in range(1, 12)]
    assert ranges(["V1", "V2", "V4", "V5", "V6", "V11"], order) == "V1, V2, V4 to V6, V11"


def test_measured() -> None:
    v1 = Criterion.model_validate(build("toy")["criteria"]["V1"])
    shown = {
        (57, 171, ""): "57/171",
        (689.2, None, "Elo points"): "689 Elo points",
        (-0.962, None, "r"): "−0.96",
        (None, None, ""): "not measured",
    }
    for (value, of, unit), text in shown.items():
        assert measured(v1.model_copy(update={"value": value, "of": of, "unit": unit})) == text
    assert measured(v1.model_copy(update={"value": None, "verdict": "not asked"})) == "not asked"


@pytest.mark.parametrize(
    ("bounds", "says"),
    [((0.01, 0.2), "above"), ((-0.2, -0.01), "below"), ((-0.01, 0.2), "neither"), ((0.0, 0.2), "neither")],
)
def test_a_side_is_said_only_where_the_whole_interval_is_on_it(bounds: tuple[float, float], says: str) -> None:
    assert sided(bounds, "above", "below", "neither") == says
