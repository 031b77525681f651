"""From pooled activations to one direction per emotion and layer.

direction(e, l) = mean over stories of e - mean over emotions of those means; then the neutral texts' leading principal
components, as many as explain the wanted share of the variance, are projected out. Source: paper, emotion vectors;
Hong (2026), section 2. Shapes: n emotions, l layers (embedding first, where given), m neutral texts, d width.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Components(NamedTuple):
    """Leading principal components of the neutral activations at one layer."""

    basis: np.ndarray  # (k, d) orthonormal rows
    explained: float  # share of the variance that the k components explain


def contrast(means: np.ndarray) -> np.ndarray:
    """(n, ..., d) means per emotion minus their mean over emotions: every emotion counts the same."""
    return means - means.mean(axis=0, keepdims=True)


def neutral_components(neutral: np.ndarray, share: float) -> Components:
    """The fewest leading principal components of `neutral` (m, d) that explain at least `share` of its variance."""
    centred = neutral.astype(np.float64) - neutral.mean(axis=0, dtype=np.float64)
    if share == 0:
        return Components(np.zeros((0, neutral.shape[1])), 0.0)
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    variance = singular**2
    if variance.sum() == 0:
        raise ValueError("the neutral texts have no variance, so they have no principal components")
    cumulative = np.cumsum(variance) / variance.sum()
    # The small slack keeps a share that is met exactly from taking one component more through rounding.
    count = int(np.searchsorted(cumulative, share - 1e-12)) + 1
    return Components(rows[:count], float(cumulative[count - 1]))


def project_out(vectors: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """`vectors` (n, d) without their part in the span of the orthonormal rows of `basis` (k, d)."""
    return vectors - (vectors @ basis.T) @ basis


def unit(vectors: np.ndarray) -> np.ndarray:
    """`vectors` (..., d) scaled to length 1; a zero vector stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norms == 0, 1, norms)


def cosine(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Cosine similarities (n, m) of `rows` (n, d) and `columns` (m, d), in [-1, 1]."""
    values = unit(rows.astype(np.float64)) @ unit(columns.astype(np.float64)).T
    if np.abs(values).max(initial=0) > 1 + 1e-9:
        raise ArithmeticError("a cosine beyond 1: the inputs are not finite")
    return np.clip(values, -1, 1)
