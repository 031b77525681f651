"""Figures without sweeps are left out."""

from __future__ import annotations

from typing import Any

import pytest
from report.asking import (
    arms_table,
    inversion_table,
    lettered_figures,
)
from report.record import build

from experiments.steering.records import _steering

Record = dict[str, Any]


@pytest.mark.slow
def test_figures_without_sweeps_and_without_steering_are_left_out() -> None:
    record = build("toy")
    _steering(record).update(dose=None, depth=None)
    assert [figure.number for figure in lettered_figures(record)] == ["A", "D"]
    del record["experiments"]["steering"], record["experiments"]["feels"]
    assert lettered_figures(record) == [] and arms_table(record) is None and inversion_table(record) is None
