"""Split-half reliability: do stories about other topics give the same direction for an emotion?

In: each story's activation (d,) at the analysis layer with its emotion and topic, shard by shard. Out: for every emotion
Pearson r of its raw direction from the even topics with that from the odd topics, the same over random halvings of the
topics with the Spearman-Brown correction, and the null: the halves of different emotions, and for p the emotions of one
half shuffled again. Related emotions agree across halves too, so this null is a strict one.
The halves share no story and no topic, so what they agree on belongs to the emotion.
What it can't tell: an emotion's stories can share more than the emotion (names, places, length), in both halves alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emotion_vectors.experiments.criteria import json_number
from emotion_vectors.stats import nulls
from emotion_vectors.stats.correlation import standardised
from emotion_vectors.vectors.directions import contrast, cosine
from emotion_vectors.vectors.halves import TopicSums, halvings, spearman_brown
from emotion_vectors.vectors.reliability import OF_TOPICS, Reliability

FEWEST = 3  # emotions: a contrast of two is the same direction twice, with opposite signs


def split_half(found: TopicSums, emotions: Sequence[str], resamples: int, seed: int) -> dict[str, Any] | None:
    """The record's `split_half`; None where fewer than 3 emotions have stories in both the even and the odd topics."""
    even = np.arange(len(found.sums)) % 2 == 0
    both, first, second = _halves(found, even)
    if both.sum() < FEWEST:
        return None
    # (n, n): half A of the column's emotion with half B of the row's.
    table = standardised(second.T).T @ standardised(first.T)
    # A half without any direction agrees with nothing.
    table, names = np.nan_to_num(table), [name for name, kept in zip(emotions, both, strict=True) if kept]
    r = np.diag(table)
    corrected = _over_halvings(found, seed)[both]
    others = table[~np.eye(len(r), dtype=bool)]
    high = float(np.quantile(others, 0.95))
    order = nulls.permuted_rows(len(r), None, resamples, seed)
    medians = np.median(table[order, np.arange(len(r))], axis=1)
    match = nulls.argmax_match_null(cosine(second, first), np.arange(len(r)), permutations=resamples, seed=seed)
    return {
        "median": float(np.median(r)), "min": float(r.min()), "max": float(r.max()), "emotions": len(r),
        "spearman_brown_median": float(np.nanmedian(corrected)) if np.isfinite(corrected).any() else None,
        "halvings": len(list(halvings(len(found.sums), seed))),
        "rows": [
            {"emotion": name, "r": float(r[i]), "spearman_brown": json_number(corrected[i])} for i, name in enumerate(names)
        ],
        "null": {"what": "one half with the other half of another emotion", "mean": float(others.mean()), "high": high},
        "beyond_null": int((r > high).sum()),
        "p": float(nulls.permutation_p(np.median(r), medians)),
        "identification": {
            "top1": int(match.matches), "of": len(r), "mean_rank": match.mean_rank, "chance_top1": 1.0,
            "chance_rank": (len(r) + 1) / 2, "p": float(nulls.permutation_p(match.matches, match.null_matches)),
        },
    }  # fmt: skip


def of_vectors(found: dict[str, Any] | None, emotions: Sequence[str], topics: int, stories: int) -> Reliability | None:
    """What a vectors file keeps of `split_half`, for its `emotions` in their order: the even topics against the odd ones."""
    if found is None:
        return None
    rows = {row["emotion"]: row["r"] for row in found["rows"]}
    return Reliability(
        median=found["median"],
        whole=found["spearman_brown_median"],
        p=found["p"],
        null_mean=found["null"]["mean"],
        null_high=found["null"]["high"],
        halves=OF_TOPICS,
        groups=topics,
        texts=stories,
        r=tuple(rows.get(emotion) for emotion in emotions),
    )


def _halves(found: TopicSums, side: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which emotions (n,) have stories in both halves of the buckets, and these emotions' directions (m, d) from each."""
    counts = np.array([found.counts[side].sum(axis=0), found.counts[~side].sum(axis=0)])
    both = (counts > 0).all(axis=0)
    means = [
        np.einsum("bnd,b->nd", found.sums, weight.astype(np.float64))[both] / amount[both, None]
        for weight, amount in zip((side, ~side), counts, strict=True)
    ]
    first, second = (contrast(half) if len(half) else half for half in means)
    return np.asarray(both), first, second


def _over_halvings(found: TopicSums, seed: int) -> np.ndarray:
    """(n,) mean r over the random halvings, corrected to the full length; NaN for an emotion that no halving has twice."""
    total, times = np.zeros(found.counts.shape[1]), np.zeros(found.counts.shape[1])
    for side in halvings(len(found.sums), seed):
        both, first, second = _halves(found, side)
        if both.sum() < FEWEST:
            continue
        total[both] += np.nan_to_num((standardised(first.T) * standardised(second.T)).sum(axis=0))
        times[both] += 1
    return spearman_brown(np.where(times > 0, total / np.maximum(times, 1), np.nan))
