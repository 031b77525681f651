"""Nulls: what chance alone would give. Permutations, random directions, and p values that are never 0.

A p value from draws is (b + 1) / (n + 1), b of n draws being as extreme as the observed value (Phipson and Smyth 2010).
So n draws can never give a p below 1 / (n + 1): with 10 random directions p < 0.05 cannot be reached by counting, and
`predictive_p` is there for such short nulls.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import BoolArray, FloatArray, IndexArray, finite, resamples

Alternative = Literal["greater", "less", "two-sided"]


def permutation_p(observed: ArrayLike, null: ArrayLike, alternative: Alternative = "greater") -> FloatArray:
    """P value (...) of `observed` (...) against draws `null` (n, ...): (b + 1) / (n + 1), ties counted as extreme.

    two-sided is twice the smaller of the two one-sided values, at most 1, as scipy.stats.permutation_test does.
    """
    value, draws = finite(observed, "observed value"), finite(null, "null draws")
    # Equal statistics that were summed in another order differ by rounding; they count as ties.
    slack = 1e-12 * np.maximum(1.0, np.abs(value))
    greater = ((draws >= value - slack).sum(0) + 1) / (len(draws) + 1)
    less = ((draws <= value + slack).sum(0) + 1) / (len(draws) + 1)
    if alternative == "two-sided":
        return np.minimum(1.0, 2 * np.minimum(greater, less))
    return greater if alternative == "greater" else less


def predictive_p(observed: float, null: ArrayLike, alternative: Alternative = "greater") -> float:
    """P value of `observed` as one more draw from the normal distribution that produced `null` (n,), n >= 3.

    (observed - mean) / (sd sqrt(1 + 1/n)) is t distributed with n - 1 degrees of freedom. For nulls too short to count,
    such as 10 random directions; the effect of a random direction is a sum over hundreds of dimensions, hence close to
    normal. A null without spread says nothing about how chance scatters, so there the draws are only counted (`permutation_p`).
    """
    draws = finite(null, "null draws")
    if draws.ndim != 1 or len(draws) < 3:
        raise UserError(f"A predictive p value needs 3 null draws or more in one row, not the shape {draws.shape}.")
    excess = float(finite(observed, "observed value")) - draws.mean()
    spread = draws.std(ddof=1) * np.sqrt(1 + 1 / len(draws))
    if spread <= 1e-12 * max(1.0, float(np.abs(draws).max())):
        return float(permutation_p(observed, draws, alternative))
    t = excess / spread
    tails = {"greater": stats.t.sf(t, len(draws) - 1), "less": stats.t.cdf(t, len(draws) - 1)}
    return float(min(1.0, 2 * min(tails.values())) if alternative == "two-sided" else tails[alternative])


def permuted_rows(size: int, strata: Sequence[Hashable] | None, count: int, seed: int) -> IndexArray:
    """`count` random orders (count, size) of the rows 0 to size - 1, each row staying in its stratum when given."""
    generator = np.random.default_rng(seed)
    rows = np.tile(np.arange(size), (count, 1))
    if strata is None:
        return generator.permuted(rows, axis=1)
    if len(strata) != size:
        raise UserError(f"There are {len(strata)} strata names for {size} rows; give one for each row.")
    for name in dict.fromkeys(strata):
        members = np.array([row for row, stratum in enumerate(strata) if stratum == name])
        rows[:, members] = generator.permuted(rows[:, members], axis=1)
    return rows


def false_discovery(p: ArrayLike) -> FloatArray:
    """Benjamini-Hochberg q values of `p` (m,), in the same order; NaN (an undefined test) stays NaN, uncounted."""
    values = np.asarray(p, dtype=np.float64)
    known = ~np.isnan(values)
    q = np.full(values.shape, np.nan)
    if known.any():
        q[known] = stats.false_discovery_control(values[known])
    return q


# Centred vectors depend on each other, and what rounding leaves of their last dimension is not a direction of theirs: taken for one, it would
# turn the drawn ones with every change in the last bit.
NOISE = 1e-5


def random_directions(count: int, size: int, *, orthogonal_to: ArrayLike | None = None, seed: int = 0) -> FloatArray:
    """`count` random unit vectors (count, size), uniform on the sphere.

    With `orthogonal_to` (k, size): uniform on the part of the sphere that is orthogonal to all of these, as far as the rounding of
    float32 vectors goes. Raises `UserError` when they leave no dimension.
    """
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((resamples(count), size))
    if orthogonal_to is not None:
        given = np.atleast_2d(finite(orthogonal_to, "vectors to stay orthogonal to"))
        _, singular, basis = np.linalg.svd(given, full_matrices=False)
        basis = basis[singular > singular[0] * NOISE]
        if len(basis) >= size:
            raise UserError(f"The given vectors span all {size} dimensions; no direction is orthogonal to them.")
        for _ in range(2):  # twice, so that rounding of the first subtraction is removed as well
            vectors = vectors - vectors @ basis.T @ basis
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class MatchNull(NamedTuple):
    """Scenario test: how often, and how highly, the intended probe is ranked, against permuted intentions."""

    ranks: FloatArray
    """(s,) or (l, s): rank of each scenario's target among the probes, 1 is best, ties by mean rank."""
    matches: float
    """Scenarios whose target ranks first (V3); the best layer's when layers are given."""
    mean_rank: float
    """Mean rank of the targets (V4); the best layer's when layers are given."""
    null_matches: FloatArray
    """(b,) matches with permuted targets, each the best over the layers."""
    null_mean_rank: FloatArray
    """(b,) mean ranks with permuted targets, each the best over the layers."""


