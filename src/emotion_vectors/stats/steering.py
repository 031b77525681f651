"""The steering effect: how much a vector on one option's tokens moves the choice towards that option.

In: logit differences d[i, j] = logit(A) - logit(B) in nats, with option i as (A) and j as (B): `baseline` without
steering, `first` with the vector on the tokens of option (A), `second` with it on those of (B). NaN = not asked.
Out: E[i, j], the change of the log-odds that i is chosen over an unsteered j when i is steered; its mean over splits of
the options into a steered and a control half; scores refitted for one split.

Two traps (why the earlier reproduction came out inverted), and how they are met:

* Scores are zero-sum. If both options of a pair get the same vector no net transfer is possible: E[i, j] = -E[j, i]. What
  is left is a contraction of all preferences, and its mean over a half has the sign of that half's own baseline
  imbalance. The same holds for one split of a contraction by our own arm. It cancels exactly over a split and its
  complement: `with_complements` and `pooled_effect` judge on both. `contraction_fit` measures it.
* The refitted scores average probabilities over the two orders, so a position bias shrinks their change. The effect in
  log-odds does not depend on position bias and is the main number.

Source: paper, part 1 (steered and control half); bootstrap: Owen 2007, Owen and Eckles 2012 (Bayesian pigeonhole).
Shapes: n options, k splits; "..." several steered conditions.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import BoolArray, FloatArray, half, resamples
from emotion_vectors.stats.correlation import Line, linear_fit
from emotion_vectors.stats.intervals import Intervals, expanded_level, interval_from_draws
from emotion_vectors.stats.scores import ELO_PER_NAT, bradley_terry_many, elo_many, pair_win_probability


def ring_pairs(size: int, partners: int, seed: int = 0) -> BoolArray:
    """Which pairs (size, size) of options to ask: symmetric, each option with `partners` others, all pairs if there are as many.

    The options stand on a ring in a seeded random order and meet their next ones on either side (an odd number is
    rounded up). So every option counts the same, the scores stay connected, and neighbours form triads.
    """
    if size < 3 or partners < 2:
        raise UserError(f"Pairs need 3 options and 2 partners or more, not {size} and {partners}.")
    order = np.random.default_rng(seed).permutation(size)
    asked = np.zeros((size, size), dtype=bool)
    for offset in range(1, min((partners + 1) // 2, size // 2) + 1):
        ahead = np.roll(order, -offset)
        asked[order, ahead] = asked[ahead, order] = True
    return asked


def effect_matrix(baseline: ArrayLike, first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Effect (..., n, n) in nats of steering i (row) in the pair with an unsteered j (column), the mean of both orders.

    E[i, j] = ((first - baseline)[i, j] - (second - baseline)[j, i]) / 2; the position bias cancels. `baseline` (n, n),
    `first` and `second` (..., n, n); a pair that was not asked is NaN. With both options steered alike (`first` is
    `second`) E is antisymmetric.
    """
    before, as_first, as_second = (np.asarray(values, dtype=np.float64) for values in (baseline, first, second))
    if before.ndim != 2 or as_first.shape != as_second.shape or as_first.shape[-2:] != before.shape:
        raise UserError(f"Steered logits {as_first.shape} and baseline {before.shape} must be about the same options.")
    effects = ((as_first - before) - np.swapaxes(as_second - before, -1, -2)) / 2
    known = np.isfinite(effects)
    if not known.any() or not np.array_equal(known, np.broadcast_to(known[(0,) * (known.ndim - 2)], known.shape)):
        raise UserError("The steered conditions were not asked about the same pairs; run the steering again.")
    return effects


def preference_matrix(baseline: ArrayLike) -> FloatArray:
    """Order-free preference (..., n, n) in nats for i (row) over j (column): (d_ij - d_ji) / 2."""
    values = np.asarray(baseline, dtype=np.float64)
    return (values - np.swapaxes(values, -1, -2)) / 2


def split_table(baseline: ArrayLike, first: ArrayLike, second: ArrayLike, steered: ArrayLike) -> FloatArray:
    """Logit differences (..., n, n) of the experiment that steers the options `steered` (n,) and keeps the others.

    A pair of one steered and one control option has the steered value, every other pair the baseline's.
    """
    before, as_first = np.asarray(baseline, dtype=np.float64), np.asarray(first, dtype=np.float64)
    mask = half(steered, before.shape[-1])
    table = np.where(np.outer(mask, ~mask), as_first, before)
    return np.where(np.outer(~mask, mask), np.asarray(second, dtype=np.float64), table)


def splits_effect(effects: ArrayLike, splits: ArrayLike) -> FloatArray:
    """Mean effect (..., k) in nats over the mixed pairs of each split: `effects` (..., n, n), `splits` (k, n) boolean."""
    table, masks = _checked(effects, splits)
    return np.stack([_mean(table, np.outer(mask, ~mask)) for mask in masks], axis=-1)


