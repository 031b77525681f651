"""k-means and the agreement of two partitions, adjusted for chance.

Shapes: n items, d width, k clusters, b draws. A partition is a list of n cluster numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import FloatArray, IndexArray

MOST_STEPS = 100
STARTS = 4  # of each clustering in a bootstrap


class Partition(NamedTuple):
    """Cluster of each item (n,), the centres (k, d), and the sum of squared distances to them."""

    labels: IndexArray
    centres: FloatArray
    inertia: float


def kmeans(rows: FloatArray, count: int, starts: int, seed: int) -> Partition:
    """The best of `starts` k-means clusterings of `rows` (n, d) into `count` clusters, begun by k-means++.

    Source: Lloyd 1982; Arthur and Vassilvitskii 2007. An empty cluster takes the row farthest from its centre. Raises
    `UserError` for more clusters than rows.
    """
    if not 1 <= count <= len(rows):
        raise UserError(f"{len(rows)} rows can't be put into {count} clusters; ask for fewer.")
    generator = np.random.default_rng(seed)
    squares, products = (rows**2).sum(axis=1), rows @ rows.T
    begun = (rows[_spread(products, count, generator)] for _ in range(starts))
    return min((_lloyd(rows, squares, centres) for centres in begun), key=lambda one: one.inertia)


def _lloyd(rows: FloatArray, squares: FloatArray, centres: FloatArray) -> Partition:
    count, labels = len(centres), np.full(len(rows), -1)
    for _ in range(MOST_STEPS):
        distance = _distances(rows, squares, centres)
        nearest = distance.argmin(axis=1)
        for empty in np.flatnonzero(np.bincount(nearest, minlength=count) == 0):
            # A cluster must not be emptied to fill another one.
            alone = np.bincount(nearest, minlength=count)[nearest] == 1
            nearest[int(np.where(alone, -1, distance[np.arange(len(rows)), nearest]).argmax())] = empty
        if (nearest == labels).all():
            break
        labels = nearest
        member = np.eye(count)[labels]
        centres = (member.T @ rows) / member.sum(axis=0)[:, None]
    return Partition(labels, centres, float(((rows - centres[labels]) ** 2).sum()))


def _spread(products: FloatArray, count: int, generator: np.random.Generator) -> list[int]:
    """Rows of the first centres: each drawn with a chance that grows with the squared distance to those that are there.

    `products` (n, n) are the inner products of the rows: an item's distances cost no pass over its width.
    """
    squares = products.diagonal()
    chosen = [int(generator.integers(len(products)))]
    nearest = np.full(len(products), np.inf)
    while len(chosen) < count:
        last = chosen[-1]
        nearest = np.minimum(nearest, np.maximum(squares - 2 * products[last] + squares[last], 0))
        total = nearest.sum()
        chance = nearest / total if total > 0 else np.full(len(products), 1 / len(products))
        reached = chance.cumsum()
        # What `generator.choice` does with such chances, without its checks of them.
        chosen.append(int((reached / reached[-1]).searchsorted(generator.random(), side="right")))
    return chosen


def _distances(rows: FloatArray, squares: FloatArray, centres: FloatArray) -> FloatArray:
    found = squares[:, None] - 2 * rows @ centres.T + (centres**2).sum(axis=1)
    return np.maximum(found, 0)


def adjusted_rand(first: IndexArray, second: IndexArray, weights: FloatArray | None = None) -> FloatArray:
    """Adjusted Rand index of two partitions (n,): 1 the same, 0 what chance gives (Hubert and Arabie 1985).

    `weights` (b, n) count each item that many times, once for each draw of a bootstrap, and b indices come back; copies of an item
    are not a pair, or every draw would agree more than the data.
    """
    together = [(one[:, None] == one).astype(np.float64) for one in (np.asarray(first), np.asarray(second))]
    many = np.ones((1, len(first))) if weights is None else np.asarray(weights, dtype=np.float64)
    both, mine, theirs, all_pairs = (
        _pairs(table, many) for table in (together[0] * together[1], *together, np.ones_like(together[0]))
    )
    expected = mine * theirs / np.where(all_pairs > 0, all_pairs, 1)
    most = (mine + theirs) / 2
    # Both partitions put everything into one cluster, or each item into its own: they are the same.
    found = np.where(most == expected, 1.0, (both - expected) / np.where(most == expected, 1, most - expected))
    return found if weights is not None else found[0]


def _pairs(table: FloatArray, weights: FloatArray) -> FloatArray:
    """(b,) weighted number of ordered pairs of different items for which `table` (n, n) is 1."""
    return ((weights @ table) * weights).sum(axis=1) - (weights**2) @ np.diagonal(table)


def drawn_weights(items: int, draws: int, seed: int) -> FloatArray:
    """(draws, items) how often each item is in a bootstrap draw of `items` with replacement."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(items, np.full(items, 1 / items), size=draws).astype(np.float64)


def dealt_rand(first: IndexArray, second: IndexArray, orders: IndexArray) -> FloatArray:
    """(b,) adjusted Rand index when the second partition's labels stand in other `orders` (b, n)."""
    mine, theirs = (np.unique(one, return_inverse=True)[1] for one in (first, second))
    columns, n = int(theirs.max()) + 1, len(mine)
    sizes = [float((np.bincount(one) ** 2).sum() - n) for one in (mine, theirs)]
    expected, most = sizes[0] * sizes[1] / max(n * (n - 1), 1), sum(sizes) / 2
    if most == expected:
        return np.ones(len(orders))
    both = np.array([(np.bincount(mine * columns + theirs[order]) ** 2).sum() - n for order in orders])
    return (both - expected) / (most - expected)


class Stability(NamedTuple):
    """Agreement (b,) of a clustering with those of resampled items, and the median agreement (c,) of clouds without clusters."""

    draws: FloatArray
    clouds: FloatArray


def stability(rows: FloatArray, labels: IndexArray, count: int, draws: int, clouds: int, seed: int) -> Stability:
    """How far a k-means clustering of `rows` (n, d) comes again from items drawn with replacement, each kept once.

    A cloud is one normal distribution with the covariance of the rows: it has their axes and no clusters. Each is clustered and
    resampled like the rows, a tenth as often.
    """
    generator = np.random.default_rng(seed)
    left, sizes, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    own = _again(rows, labels, count, draws, generator)
    medians = np.empty(clouds)
    for cloud in range(clouds):
        made = generator.standard_normal(left.shape) * sizes / np.sqrt(max(len(rows) - 1, 1))
        partition = kmeans(made, count, STARTS, int(generator.integers(2**31)))
        medians[cloud] = np.median(_again(made, partition.labels, count, max(2, draws // 10), generator))
    return Stability(own, medians)


def _again(rows: FloatArray, labels: IndexArray, count: int, draws: int, generator: np.random.Generator) -> FloatArray:
    found = np.empty(draws)
    for draw in range(draws):
        drawn = np.unique(generator.integers(len(rows), size=len(rows)))
        partition = kmeans(rows[drawn], min(count, len(drawn)), STARTS, int(generator.integers(2**31)))
        found[draw] = adjusted_rand(labels[drawn], partition.labels)
    return found
