"""How alike the similarity structures of several representations are (representational similarity analysis).

A structure is the ranks of the p = n (n - 1) / 2 cosines between n items. Source: Kriegeskorte et al. 2008; Mantel 1967 for the
null. Shapes: s structures, b draws.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.stats.arrays import FloatArray, IndexArray
from emotion_vectors.stats.correlation import standardised

BATCH = 64  # draws at once


def structure(cosines: FloatArray) -> FloatArray:
    """(p,) ranks of the cosines (n, n) above the diagonal."""
    return rankdata(cosines[np.triu_indices(len(cosines), 1)])


def spearman_table(structures: FloatArray) -> FloatArray:
    """(s, s) Spearman r between the structures (s, p); 0 with one whose cosines are all the same."""
    rows = np.nan_to_num(standardised(structures.T)).T
    return np.clip(rows @ rows.T, -1, 1)


def drawn_r(structures: FloatArray, against: int, weights: FloatArray) -> FloatArray:
    """(b, s) Spearman r of one structure with each (s, p) when the items are drawn as often as `weights` (b, n) say; ranks are kept.

    A pair counts as often as both its items together; copies of one item are not a pair. 0 where a structure is constant.
    """
    first, second = np.triu_indices(weights.shape[1], 1)
    rows = np.nan_to_num(standardised(structures.T)).T
    found = []
    for some in np.array_split(weights, max(1, len(weights) // BATCH)):
        pair = some[:, first] * some[:, second]
        total = pair.sum(axis=1, keepdims=True)
        total = np.where(total > 0, total, 1)  # one item alone has no pair
        mean, square = pair @ rows.T / total, pair @ (rows**2).T / total
        spread = np.sqrt(np.maximum(square - mean**2, 0))
        across = pair @ (rows * rows[against]).T / total - mean * mean[:, [against]]
        size = spread * spread[:, [against]]
        found.append(np.where(size > 1e-15, across / np.where(size > 1e-15, size, 1), 0))
    return np.clip(np.concatenate(found), -1, 1)


def dealt(first: FloatArray, second: FloatArray, orders: IndexArray) -> FloatArray:
    """(b,) Spearman r of two structures (p,) when the second one's items stand in other `orders` (b, n) (Mantel's test)."""
    n = orders.shape[1]
    above = np.triu_indices(n, 1)
    mine, theirs = (np.nan_to_num(standardised(one)) for one in (first, second))
    table = np.zeros((n, n))
    table[above] = theirs
    table += table.T
    return np.array([mine @ table[order[above[0]], order[above[1]]] for order in orders])


def partial(table: FloatArray) -> FloatArray:
    """(...) partial r of the first two structures of each table (..., s, s), given all the others."""
    precision = np.linalg.pinv(table, hermitian=True)
    size = np.sqrt(np.maximum(precision[..., 0, 0] * precision[..., 1, 1], 1e-300))
    plain = table[..., 0, 1]
    # Two structures that are the same up to the sign stay so without the others; the pseudo-inverse splits one between both.
    return np.where(1 - np.abs(plain) < 1e-9, np.sign(plain), np.clip(-precision[..., 0, 1] / size, -1, 1))
