"""How alike two sets of emotion vectors, and two lists of scores, are: each number with an interval and a null.

n emotions, d and e residual widths. Rows are the same emotions in the same order in both sets, centred on their mean.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.stats import similarity
from emotion_vectors.stats.intervals import cluster_bootstrap, pearson_bootstrap
from emotion_vectors.stats.nulls import permutation_p
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors.directions import contrast, cosine

FEWEST = 4  # emotions or activities: fewer have no interval
DRAWS = 500  # most bootstrap draws of the geometry, whose pairs are ranked anew in each


def centred(vectors: np.ndarray) -> np.ndarray:
    """Rows (n, d) minus their mean, in double precision: both sets lose what is common to these emotions, and no more."""
    return contrast(vectors.astype(np.float64))


def same_and_others(table: np.ndarray) -> dict[str, float]:
    """Of cosines (n, n) of one set with the other: mean of the same emotion, and the 95th percentile of other emotions."""
    others = table[~np.eye(len(table), dtype=bool)]
    return {"mean": float(np.diagonal(table).mean()), "other_95": float(np.quantile(others, 0.95))}


def matching(first: np.ndarray, second: np.ndarray, resamples: int, seed: int) -> JsonObject:
    """Cosine of each emotion's vector in one set with the same emotion's in the other; both (n, d) of one model.

    `mean` with an interval by resampling emotions; `null`: the mean with the emotions of one set shuffled, and `p`;
    `other_95`: see `same_and_others`; `found`: emotions nearest to themselves.
    """
    table = cosine(centred(first), centred(second))
    own, n = np.diagonal(table), len(table)
    interval, _ = cluster_bootstrap(lambda rows: own[rows].mean(), range(n), repeats=resamples, seed=seed)
    generator = np.random.default_rng(seed)
    dealt = np.array([table[np.arange(n), generator.permutation(n)].mean() for _ in range(resamples)])
    return same_and_others(table) | {
        "emotions": n, "cosine": own.tolist(), "interval": [float(interval.low), float(interval.high)], "null": float(dealt.mean()),
        "p": float(permutation_p(own.mean(), dealt)), "found": int((table.argmax(axis=1) == np.arange(n)).sum()),
    }  # fmt: skip


def geometry(first: np.ndarray, second: np.ndarray, resamples: int, seed: int) -> JsonObject:
    """Representational similarity: Spearman's r between the emotions' cosines with each other in one set and in the other.

    The sets (n, d) and (n, e) may be of different models. The interval resamples emotions (a pair of an emotion with
    itself is left out); the null shuffles the emotions of one set (Mantel's test). Source: Kriegeskorte et al. 2008.
    """
    tables = [cosine(rows, rows) for rows in (centred(first), centred(second))]
    n = len(tables[0])
    above = np.triu_indices(n, 1)
    one, other = (similarity.structure(table) for table in tables)
    value = _r(one, other)
    generator = np.random.default_rng(seed)
    dealt = similarity.dealt(one, other, np.array([generator.permutation(n) for _ in range(resamples)]))

    def resampled(rows: np.ndarray) -> float:
        different = rows[above[0]] != rows[above[1]]
        pairs = rows[above[0]][different], rows[above[1]][different]
        return spearman(tables[0][pairs], tables[1][pairs])

    interval, _ = cluster_bootstrap(resampled, range(n), repeats=min(resamples, DRAWS), seed=seed)
    return {
        "emotions": n, "r": value, "interval": [float(interval.low), float(interval.high)], "null": float(dealt.mean()),
        "p": float(permutation_p(value, dealt)),
    }  # fmt: skip


def agreement(first: np.ndarray, second: np.ndarray, resamples: int, seed: int) -> JsonObject:
    """Pearson's r between two lists of scores (n,) of the same items, with an interval and a permutation p."""
    interval, _ = pearson_bootstrap(first, second, repeats=resamples, seed=seed)
    generator = np.random.default_rng(seed)
    dealt = np.array([_r(first, second[generator.permutation(len(second))]) for _ in range(resamples)])
    return {
        "items": len(first), "r": float(interval.estimate), "interval": [float(interval.low), float(interval.high)],
        "p": float(permutation_p(float(interval.estimate), dealt)),
    }  # fmt: skip


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's r of two lists; 0 where one is constant."""
    return _r(rankdata(x), rankdata(y))


def _r(x: np.ndarray, y: np.ndarray) -> float:
    if not len(x):
        return 0.0  # a draw of one emotion alone has no pair
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size > 0 else 0.0
