"""What the tests of this folder share."""

from __future__ import annotations

import pytest
from report.record import build

from experiments.steering.records import Record


@pytest.fixture(params=[("full", 0), ("full", 3), ("toy", 0), ("toy", 1)], ids=str)
def record(request: pytest.FixtureRequest) -> Record:
    return build(*request.param)
