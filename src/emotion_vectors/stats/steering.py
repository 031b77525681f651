"""The steering effect: how much a vector on the steered option's tokens moves the choice towards that option.

In: logit differences d[i, j] = logit(A) - logit(B) in nats, with option i as (A) and j as (B): d0 without steering and
d1 with it, and which options were steered. Only a pair of one steered and one control option can show a transfer.

Two traps (why the seed report came out inverted), and how they are met:

* Scores are zero-sum. If both options of a pair get the same vector no net transfer is possible; what is left is a
  contraction of all preferences, and its mean over a half has the sign of that half's own baseline imbalance. The same
  holds for one split of a contraction in the mixed pairs alone. It cancels exactly over a split and its complement, and
  on average over random splits: `splits_interval` judges on all of them. `contraction_fit` measures it.
* The refitted scores average probabilities over the two orders, so a position bias shrinks their change. The effect in
  log-odds (`mixed_effect`) does not depend on position bias and is the main number.

Source: paper, part 1 (steered and control half); bootstrap: Owen 2007, Owen and Eckles 2012 (pigeonhole bootstrap).
Shapes: n options, n_s of them steered and n_c control; k splits; "..." several steered conditions.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import BoolArray, FloatArray, finite, half, resamples, square
from emotion_vectors.stats.correlation import Line, linear_fit
from emotion_vectors.stats.intervals import Interval, expanded_level, interval_from_draws
from emotion_vectors.stats.scores import ELO_PER_NAT, bradley_terry_many, elo_many, pair_win_probability


class MixedEffect(NamedTuple):
    """Change of the log-odds that the steered option of a mixed pair is chosen, in nats."""

    pairs: FloatArray
    """(..., n_s, n_c): each pair, mean of its two orders; steered options in rows, control options in columns."""
    mean: FloatArray
    """(...): mean over the pairs."""


def mixed_effect(baseline: ArrayLike, steered_logits: ArrayLike, steered: ArrayLike) -> MixedEffect:
    """Effect of steering in nats: ((d1 - d0)[s, c] - (d1 - d0)[c, s]) / 2 for steered s and control c, and its mean.

    `baseline` (n, n), `steered_logits` (..., n, n) in nats, `steered` (n,) boolean. Position bias cancels.
    """
    change = _order_free_change(baseline, steered_logits)
    mask = half(steered, change.shape[-1])
    pairs = change[..., mask, :][..., :, ~mask]
    return MixedEffect(pairs, pairs.mean((-1, -2)))


def effect_interval(pairs: ArrayLike, *, level: float = 0.95, repeats: int = 2000, seed: int = 0) -> Interval:
    """Interval in nats of the mean of `pairs` (n_s, n_c) for other activities than these: one split only.

    Pigeonhole bootstrap: steered rows and control columns are resampled independently, since pairs that share an
    activity are dependent. Conservative when the noise belongs to single pairs (up to 3 times the variance, Owen 2007).
    """
    table = finite(pairs, "pair effects")
    if table.ndim != 2 or min(table.shape) < 2:
        raise UserError(f"Pair effects must be (steered, control) with 2 or more of each, not the shape {table.shape}.")
    generator = np.random.default_rng(seed)
    rows, columns = (
        generator.multinomial(size, np.full(size, 1 / size), size=resamples(repeats)) / size for size in table.shape
    )
    draws = np.einsum("br,rc,bc->b", rows, table, columns, optimize=True)
    return interval_from_draws(draws, table.mean(), expanded_level(level, min(table.shape))).single()


def effect_matrix(baseline: ArrayLike, steered_logits: ArrayLike, steered: ArrayLike) -> FloatArray:
    """Effect (n, n) in nats of steering i (row) in the pair with control j (column), from k runs of one vector.

    `steered_logits` (k, n, n) and `steered` (k, n): one run for each split. Steering i against an unsteered j is the
    same prompt in every split, so equal cells are averaged; a cell that no run measured is NaN. With the even and the
    odd half, or with all ordered pairs, one matrix serves many splits.
    """
    change = _order_free_change(baseline, steered_logits)
    masks = np.asarray(steered)
    if change.ndim != 3 or masks.shape != change.shape[:2]:
        raise UserError(
            f"Steered logits {change.shape} and splits {masks.shape} do not match; give one split for each run."
        )
    mixed = np.array([np.outer(half(mask, change.shape[-1]), ~mask) for mask in masks])
    times = mixed.sum(0)
    total = np.where(mixed, change, 0.0).sum(0)
    return np.divide(total, times, out=np.full(times.shape, np.nan), where=times > 0)


def splits_effect(effects: ArrayLike, splits: ArrayLike) -> FloatArray:
    """Mean effect (k,) in nats of each split: `effects` (n, n) from `effect_matrix`, `splits` (k, n) boolean."""
    table, masks = _covered(effects, splits)
    return np.array([table[mask][:, ~mask].mean() for mask in masks])


def splits_interval(
    effects: ArrayLike, splits: ArrayLike, *, level: float = 0.95, repeats: int = 2000, seed: int = 0
) -> Interval:
    """Interval in nats of the mean over all splits of the mean effect; `effects` (n, n), `splits` (k, n).

    Activities are reweighted, and an activity keeps its weight in every pair and every split, steered or control: a
    pair counts with the product of its two weights (Bayesian pigeonhole bootstrap: independent exponential weights,
    Owen and Eckles 2012; no draw can lose a half). Include the complement of every split, or many splits, so that a
    contraction of preferences cancels.
    """
    table, masks = _covered(effects, splits)
    generator = np.random.default_rng(seed)
    weights = generator.exponential(size=(resamples(repeats), len(table)))
    draws = np.zeros(repeats)
    for mask in masks:
        rows, columns = weights[:, mask], weights[:, ~mask]
        total = np.einsum("br,rc,bc->b", rows, table[mask][:, ~mask], columns, optimize=True)
        draws += total / (rows.sum(1) * columns.sum(1)) / len(masks)
    return interval_from_draws(draws, splits_effect(table, masks).mean(), expanded_level(level, len(table))).single()


def contraction_fit(baseline: ArrayLike, steered_logits: ArrayLike, steered: ArrayLike) -> Line:
    """Line of the pair effect on the pair's baseline preference (d0[s, c] - d0[c, s]) / 2, both in nats.

    The slope is the contraction (-0.3: all preferences shrink by 30 %); the intercept is the effect on an even pair,
    which contraction cannot produce.
    """
    effect = mixed_effect(baseline, steered_logits, steered)
    mask = half(steered, effect.pairs.shape[-1] + effect.pairs.shape[-2])
    preference = _order_free_change(np.zeros(np.shape(baseline)), baseline)[mask][:, ~mask]
    return linear_fit(preference.ravel(), effect.pairs.ravel())


class RefitChange(NamedTuple):
    """Scores before and after steering, refitted on all pairs. Leading axes "..." are those of the steered logits."""

    before: FloatArray
    """(n,) Bradley-Terry scores without steering, nats, mean 0."""
    after: FloatArray
    """(..., n) the same with steering."""
    difference: FloatArray
    """(...) mean change of the steered half minus that of the control half, nats."""
    steered: FloatArray
    """(...) mean change of the steered half alone, nats: half of `difference` for equal halves (zero-sum)."""
    elo_before: FloatArray
    """(n,) Elo scores without steering, Elo points, mean 1000."""
    elo_after: FloatArray
    """(..., n) the same with steering."""
    elo_difference: FloatArray
    """(...) as `difference`, by Elo updates, Elo points."""
    elo_steered: FloatArray
    """(...) as `steered`, by Elo updates, Elo points: the number that the paper and the seed report."""
    zero_sum_error: FloatArray
    """(...) size of the sum of the change over all options, nats (the larger of both kinds); 0 but for rounding."""


def refit_change(
    baseline: ArrayLike,
    steered_logits: ArrayLike,
    steered: ArrayLike,
    *,
    k: float = 32.0,
    passes: int = 10,
    orders: int = 10,
    seed: int = 0,
) -> RefitChange:
    """Change of the refitted scores; `baseline` (n, n), `steered_logits` (..., n, n) in nats, `steered` (n,) boolean.

    All pairs enter, so `steered_logits` must hold the baseline's values for pairs that were not steered. Adding e nats
    to every mixed pair moves the steered half by exactly e (1 - n_s / n) if the baseline is Bradley-Terry without
    position bias; a position bias makes it smaller. Raises `ArithmeticError` when the changes do not sum to 0 within
    1e-9 n nats.
    """
    tables = pair_win_probability(steered_logits)
    n = tables.shape[-1]
    mask = half(steered, n)
    wins = np.concatenate([pair_win_probability(baseline)[None], tables.reshape(-1, n, n)])
    nats = bradley_terry_many(wins)
    points = elo_many(wins, k=k, passes=passes, orders=orders, seed=seed).scores
    lead = tables.shape[:-2]
    change, elo_change = ((scores[1:] - scores[0]).reshape(*lead, n) for scores in (nats, points))
    error = np.maximum(np.abs(change.sum(-1)), np.abs(elo_change.sum(-1)) / ELO_PER_NAT)
    if error.max() > 1e-9 * n:
        raise ArithmeticError(f"Score changes must sum to 0 but sum to {error.max():.2e} nats.")
    moved, elo_moved = change[..., mask].mean(-1), elo_change[..., mask].mean(-1)
    return RefitChange(
        before=nats[0],
        after=nats[1:].reshape(*lead, n),
        difference=moved - change[..., ~mask].mean(-1),
        steered=moved,
        elo_before=points[0],
        elo_after=points[1:].reshape(*lead, n),
        elo_difference=elo_moved - elo_change[..., ~mask].mean(-1),
        elo_steered=elo_moved,
        zero_sum_error=error,
    )


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


def _order_free_change(baseline: ArrayLike, steered_logits: ArrayLike) -> FloatArray:
    """((d1 - d0) - its transpose) / 2, (..., n, n): change in log-odds that the row option beats the column option."""
    before, after = square(baseline, "baseline logit differences"), square(steered_logits, "steered logit differences")
    if before.ndim != 2 or after.shape[-2:] != before.shape:
        raise UserError(f"Steered logits {after.shape} and baseline {before.shape} must be about the same options.")
    change = after - before
    return (change - np.swapaxes(change, -1, -2)) / 2


def _covered(effects: ArrayLike, splits: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Effects (n, n) and splits (k, n), after checking that every cell that a split needs was measured."""
    table, masks = np.asarray(effects, dtype=np.float64), np.asarray(splits)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or masks.ndim != 2 or len(masks) == 0:
        raise UserError(f"Effects {table.shape} and splits {masks.shape} must be (n, n) and (splits, n).")
    for mask in masks:
        if not np.isfinite(table[half(mask, len(table))][:, ~mask]).all():
            raise UserError("A split needs pairs that were not measured; run steering for that half as well.")
    return table, masks