def argmax_match_null(matrix: ArrayLike, targets: ArrayLike, *, permutations: int = 10_000, seed: int = 0) -> MatchNull:
    """V3 and V4 and their null, from cosines `matrix` (probes, scenarios), or (layers, probes, scenarios).

    `targets` (s,) is the row of the intended probe of each scenario. The null shuffles the
    targets over the scenarios. With layers, observed and null values are the best over the layers, so that a layer chosen for its result
    is compared with chance that was allowed to choose as well. A tie for the first place is not a match.
    """
    values = finite(matrix, "cosines")
    layers = values if values.ndim == 3 else values[None]
    target = np.asarray(targets, dtype=np.intp)
    if layers.ndim != 3 or target.shape != layers.shape[2:] or target.min() < 0 or target.max() >= layers.shape[1]:
        raise UserError(f"The targets must name one of the probes for each scenario of the matrix {values.shape}.")
    ranks = stats.rankdata(-layers, axis=1)
    columns = np.arange(len(target))
    order = permuted_rows(len(target), None, resamples(permutations), seed)
    null = ranks[:, target[order], columns]  # (layers, permutations, scenarios)
    own = ranks[:, target, columns]
    return MatchNull(
        ranks=own if values.ndim == 3 else own[0],
        matches=float((own == 1).sum(1).max()),
        mean_rank=float(own.mean(1).min()),
        null_matches=(null == 1).sum(2).max(0).astype(np.float64),
        null_mean_rank=null.mean(2).min(0),
    )


class SignTest(NamedTuple):
    """Right signs among independent trials, against a fair coin."""

    p: float
    expected: float
    upper: float
    """Largest count that a fair coin exceeds in fewer than 5 % of the repeats."""


def sign_test(correct: int, of: int) -> SignTest:
    """One-sided binomial test of `correct` right signs out of `of` **independent** trials.

    Emotions are not independent (one valence axis drives most of them), so for V5 and V11 this p is too small; prefer
    `role_count_null` with random directions.
    """
    if of < 1 or not 0 <= correct <= of:
        raise UserError(
            f"{correct} right signs of {of} are impossible; give 0 <= right <= trials with 1 trial or more."
        )
    p = stats.binomtest(int(correct), int(of), 0.5, "greater").pvalue
    return SignTest(float(p), of / 2, float(stats.binom.ppf(0.95, of, 0.5)))


def role_count_null(hits: ArrayLike, *, repeats: int = 2000, seed: int = 0) -> FloatArray:
    """Null counts (repeats,) when random directions play the roles of the emotions.

    `hits` (r, e, t) is True where random direction r in the role of emotion e would pass test t; (r, e) is one test.
    Each repeat gives every role a direction (without replacement when there are enough) and counts all hits. All tests
    of one role share the direction, so their dependence is in the null. V1, V5, V6 and V11 are counts of this kind.
    """
    table: BoolArray = np.asarray(hits)
    if table.dtype != np.bool_ or table.ndim not in (2, 3) or table.size == 0:
        raise UserError(f"The hits must be booleans (directions, roles[, tests]), not {table.dtype} {table.shape}.")
    per_role = table.reshape(*table.shape[:2], -1).sum(-1)
    directions, roles = per_role.shape
    generator = np.random.default_rng(seed)
    counts = np.empty(resamples(repeats))
    for index in range(repeats):
        cast = generator.choice(directions, size=roles, replace=directions < roles)
        counts[index] = per_role[cast, np.arange(roles)].sum()
    return counts
