"""Sentences of the scenarios, recomputed the plain way."""

from __future__ import annotations

from typing import Any

import numpy as np
from report.asking import (
    abstract,
    figure_claims,
)

Record = dict[str, Any]


def test_scenario_sentence(record: Record) -> None:
    scenarios = record["experiments"]["scenarios"]
    seen, counts = figure_claims(record, 1).seen, []
    for kind in ("raw", "centred"):
        matrix = np.array(scenarios[kind])
        first = int(np.sum(matrix.argmax(axis=0) == np.arange(12)))
        rank = np.mean([np.sum(matrix[:, j] >= matrix[j, j]) for j in range(12)])
        assert f"{first} of 12 scenarios" in seen and f"mean rank {rank:.2f}" in seen
        counts.append(first)
    said = f"The intended probe is the highest in {counts[0]} of 12 texts that imply an emotion without naming it"
    assert f"{said} ({counts[1]} of 12 after centring; guessing gives 1 of 12)." in abstract(record)
    assert "first in 1 of 12 and at mean rank 6.5" in figure_claims(record, 1).chance
