"""Sentences of the correlations, recomputed the plain way."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from report.asking import (
    figure_claims,
)
from scipy import stats

from emotion_vectors.experiments.correlation.sentences import chance_band
from emotion_vectors.report.wording import fixed

Record = dict[str, Any]


def test_correlation_sentence(record: Record) -> None:
    rows = record["experiments"]["correlation"]["emotions"]
    r = np.array([row["r"] for row in rows])
    claims = figure_claims(record, 3)
    assert f"{np.sum(np.abs(r) > 0.3)} of {len(r)} emotions have |r| > 0.3" in claims.seen
    assert f"r runs from {fixed(r.min())} to {fixed(r.max())}" in claims.seen
    for position in (np.argmax(r), np.argmin(r)):
        one = rows[position]
        assert f"{one['emotion']} ({one['valence']}, {fixed(one['low'])} to {fixed(one['high'])})" in claims.seen
    assert f"{sum(row['q'] < 0.05 for row in rows)} of {len(rows)} hold" in claims.chance


def test_direction_words_follow_the_sign(record: Record) -> None:
    for figure, valence in ((5, "positive"), (7, "negative")):
        shown, rows = (
            record["experiments"]["correlation"]["examples"][valence],
            record["experiments"]["correlation"]["emotions"],
        )
        row = next(row for row in rows if row["emotion"] == shown["emotion"])
        said = figure_claims(record, figure).seen
        assert ("the score rises" in said, "the score falls" in said) == (row["low"] > 0, row["high"] < 0)


def test_chance_band_equals_scipy_p_value() -> None:
    for n in (12, 64):
        band = chance_band(n)
        assert band is not None
        x = stats.norm.rvs(size=n, random_state=n)
        noise = stats.norm.rvs(size=n, random_state=n + 1)
        x -= x.mean()
        noise -= noise.mean()
        noise -= x * (noise @ x) / (x @ x)
        y = band * x / np.linalg.norm(x) + np.sqrt(1 - band**2) * noise / np.linalg.norm(noise)
        assert stats.pearsonr(x, y).pvalue == pytest.approx(0.05, abs=1e-6)


def test_no_emotion_is_at_both_ends(record: Record) -> None:
    few = copy.deepcopy(record)
    rows = few["experiments"]["correlation"]["emotions"]
    few["experiments"]["correlation"]["emotions"] = rows[:5]
    ends = figure_claims(few, 3).seen.partition("At the ends")[2]
    assert [ends.count(f"{row['emotion']} (") for row in rows[:5]].count(1) == 4


def test_only_an_r_of_its_own_side_is_called_overestimated(record: Record) -> None:
    one = copy.deepcopy(record)
    found = one["experiments"]["correlation"]
    name = found["examples"]["negative"]["emotion"]
    for at, r in enumerate((0.1, 0.3, 0.4)):
        found["emotions"][at]["r"] = r
    found["emotions"] = found["emotions"][:3]
    found["emotions"][0]["emotion"] = name
    assert "overestimated" not in figure_claims(one, 7).chance
    found["emotions"][0]["r"] = -0.1
    assert "Of 3 emotions it has the lowest r, so the size" in figure_claims(one, 7).chance