def with_complements(splits: ArrayLike) -> BoolArray:
    """`splits` (k, n) and the complement of each, (2 k, n): a contraction of preferences cancels over both."""
    masks = np.asarray(splits)
    return np.concatenate([masks, ~masks])


def pooled_effect(effects: ArrayLike, splits: ArrayLike) -> FloatArray:
    """Mean effect (...) in nats over the mixed pairs of all splits together: `effects` (..., n, n), `splits` (k, n)."""
    table, masks = _checked(effects, splits)
    return _mean(table, _times(masks))


def pooled_interval(
    effects: ArrayLike, splits: ArrayLike, *, level: float = 0.95, repeats: int = 2000, seed: int = 0
) -> Intervals:
    """Interval in nats of `pooled_effect` (m,) for other options than these: `effects` (m, n, n), `splits` (k, n).

    Options are reweighted, and an option keeps its weight in every pair and every split, steered or control: a pair
    counts with the product of its two weights (Bayesian pigeonhole bootstrap: independent exponential weights; no draw
    can lose a half). All conditions share the weights. Conservative when the noise belongs to single pairs (up to 3
    times the variance, Owen 2007).
    """
    table, masks = _checked(effects, splits)
    if table.ndim != 3:
        raise UserError(f"Effects of several conditions are needed, (m, n, n), not the shape {table.shape}.")
    times = _times(masks) * np.isfinite(table[0])
    weights = np.random.default_rng(seed).exponential(size=(resamples(repeats), len(times)))
    totals = np.einsum("bj,bj->b", weights @ times, weights)
    filled = np.nan_to_num(table) * times
    draws = np.stack([np.einsum("bj,bj->b", weights @ one, weights) / totals for one in filled], axis=-1)
    return interval_from_draws(draws, _mean(table, times), expanded_level(level, len(times)))


def contraction_fit(effects: ArrayLike, baseline: ArrayLike) -> Line:
    """Line of the effect `effects` (n, n) of a pair on its baseline preference (d_ij - d_ji) / 2, both in nats.

    The slope is the contraction (-0.3: all preferences shrink by 30 %); the intercept is the effect on an even pair,
    which contraction cannot produce.
    """
    table = np.asarray(effects, dtype=np.float64)
    known = np.isfinite(table)
    return linear_fit(preference_matrix(baseline)[known], table[known])


class RefitChange(NamedTuple):
    """Scores before and after steering, refitted on all asked pairs. Leading axes "..." are those of the steered logits."""

    before: FloatArray
    """(n,) Bradley-Terry scores without steering, nats, mean 0."""
    after: FloatArray
    """(..., n) the same with steering."""
    difference: FloatArray
    """(...) mean change of the steered half minus that of the control half, nats."""
    steered: FloatArray
    """(...) mean change of the steered half alone, nats: half of `difference` for equal halves (zero-sum)."""
    zero_sum_error: FloatArray
    """(...) size of the sum of the change over all options, nats; 0 but for rounding."""


def refit_change(baseline: ArrayLike, steered_logits: ArrayLike, steered: ArrayLike) -> RefitChange:
    """Change of the refitted Bradley-Terry scores; `baseline` (n, n), `steered_logits` (..., n, n) in nats.

    `steered` (n,) boolean. All asked pairs enter, so `steered_logits` holds the baseline's values for pairs that were
    not steered (`split_table`). Adding e nats to every mixed pair moves the steered half by exactly e (1 - n_s / n) if
    all pairs are asked and the baseline is Bradley-Terry without position bias; a position bias makes it smaller.
    Raises `ArithmeticError` when the changes do not sum to 0 within 1e-9 n nats.
    """
    tables, asked, lead = _asked_wins(baseline, steered_logits)
    nats = bradley_terry_many(tables, asked.astype(np.float64))
    n = asked.shape[-1]
    mask = half(steered, n)
    change = (nats[1:] - nats[0]).reshape(*lead, n)
    error = np.abs(change.sum(-1))
    _require_zero_sum(error.max(), n)
    moved = change[..., mask].mean(-1)
    return RefitChange(nats[0], nats[1:].reshape(*lead, n), moved - change[..., ~mask].mean(-1), moved, error)


def elo_change(
    baseline: ArrayLike,
    steered_logits: ArrayLike,
    steered: ArrayLike,
    *,
    k: float = 32.0,
    passes: int = 10,
    orders: int = 10,
    seed: int = 0,
) -> FloatArray:
    """Mean change (...) of the steered half by Elo updates, in Elo points: the number that the paper and Hong (2026) report."""
    tables, asked, lead = _asked_wins(baseline, steered_logits)
    points = elo_many(tables, k=k, passes=passes, orders=orders, seed=seed, asked=asked).scores
    change = (points[1:] - points[0]).reshape(*lead, asked.shape[-1])
    _require_zero_sum(np.abs(change.sum(-1)).max() / ELO_PER_NAT, asked.shape[-1])
    return change[..., half(steered, asked.shape[-1])].mean(-1)


