"""Figures of the inversion and the sweeps show what their captions say, and are left out where there are none."""

from __future__ import annotations

from typing import Any

import pytest
from report.asking import (
    arms_table,
    inversion_table,
    lettered_figures,
)
from report.drawing import assert_shows
from report.record import build

from experiments.steering.records import _steering

Record = dict[str, Any]
SHOWN = {
    "A": {"point": {"x": "r", "y": "nats", "color": "half", "shape": "half"}, "line": {"x": "r", "y": "nats"}},
    "B": {"line": {"x": "strength", "y": "nats", "color": "valence"}, "area": {"y": "random_low", "y2": "random_high"}},
    "C": {"line": {"x": "layer", "y": "nats", "color": "valence"}, "area": {"y": "random_low", "y2": "random_high"}},
}


@pytest.mark.parametrize("number", SHOWN)
def test_a_figure_shows_what_its_caption_says(number: str) -> None:
    assert_shows(number, SHOWN[number])


@pytest.mark.slow
def test_figures_without_sweeps_and_without_steering_are_left_out() -> None:
    record = build("toy")
    _steering(record).update(dose=None, depth=None)
    assert [figure.number for figure in lettered_figures(record)] == ["A", "D"]
    del record["experiments"]["steering"], record["experiments"]["feels"]
    assert lettered_figures(record) == [] and arms_table(record) is None and inversion_table(record) is None
