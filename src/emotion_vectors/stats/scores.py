"""Preference scores from pairwise choices: win probabilities, Bradley-Terry and Elo.

In: logit(A) - logit(B) of the prompts "would you prefer (A) i or (B) j", in both orders.
Out: one score for each option, in nats of log-odds (mean 0) or in Elo points (mean 1000).

Source: Bradley and Terry 1952; Elo 1978 with the settings of Hong (2026) (K = 32, start 1000, up to 10 passes,
soft outcomes). Bradley-Terry is the main score: its result does not depend on an order of updates.

Shapes: n options, b independent comparison tables, o orders of the pairs.
Units: one nat is 400 / ln 10 = 173.7 Elo points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import FloatArray, IndexArray, finite, resamples, square

ELO_PER_NAT = 400.0 / np.log(10.0)
ELO_CENTRE = 1000.0
ELO_BATCH = 64  # comparison tables that play side by side; bounds the memory, changes no result


def nats_to_elo(nats: ArrayLike, centre: float = ELO_CENTRE) -> FloatArray:
    """Scores in nats (any shape) as Elo points around `centre`; a difference of scores takes `centre=0`."""
    return centre + np.asarray(nats, dtype=np.float64) * ELO_PER_NAT


def elo_to_nats(elo_points: ArrayLike, centre: float = ELO_CENTRE) -> FloatArray:
    """Elo points (any shape) as nats around 0; the inverse of `nats_to_elo`."""
    return (np.asarray(elo_points, dtype=np.float64) - centre) / ELO_PER_NAT


def pair_win_probability(logit_difference: ArrayLike) -> FloatArray:
    """Probability (..., n, n) that option i (row) is chosen over j (column), averaged over both orders of the prompt.

    `logit_difference[..., i, j]` is logit(A) - logit(B) in nats of the prompt with i as (A) and j as (B). The diagonal
    is ignored and comes back as NaN. Cells [i, j] and [j, i] add up to 1.
    """
    difference = square(logit_difference, "logit differences")
    return (expit(difference) + expit(-np.swapaxes(difference, -1, -2))) / 2


def position_bias(logit_difference: ArrayLike) -> FloatArray:
    """Mean preference (...) in nats for the option called (A), over all ordered pairs of (..., n, n)."""
    return np.nanmean(square(logit_difference, "logit differences"), axis=(-1, -2))


def preference_spread(logit_difference: ArrayLike) -> FloatArray:
    """Standard deviation (...) in nats of the order-free preference (d_ij - d_ji) / 2 over all ordered pairs.

    The position bias cancels in it. Its mean over ordered pairs is 0, so this is also its root mean square.
    """
    difference = square(logit_difference, "logit differences")
    return np.nanstd((difference - np.swapaxes(difference, -1, -2)) / 2, axis=(-1, -2))


def bradley_terry(wins: ArrayLike, weights: ArrayLike | None = None) -> FloatArray:
    """Maximum-likelihood Bradley-Terry scores (n,) in nats, mean 0, from soft outcomes.

    Maximises sum over pairs w_ij [p_ij log sigma(s_i - s_j) + p_ji log sigma(s_j - s_i)] without any prior or ridge.
    `wins` (n, n) is p_ij = probability that i beats j, with p_ij + p_ji = 1. `weights` (n, n) is symmetric and not
    negative; 0 means that the pair was not compared; None means 1 for every pair. Diagonals are ignored.
    Raises `UserError` when the scores are not determined: unconnected options, or a group that never loses a point.
    """
    table = square(wins, "win probabilities")
    if table.ndim != 2:
        raise UserError(f"The win probabilities {table.shape} are several tables; fit them with bradley_terry_many.")
    return bradley_terry_many(table[None], None if weights is None else np.asarray(weights)[None])[0]


def bradley_terry_many(
    wins: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    start: ArrayLike | None = None,
    tolerance: float = 1e-6,
) -> FloatArray:
    """Bradley-Terry scores (b, n) in nats of many tables `wins` (b, n, n) at once; see `bradley_terry`.

    `weights` is (b, n, n), (n, n) or None. Newton's method with the step size log(1 + r) / r, where r is the range of
    the step: the log-likelihood is self-concordant along score differences, so every step climbs without a line search
    (Sun and Tran-Dinh 2019, nu = 2) and convergence is quadratic. Ends after a step of at most
    `tolerance` nats; what is left then is of the order of its square.
    `start` (b, n) or (n,) in nats only saves steps: there is one maximum, and it is found from anywhere.
    """
    won = _weighted_wins(wins, weights)
    compared = won + np.swapaxes(won, -1, -2)
    b, n, _ = won.shape
    scores = np.zeros((b, n)) if start is None else np.array(np.broadcast_to(finite(start, "start"), (b, n)))
    open_rows = np.arange(b)
    for _ in range(500):
        s = scores[open_rows]
        probability = expit(s[:, :, None] - s[:, None, :])
        # Both terms are small where a preference is extreme: nothing cancels, unlike in won - compared * probability.
        gained = won[open_rows] * np.swapaxes(probability, -1, -2)
        gradient = (gained - np.swapaxes(gained, -1, -2)).sum(-1)
        curvature = compared[open_rows] * probability * np.swapaxes(probability, -1, -2)
        step = _newton_step(gradient, curvature)
        reach = np.ptp(step, axis=-1)
        scale = np.divide(np.log1p(reach), reach, out=np.ones_like(reach), where=reach > 0)
        scores[open_rows] += scale[:, None] * step
        open_rows = open_rows[~(reach <= tolerance)]
        if open_rows.size == 0:
            return scores - scores.mean(-1, keepdims=True)
        if not np.isfinite(scores).all():
            break
    raise UserError("The Bradley-Terry fit did not converge; some preferences are too extreme to determine scores.")


def _newton_step(gradient: FloatArray, curvature: FloatArray) -> FloatArray:
    """Newton steps (b, n), mean 0, for gradients (b, n) and the pairs' curvatures (b, n, n), 0 on the diagonal.

    Minus the Hessian is the graph Laplacian of the curvatures, singular along (1, ..., 1) only. The gradient has no
    component there, so adding degree degree^T / total changes nothing but the (arbitrary) mean of the step. Scaling by
    the root of the degree keeps options of extreme strength, whose curvature is tiny, from drowning in rounding.
    """
    degree = curvature.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a vanished curvature ends as "did not converge"
        root = np.sqrt(degree)
        outer = root[:, :, None] * root[:, None, :]
        information = outer / degree.sum(-1)[:, None, None] - curvature / outer
        diagonal = np.arange(degree.shape[-1])
        information[:, diagonal, diagonal] += 1.0
        step = np.linalg.solve(information, (gradient / root)[:, :, None])[:, :, 0] / root
    return step - step.mean(-1, keepdims=True)


def _weighted_wins(wins: ArrayLike, weights: ArrayLike | None) -> FloatArray:
    """Points (b, n, n) that i took from j: weight times probability, 0 on the diagonal; all conditions checked."""
    table = square(wins, "win probabilities")
    if table.ndim != 3:
        raise UserError(f"The win probabilities have the shape {table.shape}; they must be (tables, n, n).")
    diagonal = np.arange(table.shape[-1])
    table[:, diagonal, diagonal] = 0.5
    if table.min() < 0 or np.abs(table + np.swapaxes(table, -1, -2) - 1).max() > 1e-6:
        raise UserError("Win probabilities must lie in 0 to 1, with cells [i, j] and [j, i] adding up to 1.")
    weight = np.ones(table.shape[1:]) if weights is None else np.nan_to_num(square(weights, "pair weights"), nan=0.0)
    if weight.min() < 0 or not np.allclose(weight, np.swapaxes(weight, -1, -2), rtol=1e-9, atol=0):
        raise UserError("Pair weights must be symmetric and not negative; 0 means that the pair was not compared.")
    won = np.broadcast_to(weight, table.shape) * table
    won[:, diagonal, diagonal] = 0.0
    _require_determined(won)
    return won


def _require_determined(won: FloatArray) -> None:
    """A `UserError` unless in every table a chain of points won leads from each option to each other (Ford 1957)."""
    reached = (won > 0) | np.eye(won.shape[-1], dtype=bool)
    for _ in range(int(np.ceil(np.log2(won.shape[-1])))):
        if reached.all():
            return
        hops = reached.astype(np.float32)
        reached = hops @ hops > 0
    for table in won[~reached.all(axis=(-1, -2))]:
        groups, _ = connected_components(table + table.T > 0, directed=False)
        if groups > 1:
            raise UserError(f"The comparisons fall into {groups} unconnected groups; compare options across them.")
        raise UserError("A group of options never takes a point from the others; its scores have no finite value.")


class EloScores(NamedTuple):
    """Elo scores of one table (n options) or of many (b tables)."""

    scores: FloatArray
    """(n,) or (b, n): Elo points, mean 1000, averaged over the orders."""
    passes: IndexArray
    """(o,) or (b, o): passes over all pairs that each order used."""
    order_spread: FloatArray
    """(n,) or (b, n): standard deviation over the orders, in Elo points: how much the order of the updates matters."""


def elo(
    wins: ArrayLike,
    *,
    k: float = 32.0,
    passes: int = 10,
    tolerance: float = 1.0,
    orders: int = 10,
    seed: int = 0,
) -> EloScores:
    """Elo scores of one table `wins` (n, n) with soft outcomes; see `elo_many`."""
    many = elo_many(np.asarray(wins)[None], k=k, passes=passes, tolerance=tolerance, orders=orders, seed=seed)
    return EloScores(many.scores[0], many.passes[0], many.order_spread[0])


def elo_many(
    wins: ArrayLike,
    *,
    k: float = 32.0,
    passes: int = 10,
    tolerance: float = 1.0,
    orders: int = 10,
    seed: int = 0,
    asked: ArrayLike | None = None,
) -> EloScores:
    """Elo scores of many tables `wins` (b, n, n) with soft outcomes p_ij, start and mean 1000.

    Every unordered pair, or every one with `asked` (n, n) true, plays once in a pass, in a new seeded random order for each pass: both ratings move by
    k (p_ij - 1 / (1 + 10 ** ((R_j - R_i) / 400))). A run stops after `passes`, or after the first pass in which no
    rating moved by `tolerance` Elo points. The result is the mean over `orders` independent runs. All tables play in
    the same orders, so that a difference of two tables (steered minus baseline) is not blurred by their luck.
    Preferences that no scores fit exactly keep the ratings jittering by several points: then all passes are used, and
    `order_spread` says how much the order matters.
    """
    table = square(wins, "win probabilities")
    if table.ndim != 3:
        raise UserError(f"The win probabilities have the shape {table.shape}; they must be (tables, n, n).")
    if passes < 1 or not k > 0 or not tolerance >= 0:
        raise UserError("Elo needs one pass or more, a k above 0 and a tolerance of 0 or more.")
    resamples(orders)
    upper = np.triu(np.ones(table.shape[1:], dtype=bool) if asked is None else np.asarray(asked, dtype=bool), 1)
    pairs = np.argwhere(upper)
    parts = [
        _elo_batch(table[start : start + ELO_BATCH], pairs, k, passes, tolerance, orders, seed)
        for start in range(0, len(table), ELO_BATCH)
    ]
    ratings = np.concatenate([part for part, _ in parts])
    return EloScores(ratings.mean(1), np.concatenate([used for _, used in parts]), ratings.std(1))


def _elo_batch(
    wins: FloatArray, pairs: IndexArray, k: float, passes: int, tolerance: float, orders: int, seed: int
) -> tuple[FloatArray, IndexArray]:
    """Ratings (b, o, n) and passes used (b, o) of one batch of tables (b, n, n) in which `pairs` (p, 2) meet."""
    generator = np.random.default_rng(seed)
    b, n, _ = wins.shape
    ratings = np.full((b, orders, n), ELO_CENTRE)
    used = np.zeros((b, orders), dtype=np.intp)
    running = np.ones((b, orders), dtype=bool)
    for _ in range(passes):
        order = generator.permuted(np.tile(np.arange(len(pairs)), (orders, 1)), axis=1)
        after = elo_pass(ratings, wins, pairs[order], k)
        moved = np.abs(after - ratings).max(-1)
        ratings[running] = after[running]
        used += running
        running &= moved >= tolerance
        if not running.any():
            break
    return ratings, used


def elo_pass(ratings: ArrayLike, wins: ArrayLike, pairs: IndexArray, k: float = 32.0) -> FloatArray:
    """Ratings (b, o, n) after one pass of Elo updates, from `ratings` (b, o, n) in Elo points.

    `wins` (b, n, n) are soft or hard outcomes; `pairs` (o, p, 2) are the options that meet, in the order they meet.
    """
    current = np.array(finite(ratings, "ratings"))
    outcome = np.asarray(wins, dtype=np.float64)
    row = np.arange(current.shape[1])
    for first, second in zip(pairs[:, :, 0].T, pairs[:, :, 1].T, strict=True):
        gap = current[:, row, first] - current[:, row, second]
        move = k * (outcome[:, first, second] - expit(gap / ELO_PER_NAT))
        current[:, row, first] += move
        current[:, row, second] -= move
    return current
