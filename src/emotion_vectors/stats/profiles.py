"""Do steered conditions do the same thing or different things? Their effects over options, compared with each other.

In: effects E (m, n, n) in nats of m conditions (`stats.steering.effect_matrix`); NaN = not asked. A condition's profile is its
effect on each option: the mean of E[i, j] over the asked partners j. Out, for weights of the options:

r            mean Pearson correlation of two conditions' profiles over the options; 1: all do the same
size         mean |r|: two groups that do opposite things have r near 0 and size near 1
option       shares of the variance of the table (m, n) of profiles, which sum to 1 (two-way analysis of variance without
condition    replication, Fisher 1925): what an option gets under every condition, what a condition does to every option,
interaction  and the rest, which belongs to a condition and an option together

Intervals reweight the options, steered and unsteered alike (Bayesian pigeonhole bootstrap, as `stats.steering`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import FloatArray, resamples
from emotion_vectors.stats.intervals import ends_of_draws

NAMES = ("r", "size", "option", "condition", "interaction")
_BATCH = 100  # draws at a time: memory stays small however many conditions are steered


class Estimate(NamedTuple):
    """A statistic with its interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


def profiles(effects: ArrayLike, weights: ArrayLike | None = None) -> FloatArray:
    """Mean effect (b, m, n) on each option over its asked partners, with weights (b, n) of the partners; without them b is 1."""
    table = _checked(effects)
    m, n, _ = table.shape
    given = np.ones((1, n)) if weights is None else np.asarray(weights, dtype=np.float64)
    totals = given @ np.isfinite(table[0]).T.astype(np.float64)
    if not (totals > 0).all():
        raise UserError("An option was paired with no other one; ask more partners of each activity.")
    sums = (given @ np.nan_to_num(table).reshape(m * n, n).T).reshape(len(given), m, n)
    return sums / totals[:, None]


def correlations(rows: FloatArray, weights: FloatArray) -> FloatArray:
    """Pearson correlations (b, m, m) of profiles (b, m, n) under weights (b, n); NaN for a profile that is constant."""
    share = (weights / weights.sum(axis=1, keepdims=True))[:, None]
    centred = rows - (rows * share).sum(axis=2, keepdims=True)
    scaled = centred * np.sqrt(share)
    length = np.sqrt((scaled**2).sum(axis=2, keepdims=True))
    # Rounding leaves a constant profile a tiny length instead of 0.
    smallest = 1e-12 * np.abs(rows).max(axis=2, keepdims=True)
    units = scaled / np.where(length > smallest, length, np.nan)
    return np.clip(units @ np.swapaxes(units, 1, 2), -1.0, 1.0)


def shares(rows: FloatArray, weights: FloatArray) -> FloatArray:
    """Shares (b, 3) of the variance of profiles (b, m, n) that belong to option, condition and interaction; NaN without variance."""
    share = weights / weights.sum(axis=1, keepdims=True)
    total = np.einsum("bmn,bn->b", rows, share) / rows.shape[1]
    option = rows.mean(axis=1) - total[:, None]
    condition = np.einsum("bmn,bn->bm", rows, share) - total[:, None]
    rest = rows - option[:, None] - condition[:, :, None] - total[:, None, None]
    parts = np.stack(
        [
            (option**2 * share).sum(axis=1),
            (condition**2).mean(axis=1),
            ((rest**2).mean(axis=1) * share).sum(axis=1),
        ],
        axis=1,
    )
    whole = parts.sum(axis=1, keepdims=True)
    return parts / np.where(whole > 1e-24 * (np.abs(rows).max(axis=(1, 2))[:, None] ** 2), whole, np.nan)


def statistics(effects: ArrayLike, weights: ArrayLike) -> FloatArray:
    """(b, 5): `NAMES` of the conditions (m, n, n), m of 2 or more, under each of the weights (b, n)."""
    given = np.asarray(weights, dtype=np.float64)
    rows = profiles(effects, given)
    off = ~np.eye(rows.shape[1], dtype=bool)
    r = correlations(rows, given)[:, off]
    return np.column_stack([r.mean(axis=1), np.abs(r).mean(axis=1), shares(rows, given)])


def draws(effects: ArrayLike, repeats: int, seed: int) -> FloatArray:
    """(repeats, 5): `statistics` under exponential weights of the options; the same seed gives every set the same weights."""
    table = _checked(effects)
    weights = np.random.default_rng(seed).exponential(size=(resamples(repeats), table.shape[-1]))
    pieces = [statistics(table, weights[start : start + _BATCH]) for start in range(0, len(weights), _BATCH)]
    return np.concatenate(pieces)


def estimate(value: float, drawn: FloatArray, options: int, level: float = 0.95) -> Estimate:
    """`value` with the percentile interval of draws (b,), its level expanded for the number of options."""
    if not np.isfinite(value) or not np.isfinite(drawn).all():
        return Estimate(float("nan"), float("nan"), float("nan"))
    low, high = ends_of_draws(drawn, options, level)
    # Reweighting can push a share to one side of its own value; the interval always holds it.
    return Estimate(float(value), min(low, float(value)), max(high, float(value)))


def _checked(effects: ArrayLike) -> FloatArray:
    table = np.asarray(effects, dtype=np.float64)
    if table.ndim != 3 or table.shape[1] != table.shape[2] or len(table) < 2:
        raise UserError(f"Profiles compare 2 or more conditions, (m, n, n), not the shape {table.shape}.")
    return table
