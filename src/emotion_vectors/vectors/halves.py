"""Directions from halves of their texts: sums of texts in buckets, ways to halve the buckets, and the agreement of the halves.

Shapes: t texts, n labels, b buckets, h halvings, d width. A bucket holds texts of every label: one topic's, or, of texts without
topics, one out of a fixed number, assigned at random. Halving the buckets halves every label's texts alike.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.vectors.reliability import OF_TEXTS, OF_TOPICS, Reliability

BUCKETS = 20  # even, so that the even topics are the even buckets; bounds the memory at 20 sums per label
HALVINGS = 20


class TopicSums(NamedTuple):
    """Sums (b, n, d) float64 and counts (b, n) of the texts of n labels in b buckets of topics."""

    sums: np.ndarray
    counts: np.ndarray


def topic_sums(
    shards: Iterable[tuple[Sequence[int], Sequence[int], np.ndarray]], emotions: int, topics: int, width: int
) -> TopicSums:
    """Sums over shards of (emotion of each story, topic of each story, vectors (stories, width)); topic t is in bucket t mod 20."""
    buckets = min(topics, BUCKETS)
    found = TopicSums(np.zeros((buckets, emotions, width)), np.zeros((buckets, emotions)))
    for emotion, topic, vectors in shards:
        where = (np.asarray(topic, dtype=np.intp) % BUCKETS, np.asarray(emotion, dtype=np.intp))
        np.add.at(found.sums, where, vectors.astype(np.float64))
        np.add.at(found.counts, where, 1)
    return found


def halvings(buckets: int, seed: int) -> Iterator[np.ndarray]:
    """Up to 20 different random halvings (b,) of the buckets, all of them where there are fewer; half A is the smaller one."""
    half, generator = buckets // 2, np.random.default_rng(seed)
    # With equal halves a halving and its mirror image are the same.
    possible = 0 if half == 0 else math.comb(buckets, half) // (2 if buckets == 2 * half else 1)
    seen: set[bytes] = set()
    while len(seen) < min(HALVINGS, possible):
        side = np.zeros(buckets, dtype=bool)
        side[generator.permutation(buckets)[:half]] = True
        if 2 * half == buckets and not side[0]:
            side = ~side
        if side.tobytes() not in seen:
            seen.add(side.tobytes())
            yield side


def spearman_brown(r: np.ndarray) -> np.ndarray:
    """Reliability of the whole from r of its halves, 2 r / (1 + |r|) (Spearman 1910, Brown 1910); within -1 to 1 for r < 0 too."""
    return 2 * r / (1 + np.abs(r))


def measure(
    vectors: np.ndarray,
    labels: Sequence[str],
    groups: Sequence[Hashable] | None,
    names: Sequence[str],
    resamples: int = 200,
    seed: int = 0,
) -> Reliability | None:
    """Reliability of the directions that pooled texts `vectors` (t, d) with `labels` (t,) give for `names` (n,).

    `groups` (t,) are the texts' topics: the halves share none. None: the texts are assigned to the halves at random, label
    by label. r of a label is the mean over up to 20 halvings of Pearson r of its direction (mean minus the mean over labels)
    from either half. The null shuffles the labels among the texts of each bucket, `resamples` times.
    Two labels have one direction, with opposite signs: both get the r of the difference of their means.
    None where fewer than two labels have texts in both halves. Raises `UserError` for lengths that differ and for labels that
    are not among the names.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2 or len(labels) != len(rows) or (groups is not None and len(groups) != len(rows)):
        raise UserError(
            f"{len(rows)} texts have {len(labels)} labels{'' if groups is None else f' and {len(groups)} groups'}; "
            "each text needs one."
        )
    place = {name: row for row, name in enumerate(names)}
    if unknown := [label for label in labels if label not in place]:
        raise UserError(f"The label '{unknown[0]}' is not among the names of the vectors.")
    label = np.array([place[one] for one in labels], dtype=np.intp)
    generator = np.random.default_rng(seed)
    if groups is None:
        bucket, count, many = (*_dealt(label, len(names), generator), None)
    else:
        number = {name: row for row, name in enumerate(dict.fromkeys(groups))}
        bucket, count = np.array([number[one] for one in groups], dtype=np.intp), len(number)
        many = len(number)
    found = topic_sums([(label.tolist(), bucket.tolist(), rows)], len(names), count, rows.shape[1])
    cells = _Cells.of(found, list(halvings(len(found.sums), seed)))
    own = cells.agreement(cells.grid)
    if np.isfinite(own).sum() < 2:
        return None
    drawn = np.array([cells.agreement(cells.dealt(generator)) for _ in range(resamples)])
    median, known = float(np.nanmedian(own)), np.isfinite(own)
    as_high = int((np.nanmedian(drawn[:, known], axis=1) >= median - 1e-12).sum())
    return Reliability(
        median=median,
        whole=float(np.median(spearman_brown(own[known]))),
        p=(as_high + 1) / (resamples + 1),
        null_mean=float(np.nanmean(drawn)),
        null_high=float(np.nanquantile(drawn, 0.95)),
        halves=OF_TEXTS if groups is None else OF_TOPICS,
        groups=many,
        texts=len(rows),
        r=tuple(float(one) if np.isfinite(one) else None for one in own),
    )


