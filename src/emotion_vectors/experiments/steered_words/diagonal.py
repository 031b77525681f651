"""Does each of n vectors do more for its own column than for the others'? The diagonal of a table against the rest.

In: a table (n, n), row = vector, column = what belongs to an emotion. Out: contrast = mean of the diagonal - mean of the
rest. Rows and columns that are high as a whole don't count: a contrast is the same before and after the means of rows and
columns are subtracted. They are subtracted (by the additive model of the cells off the diagonal) for what depends on single
emotions: the bootstrap and the count of own columns that come first.
What it can't tell: emotions share an axis of valence, so a contrast can come from the valence alone; the columns shuffled
within the valences are there for that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emotion_vectors.experiments.criteria import json_number
from emotion_vectors.experiments.steered_words.record import Chance, Contrast, RandomSets
from emotion_vectors.stats import intervals, nulls

LEAST = 4  # emotions: fewer have no interval and no null worth the name
ALPHA = 0.05


def contrast(table: np.ndarray) -> np.ndarray:
    """Mean of the diagonal minus mean of the rest, (...) of tables (..., n, n)."""
    n = table.shape[-1]
    own = np.trace(table, axis1=-2, axis2=-1)
    return own / n - (table.sum(axis=(-2, -1)) - own) / (n * (n - 1))


def interactions(table: np.ndarray) -> np.ndarray:
    """`table` (n, n) minus the row and column effects that the cells off the diagonal have (least squares), n >= 3."""
    n = len(table)
    off = np.where(np.eye(n, dtype=bool), 0.0, table)
    grand = off.sum() / (n * (n - 1))
    rows, columns = off.sum(axis=1) / (n - 1) - grand, off.sum(axis=0) / (n - 1) - grand
    # A row's mean lacks its own column, so each mean holds a little of the other effect; solved for both.
    size = 1 - 1 / (n - 1) ** 2
    return table - grand - ((rows + columns / (n - 1)) / size)[:, None] - ((columns + rows / (n - 1)) / size)[None, :]


def compare(
    table: np.ndarray,
    valence: Sequence[str | None],
    random: np.ndarray | None,
    resamples: int,
    seed: int,
) -> Contrast:
    """The contrast of `table` (n, n) with its interval, nulls and a judgement.

    Interval: emotions resampled (row and column together) from the table without row and column effects. Nulls: columns
    shuffled over the vectors; the same within the valences, over the emotions that have one (None: fewer than `LEAST`);
    `random` (k,), contrasts of k random sets of vectors.
    """
    value, clean = float(contrast(table)), interactions(table)
    interval = _interval(clean, resamples, seed)
    low, high = min(interval[0], value), max(interval[1], value)
    dealt = _null(value, _dealt(table, None, resamples, seed))
    sets = None if random is None else _sets(value, random)
    tests = [dealt.p] if sets is None else [dealt.p, sets.p]
    return Contrast(
        contrast=value, interval=[low, high],
        diagonal=float(np.diag(table).mean()), off_diagonal=float(np.diag(table).mean() - value),
        own_first=int((clean.argmax(axis=1) == np.arange(len(table))).sum()), of=len(table),
        dealt=dealt, within_valence=_within(table, valence, resamples, seed), random=sets,
        beyond_chance=bool(low > 0 and max(tests) <= ALPHA),
    )  # fmt: skip


def _interval(clean: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    """95 % percentile interval, widened for few emotions; two copies of one emotion are not cells off the diagonal."""
    n = len(clean)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
    own = draws @ np.diag(clean) / n
    weight = np.maximum(n**2 - (draws**2).sum(axis=1), 1.0)
    rest = np.einsum("bi,ij,bj->b", draws, np.where(np.eye(n, dtype=bool), 0.0, clean), draws) / weight
    found = intervals.interval_from_draws(own - rest, contrast(clean), intervals.expanded_level(0.95, n))
    return float(found.low), float(found.high)


def _dealt(table: np.ndarray, strata: list[str] | None, resamples: int, seed: int) -> np.ndarray:
    """(resamples,) contrasts with the columns shuffled over the rows, within `strata` where given."""
    n = len(table)
    order = nulls.permuted_rows(n, strata, resamples, seed)
    own = table[np.arange(n), order].sum(axis=1)
    return own / n - (table.sum() - own) / (n * (n - 1))


def _within(table: np.ndarray, valence: Sequence[str | None], resamples: int, seed: int) -> Chance | None:
    """The contrast against columns shuffled within the valences; emotions without a valence are left out."""
    kept = [row for row, kind in enumerate(valence) if kind is not None]
    if len(kept) < LEAST:
        return None
    own = table[np.ix_(kept, kept)]
    return _null(float(contrast(own)), _dealt(own, [str(valence[row]) for row in kept], resamples, seed))


def _null(value: float, draws: np.ndarray) -> Chance:
    return Chance(mean=float(draws.mean()), p=float(nulls.permutation_p(value, draws)))


def _sets(value: float, random: np.ndarray) -> RandomSets:
    """`value` against the contrasts (k,) of random sets."""
    sd = json_number(float(random.std(ddof=1)))
    return RandomSets(mean=float(random.mean()), sd=sd, p=nulls.predictive_p(value, random))
