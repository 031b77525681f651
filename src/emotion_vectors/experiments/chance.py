"""Chance for a set of vectors that resemble each other: random vectors with the same mutual angles.

The emotions are not independent: one axis of valence drives most of them. Random directions drawn one by one would give
counts over emotions that scatter far too little, so that a single lucky axis looked like many successes. Here the whole
set is turned at random instead. Shapes: c draws, a activations, n vectors, d width.
"""

from __future__ import annotations

import numpy as np


def turned_projections(activations: np.ndarray, vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Projections (c, a, n) of `activations` (a, d) on `vectors` (n, d) after `count` random Gaussian maps M (d, d).

    A map keeps the angles between the vectors but for noise of the size 1 / sqrt(d), and each vector alone becomes a
    random direction. Only scale-free statistics of a column (correlations, ranks, signs) may be taken from the result.
    M itself is never made: with the singular value decompositions A = U S W' and V = X T Y', A M V' = (U S) Z (X T)',
    and Z = W' M Y is a matrix of independent normal numbers.
    """
    left, right = _scores(activations), _scores(vectors)
    normal = np.random.default_rng(seed).standard_normal((count, left.shape[1], right.shape[1]))
    return left @ normal @ right.T


def _scores(rows: np.ndarray) -> np.ndarray:
    left, sizes, _ = np.linalg.svd(rows.astype(np.float64), full_matrices=False)
    return left * sizes


def turned_sets(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` sets (c, n, d) that have the lengths and mutual angles of `vectors` (n, d) and random directions, n <= d.

    The vectors are written in an orthonormal basis of their span, and the basis is replaced by random orthonormal ones.
    """
    places = _scores(vectors)
    generator = np.random.default_rng(seed)
    normal = generator.standard_normal((count, vectors.shape[1], places.shape[1]))
    return places @ np.linalg.qr(normal).Q.swapaxes(-1, -2)
