"""The principal components of a set of directions, and where lists of ratings point among them.

Shapes: n directions, d width, k components.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Principal(NamedTuple):
    """Principal components of n rows: places (n, k) on them, shares (k,) of the variance, axes (k, d), largest first."""

    places: np.ndarray
    shares: np.ndarray
    axes: np.ndarray


def principal(rows: np.ndarray, most: int | None = None) -> Principal:
    """The components of `rows` (n, d) around their mean, at most `most` of them; those that rounding alone makes are left out."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    left, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    # float32 vectors whose mean was subtracted leave a last component of about this size.
    kept = int((sizes > 1e-6 * max(float(sizes[0]), 1e-300)).sum())
    kept = kept if most is None else min(kept, most)
    shares = sizes**2 / max(float((sizes**2).sum()), 1e-300)
    return Principal(left[:, :kept] * sizes[:kept], shares[:kept], axes[:kept])


def coordinates(rows: np.ndarray) -> np.ndarray:
    """`rows` (n, d) around their mean in coordinates of their own span (n, at most n - 1): all distances stay."""
    return principal(rows).places


def towards(places: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    """(k,) Pearson r of `ratings` (m,) with each of the `places` (m, k): the arrow of the ratings on a map; 0 of a constant."""
    rows, target = places - places.mean(axis=0), ratings - ratings.mean()
    size = np.sqrt((rows**2).sum(axis=0) * (target @ target))
    return (target @ rows) / np.where(size > 0, size, 1)
