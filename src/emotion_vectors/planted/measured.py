"""Hold a run on a planted model against what was planted: the same quantity twice, and how far apart the two may be.

In: the truth, the record of the run (`results.json`) and its raw vectors. Out: rows of planted value,
measured value and tolerance. Tolerances come from what chance leaves: the stories of an emotion are few and mixed with filler, so
its vector has an angle to the planted direction of up to 11 degrees (0.02 in cosine), and a steering effect, 1 nat at most, is off by
that share: the filler has no part along what is read of a choice. Preferences are
fitted to win probabilities averaged over both orders, which the lead of (A) makes about 2 % less extreme (0.04 nats for the
outermost); what is expected of them is a fit to the planted probabilities, made here in another way than a run makes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.planted.truth import Planted


class Row(NamedTuple):
    """One quantity: what it is and in which unit, planted and measured, and the largest difference that is allowed."""

    what: str
    planted: float
    measured: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the measured value is within the tolerance; NaN is not."""
        return bool(abs(self.measured - self.planted) <= self.tolerance)


def compare(planted: Planted, record: Mapping[str, Any], emotions: Sequence[str], raw: np.ndarray) -> list[Row]:
    """The rows for a run with this record, whose raw vectors are `raw` (l, n, d) of `emotions`."""
    return [*_directions(planted, emotions, raw), *_preferences(planted, record), *_steering(planted, record, emotions)]


def _directions(planted: Planted, emotions: Sequence[str], raw: np.ndarray) -> list[Row]:
    rows = []
    for layer in (0, planted.analysis_layer, len(raw) - 1):
        truth = _truth(planted, emotions, layer)
        cosines = (_unit(truth) * _unit(raw[layer])).sum(axis=-1)
        rows.append(
            Row(f"lowest cosine of a vector with its direction, layer {layer}", 1.0, float(cosines.min()), 0.02)
        )
    return rows


def _truth(planted: Planted, emotions: Sequence[str], layer: int) -> np.ndarray:
    """(n, d) the planted directions of a run's emotions: they sum to 0 over these, whatever else was planted."""
    found = planted.directions[layer, [planted.emotions.index(emotion) for emotion in emotions]]
    return found - found.mean(axis=0)


def _preferences(planted: Planted, record: Mapping[str, Any]) -> list[Row]:
    part = record["experiments"]["preferences"]
    found = {row["text"]: row["nats"] for row in part["activities"]}
    truth, measured = _fitted(planted), np.array([found[text] for text in planted.activities])
    measured = measured - measured.mean()
    bias = part["position_bias_nats"]
    return [
        Row("spread of the preferences (standard deviation), nats", float(truth.std()), float(measured.std()), 0.001),
        Row("largest difference of a preference, nats", 0.0, float(np.abs(measured - truth).max()), 0.001),
        Row("lead of (A), nats", planted.position_bias, float(bias), 0.01),
    ]


def _fitted(planted: Planted) -> np.ndarray:
    """(n,) centred Bradley-Terry scores of the planted win probabilities of both orders.

    By the fixed point of Zermelo (1929), as in Hunter (2004), equation 3: strength = wins / sum of 1 / (own + other strength).
    """
    difference = planted.scores[:, None] - planted.scores
    leads = (planted.position_bias, -planted.position_bias)
    wins = np.mean([1 / (1 + np.exp(-difference - lead)) for lead in leads], axis=0)
    others = ~np.eye(len(wins), dtype=bool)
    strength = np.exp(planted.scores)
    for _ in range(10_000):
        before = strength
        strength = (wins * others).sum(axis=1) / (others / (before[:, None] + before)).sum(axis=1)
        strength = strength / np.exp(np.log(strength).mean())
        if np.abs(np.log(strength / before)).max() < 1e-9:
            return np.log(strength)
    raise ArithmeticError("the fixed point of the planted preferences was not reached")


def _steering(planted: Planted, record: Mapping[str, Any], emotions: Sequence[str]) -> list[Row]:
    """Nats by which a steered activity gains, for the planted directions at the length that the run steered with."""
    part = record["experiments"]["steering"]
    size = part["strength"] * part["residual_norm"]
    names = [row["emotion"] for row in part["emotions"]]
    measured = np.array([row["nats"] for row in part["emotions"]])
    truth = dict(zip(emotions, _unit(_truth(planted, emotions, planted.analysis_layer)), strict=True))
    expected = np.array([planted.expected_effect(size * truth[name]) for name in names])
    rows = [
        Row(
            "mean size of a steering effect, nats", float(np.abs(expected).mean()), float(np.abs(measured).mean()), 0.02
        )
    ]
    for name in ("happy", "calm", "sad", "afraid"):
        if name in names:
            at = names.index(name)
            rows.append(Row(f"effect of {name}, nats", float(expected[at]), float(measured[at]), 0.02))
    return rows


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