def cyclic_triads(logit_difference: ArrayLike) -> FloatArray:
    """Share (...) of cyclic triads (i over j over k over i) among the triads whose three pairs were all asked.

    By the order-free preference of each pair; a tie counts as a coin flip. A perfectly coherent order has 0, coin flips
    0.25 (Kendall and Babington Smith 1940). NaN where no triad was asked.
    """
    preference = preference_matrix(logit_difference)
    asked = np.isfinite(preference[(0,) * (preference.ndim - 2)])
    later = np.triu(asked, 1)
    i, j, k = np.nonzero(later[:, :, None] & later[None, :, :] & later[:, None, :])
    if not len(i):
        return np.full(preference.shape[:-2], np.nan)
    # Ties are common in bfloat16; a sign for them would make all of them cyclic or none.
    one, two, three = ((np.sign(preference[..., a, b]) + 1) / 2 for a, b in ((i, j), (j, k), (k, i)))
    return (one * two * three + (1 - one) * (1 - two) * (1 - three)).mean(-1)


def split_half(categories: Sequence[Hashable], kind: Literal["even", "odd", "random"], seed: int = 0) -> BoolArray:
    """One stratified split (n,): True is steered, half of each category.

    Within each category every second activity is steered: the even ones (0, 2, ...), the odd ones, or every second one
    of a seeded random order. Counting goes on from one category to the next, so categories of odd size alternate
    between one more and one fewer and the halves differ by 1 at most. `odd` is the complement of `even`.
    """
    if kind not in ("even", "odd", "random") or len(categories) < 2:
        raise UserError(f"A split is 'even', 'odd' or 'random' and needs 2 activities or more, not '{kind}'.")
    members: dict[Hashable, list[int]] = {}
    for row, name in enumerate(categories):
        members.setdefault(name, []).append(row)
    order = np.concatenate([np.array(rows) for rows in members.values()])
    start = int(kind == "odd")
    if kind == "random":
        generator = np.random.default_rng(seed)
        order = np.concatenate([generator.permutation(rows) for rows in members.values()])
        start = int(generator.integers(2))
    steered = np.zeros(len(categories), dtype=bool)
    steered[order[start::2]] = True
    return steered


def split_halves(categories: Sequence[Hashable], random: int = 20, seed: int = 0) -> BoolArray:
    """Splits (2 + random, n): the even half, the odd half, then `random` stratified random ones seeded from `seed`."""
    fixed = [split_half(categories, "even"), split_half(categories, "odd")]
    return np.array(fixed + [split_half(categories, "random", seed + index) for index in range(random)])


def _checked(effects: ArrayLike, splits: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Effects (..., n, n) and splits (k, n), after checking that they fit and that every split holds an asked pair."""
    table, masks = np.asarray(effects, dtype=np.float64), np.asarray(splits)
    if table.ndim < 2 or table.shape[-1] != table.shape[-2] or masks.ndim != 2 or len(masks) == 0:
        raise UserError(f"Effects {table.shape} and splits {masks.shape} must be (..., n, n) and (splits, n).")
    known = np.asarray(np.isfinite(table).all(axis=tuple(range(table.ndim - 2))))
    for mask in masks:
        if not known[half(mask, table.shape[-1])][:, ~mask].any():
            raise UserError("A split has no pair that was asked; ask more partners of each activity.")
    return table, masks


def _times(masks: BoolArray) -> FloatArray:
    """(n, n): in how many splits option i is steered and option j control."""
    return masks.T.astype(np.float64) @ (~masks).astype(np.float64)


def _mean(table: FloatArray, weights: ArrayLike) -> FloatArray:
    """Weighted mean (...) over the asked pairs of `table` (..., n, n)."""
    known = np.isfinite(table) * np.asarray(weights, dtype=np.float64)
    return (np.nan_to_num(table) * known).sum((-1, -2)) / known.sum((-1, -2))


def _asked_wins(baseline: ArrayLike, steered_logits: ArrayLike) -> tuple[FloatArray, BoolArray, tuple[int, ...]]:
    """Win probabilities (1 + m, n, n), baseline first, which pairs were asked (n, n), and the leading shape "..."."""
    before, after = np.asarray(baseline, dtype=np.float64), np.asarray(steered_logits, dtype=np.float64)
    if before.ndim != 2 or after.shape[-2:] != before.shape:
        raise UserError(f"Steered logits {after.shape} and baseline {before.shape} must be about the same options.")
    n = len(before)
    tables = np.concatenate([before[None], after.reshape(-1, n, n)])
    known = np.isfinite(tables)
    asked = known[0] & ~np.eye(n, dtype=bool)
    if not np.array_equal(asked, asked.T) or not (known[:, asked]).all():
        raise UserError("Steered and unsteered logits were not asked about the same pairs, both orders of each.")
    return pair_win_probability(np.where(asked, tables, 0.0)), asked, after.shape[:-2]


def _require_zero_sum(error: float, n: int) -> None:
    if error > 1e-9 * n:
        raise ArithmeticError(f"Score changes must sum to 0 but sum to {error:.2e} nats.")
