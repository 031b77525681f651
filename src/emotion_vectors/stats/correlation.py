"""Correlations and lines, vectorised over columns (for example 171 emotions at once).

A correlation with something constant has no value: it comes back as NaN, without a warning, and means "not defined",
never "zero". NaN or infinite input is refused.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import FloatArray, finite


class Line(NamedTuple):
    """A least-squares line y = intercept + slope x; both NaN when x is constant."""

    slope: float
    intercept: float


def standardised(values: ArrayLike) -> FloatArray:
    """Columns of `values` (n, ...) with mean 0 and length 1 along axis 0; a constant column becomes NaN."""
    array = finite(values, "values to correlate")
    centred = array - array.mean(0)
    length = np.sqrt((centred**2).sum(0))
    # Rounding leaves a constant column a length of about sqrt(n) * eps * |value|, not exactly 0.
    smallest = 8 * np.sqrt(len(array)) * np.finfo(np.float64).eps * np.abs(array).max(0)
    return centred / np.where(length > smallest, length, np.nan)


def pearson(x: ArrayLike, y: ArrayLike) -> FloatArray:
    """Pearson correlation (m,) of each column of `x` (n, m) with `y` (n,); a number when x is (n,).

    NaN where x or y is constant. Raises `UserError` for fewer than 3 rows or unequal lengths.
    """
    columns, target = _matched(x, y)
    return np.clip(np.tensordot(standardised(target), standardised(columns), axes=(0, 0)), -1.0, 1.0)


def pearson_pairs(x: ArrayLike, y: ArrayLike) -> FloatArray:
    """Pearson correlation (m,) of each column of `x` (n, m) with the same column of `y` (n, m); NaN where one is constant."""
    return np.clip((standardised(x) * standardised(y)).sum(axis=0), -1.0, 1.0)


def spearman_rows(x: ArrayLike, y: ArrayLike) -> FloatArray:
    """Spearman correlation (...) of `x` (k,) with each row of `y` (..., k), ties by mean rank; NaN for a constant."""
    values, rows = finite(x, "x"), finite(y, "y")
    if values.ndim != 1 or rows.shape[-1] != len(values):
        raise UserError(f"Spearman needs rows as long as x; x has the shape {values.shape} and y {rows.shape}.")
    return pearson(np.moveaxis(rankdata(rows, axis=-1), -1, 0), rankdata(values))


def linear_fit(x: ArrayLike, y: ArrayLike) -> Line:
    """Least-squares line of `y` (n,) on `x` (n,)."""
    values, target = _matched(x, y)
    if values.ndim != 1:
        raise UserError(f"A line is fitted to one x, but x has the shape {values.shape}.")
    unit = standardised(values)
    if np.isnan(unit).any():
        return Line(float("nan"), float("nan"))
    centred = values - values.mean()
    slope = float(unit @ (target - target.mean()) / (unit @ centred))
    return Line(slope, float(target.mean() - slope * values.mean()))


def group_columns(labels: Sequence[Hashable]) -> FloatArray:
    """Indicator columns (n, groups - 1) of `labels`, to hold group means constant in `partial_correlation`."""
    names = list(dict.fromkeys(labels))
    return np.array([[float(label == name) for name in names[1:]] for label in labels]).reshape(len(labels), -1)


def partial_correlation(x: ArrayLike, y: ArrayLike, given: ArrayLike) -> FloatArray:
    """Pearson correlation (m,) of `x` (n, m) or (n,) with `y` (n,), given (n, k): its linear fit is removed from both.

    With `group_columns(labels)` as `given` it is the pooled correlation within groups: two clusters far apart have
    r near 1 whatever happens inside them, and this is what is left inside. NaN where nothing is left of x or y.
    """
    columns, target = _matched(x, y)
    known = finite(np.asarray(given, dtype=np.float64).reshape(len(target), -1), "given") if np.size(given) else None
    design = np.ones((len(target), 1)) if known is None else np.column_stack([np.ones(len(target)), known])
    basis, singular, _ = np.linalg.svd(design, full_matrices=False)
    basis = basis[:, singular > singular[0] * 1e-10]
    if basis.shape[1] >= len(target) - 1:
        raise UserError(f"A partial correlation given {basis.shape[1] - 1} columns needs more than {len(target)} rows.")
    return pearson(_residual(columns, basis), _residual(target, basis))


def _residual(values: FloatArray, basis: FloatArray) -> FloatArray:
    """`values` (n, ...) without their part in the span of `basis` (n, k); what is left by rounding alone becomes 0."""
    left = values - np.tensordot(basis, np.tensordot(basis.T, values, axes=1), axes=1)
    size = np.sqrt((left**2).sum(0))
    return np.where(size > 1e-10 * np.sqrt((values**2).sum(0)), left, 0.0)


def _matched(x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both as finite arrays with the same number of rows, 3 or more, y with one column."""
    columns, target = finite(x, "x"), finite(y, "y")
    if columns.ndim == 0 or target.ndim != 1 or len(columns) != len(target):
        raise UserError(f"Cannot correlate x of shape {columns.shape} with y of shape {target.shape}; rows must match.")
    if len(target) < 3:
        raise UserError(f"A correlation of {len(target)} points says nothing; give 3 or more.")
    return columns, target