def _dealt(label: np.ndarray, n: int, generator: np.random.Generator) -> tuple[np.ndarray, int]:
    """A bucket for every text (t,), each label's texts spread evenly, and the number of buckets: even, at most 20."""
    sizes = np.bincount(label, minlength=n)
    fewest = int(min((size for size in sizes if size >= 2), default=1))
    buckets = max(1, min(BUCKETS, fewest - fewest % 2))
    bucket = np.zeros(len(label), dtype=np.intp)
    for one in range(n):
        bucket[generator.permutation(np.flatnonzero(label == one))] = np.arange(sizes[one]) % buckets
    return bucket, buckets


class _Cells(NamedTuple):
    """The sums of every bucket and label by their inner products, so that labels can be shuffled without the width.

    `products` (b n, b n) are inner products of the sums after each text's mean over the width is subtracted: a Pearson r is
    a cosine then. `counts` (b, n) are the texts in a cell, `sides` (2, h, b) the halvings with their complements (0 or 1).
    """

    products: np.ndarray
    counts: np.ndarray
    sides: np.ndarray

    @classmethod
    def of(cls, found: TopicSums, halved: Sequence[np.ndarray]) -> _Cells:
        # What all texts share is in no contrast; without it the products keep their digits.
        sums = found.sums - found.counts[..., None] * (found.sums.sum(axis=(0, 1)) / found.counts.sum())
        rows = (sums - sums.mean(axis=-1, keepdims=True)).reshape(found.counts.size, -1)
        sides = np.array(halved, dtype=bool).reshape(-1, len(found.counts))
        return cls(rows @ rows.T, found.counts, np.array([sides, ~sides], dtype=np.float64))

    @property
    def grid(self) -> np.ndarray:
        """(b, n): the number of the cell that stands for each bucket and label."""
        return np.arange(self.counts.size).reshape(self.counts.shape)

    def dealt(self, generator: np.random.Generator) -> np.ndarray:
        """(b, n): the cells with the labels shuffled over the texts of every bucket."""
        grid = self.grid
        for bucket, counts in zip(grid, self.counts, strict=True):
            there = np.flatnonzero(counts)
            bucket[there] = bucket[generator.permutation(there)]
        return grid

    def agreement(self, grid: np.ndarray) -> np.ndarray:
        """(n,) mean over the halvings of each label's r; NaN for a label that no halving has in both halves."""
        (buckets, n), order = grid.shape, grid.ravel()
        products = self.products[np.ix_(order, order)].reshape(buckets, n, buckets, n)
        counts = self.counts.ravel()[grid]
        amount = self.sides @ counts  # (2, h, n)
        both = (amount > 0).all(axis=0)
        both &= both.sum(axis=1, keepdims=True) >= 2
        # (2, h, n, b, n): one half's sum of a label with every cell.
        ahead = np.tensordot(self.sides, products, axes=1)

        def together(a: int, b: int) -> np.ndarray:
            """(h, n): inner product of a label's direction from half `a` with the one from half `b`."""
            found = np.einsum("hnbm,hb->hnm", ahead[a], self.sides[b])
            found /= np.maximum(amount[a], 1)[:, :, None] * np.maximum(amount[b], 1)[:, None, :]
            found *= both[:, :, None] & both[:, None, :]
            many = np.maximum(both.sum(axis=1), 1)[:, None]
            rows, columns = found.sum(axis=2) / many, found.sum(axis=1) / many
            return np.diagonal(found, axis1=1, axis2=2) - rows - columns + rows.sum(axis=1, keepdims=True) / many

        across, size = together(0, 1), np.sqrt(np.maximum(together(0, 0), 0) * np.maximum(together(1, 1), 0))
        # A half without any direction agrees with nothing; rounding leaves it a length of about this.
        smallest = 1e-13 * np.trace(self.products) / max(1.0, float(self.counts.sum()))
        r = np.where(both & (size > smallest), across / np.maximum(size, 1e-300), 0.0)
        times = both.sum(axis=0)
        return np.clip(np.where(times > 0, r.sum(axis=0) / np.maximum(times, 1), np.nan), -1, 1)
