"""Published numbers agree with each other."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_vectors.report import published


def test_published_numbers_agree_with_each_other() -> None:
    paper = published.published()
    matrix = np.array(paper.scenario_cosines)
    assert int(np.sum(matrix.argmax(axis=0) == np.arange(12))) == published.CRITERIA["V3"].paper.value  # type: ignore[union-attr]
    centred = matrix - matrix.mean(axis=1, keepdims=True)
    assert int(np.sum(centred.argmax(axis=0) == np.arange(12))) == published.PAPER_SCENARIOS_CENTRED.value
    assert len(paper.sorted_r) == 171 and sum(abs(r) > 0.3 for r in paper.sorted_r) == 114
    r, change = np.array(paper.steering_points).T
    assert (
        np.corrcoef(r, change)[0, 1] == pytest.approx(0.852, abs=0.001)
        and int(np.sum(np.sign(r) == np.sign(change))) == 28
    )
    means = {
        name: np.mean([a.elo for a in paper.activities if a.category == name]) for name in published.PAPER_CATEGORIES
    }
    assert {name: round(float(mean)) for name, mean in means.items()} == pytest.approx(
        published.PAPER_CATEGORIES, abs=1
    )
    elo = np.array([a.elo for a in paper.activities])
    for emotion, expected in published.PAPER_CORRELATION.items():
        probe = np.array([getattr(a, emotion) for a in paper.activities])
        assert np.corrcoef(probe, elo)[0, 1] == pytest.approx(expected, abs=0.01)
        kept = np.array([a.category not in ("Misaligned", "Unsafe") for a in paper.activities])
        assert np.corrcoef(probe[kept], elo[kept])[0, 1] == pytest.approx(
            published.PAPER_CORRELATION_WITHOUT_EXTREMES[emotion], abs=0.01
        )
