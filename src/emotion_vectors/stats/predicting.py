"""Predictions for rows that took no part in the fit, for one target or for thousands of permuted ones at once.

A prediction is how far a row is expected from the mean of the rows of the fit. That mean itself is left out: it is high where the
held-out rows are low, so with it even features that know nothing would get a negative r.

Shapes: m rows, k features, c targets (the columns of one array), f folds. `features` holds for each fold its own (m, k), so that
whatever was learned of the features themselves was learned without the fold's rows too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.stats.arrays import FloatArray, IndexArray
from emotion_vectors.stats.correlation import pearson_pairs, standardised

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties in units of the features' mean sum of squares: 1 halves an average component."""


def folds(rows: int, count: int, seed: int) -> IndexArray:
    """(rows,) the fold of each row: `count` folds at random whose sizes differ by at most one."""
    return np.random.default_rng(seed).permutation(np.arange(rows) % min(count, rows))


def ridge(features: Sequence[FloatArray], targets: FloatArray, fold: IndexArray) -> FloatArray:
    """Out-of-sample predictions (m, c) by ridge regression with an intercept.

    For each fold and target the penalty is the one of `PENALTIES` with the smallest leave-one-out error among the other folds'
    rows, which has a closed form: (y - Hy) / (1 - diag H).
    """
    found = np.empty(targets.shape)
    for number, table in enumerate(features):
        train, test = fold != number, fold == number
        middle, level = table[train].mean(axis=0), targets[train].mean(axis=0)
        rows, wanted = table[train] - middle, targets[train] - level
        left, sizes, axes = np.linalg.svd(rows, full_matrices=False)
        along, ahead = left.T @ wanted, (table[test] - middle) @ axes.T
        unit = float((sizes**2).sum()) / table.shape[1] or 1.0
        smallest = np.full(targets.shape[1], np.inf)
        for penalty in PENALTIES:
            kept = sizes**2 / (sizes**2 + penalty * unit)
            influence = 1 / len(rows) + (left**2) @ kept
            missed = wanted - (left * kept) @ along
            missed /= 1 - influence[:, None]
            error = np.einsum("ij,ij->j", missed, missed)
            better = error < smallest
            smallest[better] = error[better]
            slopes = sizes / (sizes**2 + penalty * unit)
            found[np.ix_(test, better)] = (ahead * slopes) @ along[:, better]
    return found


class Chosen(NamedTuple):
    """Predictions (m, c) from one feature alone, and which one each fold chose (f, c)."""

    predictions: FloatArray
    feature: IndexArray


def best_feature(features: Sequence[FloatArray], targets: FloatArray, fold: IndexArray) -> Chosen:
    """Out-of-sample predictions by the line on the one feature with the largest |r| among the other folds' rows."""
    found = np.empty(targets.shape)
    chosen = np.zeros((len(features), targets.shape[1]), dtype=np.intp)
    for number, table in enumerate(features):
        train, test = fold != number, fold == number
        r = np.nan_to_num(standardised(table[train]).T @ standardised(targets[train]))
        best = np.abs(r).argmax(axis=0)
        spread = table[train].std(axis=0)
        slope = r[best, np.arange(len(best))] * targets[train].std(axis=0) / np.where(spread > 0, spread, 1)[best]
        found[test] = (table[test] - table[train].mean(axis=0))[:, best] * slope
        chosen[number] = best
    return Chosen(found, chosen)


def agreement(predictions: FloatArray, targets: FloatArray) -> FloatArray:
    """(c,) Pearson r of each column of predictions with its target; 0 where a column is constant: it predicts nothing."""
    return np.nan_to_num(pearson_pairs(predictions, targets))


def without(values: FloatArray, given: FloatArray) -> FloatArray:
    """`values` (m, c) without their linear fit on `given` (m, g) and an intercept."""
    design = np.column_stack([np.ones(len(given)), given])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def beyond(predictions: FloatArray, targets: FloatArray, given: FloatArray) -> FloatArray:
    """(c,) partial r of predictions with targets, given (m, g): the linear fit on it is taken out of both."""
    return agreement(without(predictions, given), without(targets, given))


def permuted(targets: FloatArray, orders: IndexArray) -> FloatArray:
    """(m, 1 + b): the target (m,), and in each further column its values in one of the `orders` (b, m)."""
    return np.column_stack([targets, targets[orders].T])


def permuted_beyond(targets: FloatArray, given: FloatArray, orders: IndexArray) -> FloatArray:
    """As `permuted`, where only what `given` (m, g) leaves of the target is permuted (Freedman and Lane 1983).

    Chance then still has all that the target shares with `given`.
    """
    left = without(targets[:, None], given)[:, 0]
    return np.column_stack([targets, (targets - left)[:, None] + left[orders].T])


def drawn_agreement(predictions: FloatArray, targets: FloatArray, weights: FloatArray) -> FloatArray:
    """(b,) r of predictions (m,) with targets (m,) when the rows are drawn as often as `weights` (b, m) say; 0 where undefined."""
    total = weights.sum(axis=1, keepdims=True)
    x, y = (values - weights @ values[:, None] / total for values in (predictions, targets))
    across, own, theirs = ((weights * product).sum(axis=1) for product in (x * y, x * x, y * y))
    size = np.sqrt(own * theirs)
    return np.where(size > 0, across / np.where(size > 0, size, 1), 0.0)
