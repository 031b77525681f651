"""Records of both sizes."""

from __future__ import annotations

from typing import Any

import pytest

from report.record import build

Record = dict[str, Any]


@pytest.fixture(params=[("full", 0), ("full", 3), ("toy", 0), ("toy", 1)], ids=str)
def record(request: pytest.FixtureRequest) -> Record:
    return build(*request.param)
