"""V8 and V9: do the emotions that an activity evokes go with how much the model prefers it?

In: mean activations (a, d) on the tokens of each activity in "How would you feel about {activity}?", vectors (n, d) and
preference scores (a,). Out: Pearson r over activities of projection and score, for every emotion.
projection = activation . unit vector. Source: paper, Figure 4 row 1; seed report section 3.5.
What it can't tell: two extreme categories can carry r by themselves, so r without Misaligned and Unsafe is reported too;
emotions are correlated with each other, so counts are compared with permuted scores, not with independent tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.experiments.criteria import Null, Threshold, judge, scaled
from emotion_vectors.stats import intervals, nulls, scores
from emotion_vectors.stats.correlation import pearson
from emotion_vectors.stats.nulls import permuted_rows
from emotion_vectors.stimuli.items import NEGATIVE, POSITIVE, Activity
from emotion_vectors.vectors.directions import unit

STRONG = 0.3
EXTREME = ("Misaligned", "Unsafe")


class Correlations(NamedTuple):
    """Pearson r with the preference score of each of n emotions, and the projections (a, n) it is made of."""

    r: np.ndarray
    probes: np.ndarray


def run(
    activities: Sequence[Activity],
    activations: np.ndarray,
    emotions: Sequence[str],
    vectors: np.ndarray,
    nats: np.ndarray,
    valence: dict[str, str],
    ambiguous: frozenset[str],
    examples: dict[str, str],
    blocked: str,
    resamples: int,
    seed: int,
) -> tuple[Correlations, dict[str, Any], list[dict[str, Any]]]:
    """Correlations, the record's `correlation` part and V8, V9; `examples` names the emotion of Figures 5 and 7."""
    probes = activations.astype(np.float64) @ unit(vectors.astype(np.float64)).T
    interval, draws = intervals.pearson_bootstrap(probes, nats, repeats=resamples, seed=seed)
    null = nulls.permutation_correlations(probes, nats, permutations=resamples, threshold=STRONG, seed=seed)
    q = nulls.false_discovery(null.p)
    mild = np.array([activity.category not in EXTREME for activity in activities])
    r = np.asarray(interval.estimate)
    without = pearson(probes[mild], nats[mild]) if mild.sum() > 3 else np.full(len(r), np.nan)
    positive = np.array([valence[emotion] == POSITIVE for emotion in emotions])
    criteria = [
        _alignment(r, draws, probes, nats, positive, blocked, resamples, seed),
        _count(r, draws, null.count, without, blocked),
    ]
    points = scores.nats_to_elo(nats)
    record = {
        "score": "bradley_terry", "threshold": STRONG, "null_count": float(null.count.mean()),
        "null_limit": float(np.quantile(null.largest, 0.95)),
        "null_band": float(np.quantile(np.abs(_permuted(probes, nats, min(resamples, 500), seed)), 0.95)),
        "emotions": [
            {
                "emotion": emotion, "valence": valence[emotion], "ambiguous": emotion in ambiguous, "r": _finite(r[i]),
                "low": _finite(interval.low[i]), "high": _finite(interval.high[i]), "p": _finite(null.p[i]),
                "q": _finite(q[i]), "r_without_extremes": _finite(without[i]),
            }
            for i, emotion in enumerate(emotions)
        ],
        "examples": {
            kind: _example(emotion, list(emotions).index(emotion), r, probes, points, activities)
            for kind, emotion in examples.items()
        },
    }  # fmt: skip
    return Correlations(r, probes), record, criteria


def aligned(r: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """For r (..., n): the smaller of (positive words among the 3 largest r) and (negative words among the 3 smallest)."""
    order = np.argsort(np.nan_to_num(r), axis=-1)
    return np.minimum(positive[order[..., -3:]].sum(-1), (~positive[order[..., :3]]).sum(-1))


def _alignment(
    r: np.ndarray,
    draws: np.ndarray,
    probes: np.ndarray,
    nats: np.ndarray,
    positive: np.ndarray,
    blocked: str,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """V8; null: scores dealt out to other activities, with the emotions' dependence kept."""
    value = int(aligned(r, positive))
    low, high = np.quantile(aligned(draws, positive), [0.025, 0.975], method="closest_observation")
    null = aligned(_permuted(probes, nats, resamples, seed), positive)
    order = np.argsort(np.nan_to_num(r))
    top, bottom = int(positive[order[-3:]].sum()), int((~positive[order[:3]]).sum())
    return judge(
        "V8", "Valence of the extremes", value, (float(low), float(high)),
        Null("preference scores dealt out to other activities", float(null.mean()), float(nulls.permutation_p(value, null))),
        Threshold(2), "is the smaller count of right valences among the top and the bottom 3", 3,
        note=f"Positive among the top 3: {top}; negative among the bottom 3: {bottom}.", blocked=blocked,
    )  # fmt: skip


def _count(r: np.ndarray, draws: np.ndarray, null: np.ndarray, without: np.ndarray, blocked: str) -> dict[str, Any]:
    """V9; null: scores dealt out to other activities."""
    value = int((np.abs(r) > STRONG).sum())
    # Resampling pushes |r| upwards, so the basic interval is the honest one for a count beyond a threshold.
    interval = intervals.interval_from_draws((np.abs(draws) > STRONG).sum(-1), float(value), method="basic")
    low, high = np.clip([interval.low, interval.high], 0, len(r))
    return judge(
        "V9", "Emotions that go with preference", value, (float(low), float(high)),
        Null("preference scores dealt out to other activities", float(null.mean()), float(nulls.permutation_p(value, null))),
        scaled(5, len(r), 171), f"emotions with |r| > {STRONG}", len(r),
        note=f"Without {' and '.join(EXTREME)}: {int((np.abs(without) > STRONG).sum())}.", blocked=blocked,
    )  # fmt: skip


def _permuted(probes: np.ndarray, nats: np.ndarray, count: int, seed: int) -> np.ndarray:
    """r (count, n) with the scores dealt out at random."""
    return np.array([pearson(probes, nats[order]) for order in permuted_rows(len(nats), None, count, seed)])


def _example(
    emotion: str, row: int, r: np.ndarray, probes: np.ndarray, points: np.ndarray, activities: Sequence[Activity]
) -> dict[str, Any]:
    return {
        "emotion": emotion, "r": _finite(r[row]),
        "points": [
            {"activity": a.text, "category": a.category, "probe": float(probes[i, row]), "score": float(points[i])}
            for i, a in enumerate(activities)
        ],
    }  # fmt: skip


def example_emotions(emotions: Sequence[str], steered: Sequence[str], valence: dict[str, str]) -> dict[str, str]:
    """The emotions of Figures 5 to 8: the paper's blissful and hostile where steered, else the first of each valence."""
    chosen = {}
    for kind, paper in ((POSITIVE, "blissful"), (NEGATIVE, "hostile")):
        candidates = [emotion for emotion in steered if valence[emotion] == kind and emotion in emotions]
        if candidates:
            chosen[kind] = paper if paper in candidates else candidates[0]
    return chosen


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
