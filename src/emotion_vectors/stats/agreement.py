"""Do two tables of the same prompts and probes agree? Pearson's r over all cells, and within the probes, with interval and null.

A table holds a value for each of s prompts and n probes. Over all cells r also holds what the probes have in common with themselves: a
probe that is high for every prompt is high in both tables, and r is large though no prompt is told from another. Within the probes each
probe's mean over the prompts is subtracted, so that only what differs between prompts is left.

Prompts are resampled and shuffled, never cells: the cells of one prompt depend on each other. Everything follows from sums over
prompts, so thousands of draws cost a few products of matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import FloatArray, finite
from emotion_vectors.stats.intervals import drawn_counts, expanded_level, interval_from_draws
from emotion_vectors.stats.nulls import permutation_p, permuted_rows

FEWEST = 4  # prompts: fewer have no interval


class Agreement(NamedTuple):
    """r of two tables, its 95 % interval over prompts, and its mean and one-sided p where the prompts of one table are shuffled."""

    r: float
    low: float
    high: float
    shuffled: float
    p: float


def table_r(first: ArrayLike, second: ArrayLike, within: bool = False) -> float:
    """Pearson's r over the cells of two tables (s, n); `within` the probes: columns centred first. NaN where a table is constant."""
    a, b = _tables(first, second)
    return float(_weighted(np.ones((1, len(a))), a, b, within)[0])


def table_agreement(
    first: ArrayLike, second: ArrayLike, *, within: bool = False, repeats: int = 2000, seed: int = 0
) -> Agreement | None:
    """`table_r` with its interval and null; None where a table is constant. Raises `UserError` for fewer than `FEWEST` prompts."""
    a, b = _tables(first, second)
    count = len(a)
    if count < FEWEST:
        raise UserError(f"An agreement over prompts needs {FEWEST} prompts or more, not {count}.")
    r = table_r(a, b, within)
    if np.isnan(r):
        return None
    draws = _weighted(drawn_counts(count, repeats, seed), a, b, within)
    bounds = interval_from_draws(np.where(np.isnan(draws), r, draws), r, expanded_level(0.95, count)).single()
    null = _shuffled(a, b, within, permuted_rows(count, None, repeats, seed + 1))
    return Agreement(r, bounds.low, bounds.high, float(null.mean()), float(permutation_p(r, null)))


class Middle(NamedTuple):
    """Mean of some correlations, and the ends of their middle 95 %."""

    mean: float
    low: float
    high: float


def middle(values: ArrayLike) -> Middle | None:
    """Of the values (k,) that are defined, for example of sets of random directions; None where none is."""
    given = np.asarray(values, dtype=np.float64)
    known = given[~np.isnan(given)]
    if not len(known):
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return Middle(float(known.mean()), float(low), float(high))


def _tables(first: ArrayLike, second: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both tables in double precision, each with its mean at 0, so that sums of squares lose no digits."""
    a, b = (finite(table, "table of prompts and probes") for table in (first, second))
    if a.ndim != 2 or a.shape != b.shape:
        raise UserError(f"Two tables of prompts and probes must have the same shape, not {a.shape} and {b.shape}.")
    return a - a.mean(), b - b.mean()


def _weighted(weights: FloatArray, a: FloatArray, b: FloatArray, within: bool) -> FloatArray:
    """r (k,) with the prompts taken `weights` (k, s) times."""
    of = weights.sum(axis=1)[:, None]
    means = [weights @ table / of for table in (a, b)]  # (k, n)
    if not within:
        means = [mean.mean(axis=1, keepdims=True) for mean in means]

    def product(x: FloatArray, y: FloatArray, mx: FloatArray, my: FloatArray) -> FloatArray:
        cells = 1 if within else a.shape[1]
        return weights @ (x * y).sum(axis=1) - (of * cells * mx * my).sum(axis=1)

    sizes = product(a, a, means[0], means[0]), product(b, b, means[1], means[1])
    # What rounding leaves of a constant table is not a spread.
    smallest = [1e-12 * max(float((table**2).sum()), np.finfo(np.float64).tiny) for table in (a, b)]
    known = (sizes[0] > smallest[0]) & (sizes[1] > smallest[1])
    root = np.sqrt(np.where(known, sizes[0] * sizes[1], 1.0))
    return np.where(known, product(a, b, means[0], means[1]) / root, np.nan)


def _shuffled(a: FloatArray, b: FloatArray, within: bool, orders: np.ndarray) -> FloatArray:
    """r (k,) with the prompts of `b` in each of `orders` (k, s)."""
    if within:
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    products = a @ b.T
    return products[np.arange(len(a)), orders].sum(axis=1) / np.sqrt((a**2).sum() * (b**2).sum())
