"""Intervals: bootstrap, Fisher z and Wilson. Level 0.95 unless told.

Why activities and not rows are resampled: the 2,016 pairs of 64 activities are not 2,016 observations. Every activity
takes part in 63 pairs, so pairs that share one are dependent (two-way dependence: row and column), and an interval from
resampled rows is several times too narrow for anything that is meant to hold for other activities. What was sampled is
activities; so activities, with all their pairs, are drawn.

Why intervals are widened: the percentile bootstrap of few units is too narrow, by sqrt((n - 1) / n) and by using
normal instead of t tails. `expanded_level` corrects both (Hesterberg 2015, The American Statistician 69, 371-386).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from emotion_vectors.errors import UserError
from emotion_vectors.stats.arrays import FloatArray, IndexArray, finite, resamples, square
from emotion_vectors.stats.correlation import pearson, standardised
from emotion_vectors.stats.scores import bradley_terry, bradley_terry_many


class Interval(NamedTuple):
    """One estimate with its interval."""

    estimate: float
    low: float
    high: float


class Intervals(NamedTuple):
    """Estimates (...) with their intervals, each an array of the same shape (a numpy number for one estimate)."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray

    def single(self) -> Interval:
        """The only estimate as plain numbers."""
        return Interval(float(self.estimate), float(self.low), float(self.high))


def expanded_level(level: float, units: int, freedom: int | None = None) -> float:
    """Nominal level of a percentile interval whose coverage is `level` when `units` independent units were resampled.

    `freedom` is the degrees of freedom of the spread, `units - 1` unless told. 0.95 with 8 units gives 0.9885.
    """
    if not 0 < level < 1 or units < 2:
        raise UserError(f"An interval needs a level between 0 and 1 and 2 units or more, not {level} and {units}.")
    t = stats.t.ppf((1 + level) / 2, freedom or units - 1)
    return float(2 * stats.norm.cdf(t * np.sqrt(units / (units - 1))) - 1)


def interval_from_draws(
    draws: ArrayLike,
    estimate: ArrayLike,
    level: float = 0.95,
    method: Literal["percentile", "basic"] = "percentile",
) -> Intervals:
    """Interval from bootstrap `draws` (b, ...) of a statistic whose value on the data is `estimate` (...).

    percentile: quantiles of the draws. basic: those quantiles mirrored at the estimate, which corrects a statistic that
    resampling pushes to one side, such as a count of correlations beyond a threshold; clip it to the possible range.
    """
    values = finite(draws, "bootstrap draws")
    value = finite(estimate, "estimate")[()]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return (
        Intervals(value, low, high) if method == "percentile" else Intervals(value, 2 * value - high, 2 * value - low)
    )


def ends_of_draws(draws: ArrayLike, units: int, level: float = 0.95) -> list[float]:
    """Both ends of the percentile interval of `draws` (b,) of one statistic, the level expanded for the units that were drawn."""
    return [float(end) for end in expanded_ends(np.asarray(draws, dtype=np.float64), units, level)]


def expanded_ends(draws: FloatArray, units: int, level: float = 0.95, axis: int = 0) -> FloatArray:
    """(2, ...) the same ends of many statistics, whose draws lie along `axis`."""
    nominal = expanded_level(level, units)
    return np.quantile(draws, [(1 - nominal) / 2, (1 + nominal) / 2], axis=axis)


def drawn_counts(units: int, repeats: int, seed: int) -> FloatArray:
    """(repeats, units) how often each unit is in each bootstrap draw, by drawing unit numbers with replacement."""
    return counted(np.random.default_rng(seed).integers(units, size=(resamples(repeats), units)), units)


def counted(drawn: IndexArray, units: int) -> FloatArray:
    """(b, units) how often each unit is in each of the draws `drawn` (b, n)."""
    return np.stack([np.bincount(rows, minlength=units) for rows in drawn]).astype(np.float64)


def fisher_interval(r: ArrayLike, freedom: int, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Interval of correlations `r` (...) by Fisher's z; NaN stays NaN.

    `freedom` is the number of rows less 3, and less 1 for each column that is held constant; below 1 nothing is known: -1 to 1.
    """
    value = np.asarray(r, dtype=np.float64)
    if freedom < 1:
        return np.full_like(value, -1.0)[()], np.full_like(value, 1.0)[()]
    with np.errstate(divide="ignore"):  # r of exactly 1 has the interval [1, 1]
        z = np.arctanh(value)
    reach = stats.norm.ppf((1 + level) / 2) / np.sqrt(freedom)
    return np.tanh(z - reach), np.tanh(z + reach)


def bootstrap_mean(values: ArrayLike, *, level: float = 0.95, repeats: int = 2000, seed: int = 0) -> Interval:
    """Percentile interval of the mean of independent `values` (n,), by scipy's bootstrap.

    When all values are equal there is no spread to resample and the interval is that single point: for a proportion
    use `wilson_interval`, which does not collapse.
    """
    sample = finite(values, "values")
    if sample.ndim != 1 or len(sample) < 2:
        raise UserError(f"A bootstrap of the mean needs 2 or more values in one row, not the shape {sample.shape}.")
    if np.ptp(sample) == 0:
        return Interval(float(sample[0]), float(sample[0]), float(sample[0]))
    result = stats.bootstrap(
        (sample,),
        np.mean,
        confidence_level=level,
        n_resamples=resamples(repeats),
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return Interval(float(sample.mean()), float(low), float(high))


@lru_cache(maxsize=10_000)  # a power analysis asks for the same few counts thousands of times
def wilson_interval(successes: int, of: int, level: float = 0.95) -> Interval:
    """Wilson score interval of a proportion: `successes` out of `of` independent trials (Wilson 1927)."""
    if of < 1 or not 0 <= successes <= of:
        raise UserError(f"{successes} of {of} is not a proportion; give 0 <= successes <= trials with 1 trial or more.")
    low, high = stats.binomtest(int(successes), int(of)).proportion_ci(level, method="wilson")
    return Interval(successes / of, float(low), float(high))


def around(count: int, of: int, ends: Sequence[float] = ()) -> tuple[float, float]:
    """Both ends, between 0 and `of`, of an interval of `count` out of `of`: Wilson's, or as far as the `ends` of a bootstrap reach beyond it.

    A bootstrap knows which of the trials go together; Wilson's has a width where all of them agree.
    """
    wilson = wilson_interval(count, of)
    return max(0.0, min([wilson.low * of, *ends])), min(float(of), max([wilson.high * of, *ends]))


def with_width(ends: tuple[float, float], count: int, of: int) -> tuple[float, float]:
    """Both `ends` of an interval of `count` out of `of`; a side without width, which would claim to be certain, gets Wilson's end.

    A bootstrap has none where all that is resampled agrees, and a mirrored one where the count is 0 or all.
    """
    low, high = ends
    rounding = 1e-9 * of
    below, above = low < count - rounding, high > count + rounding
    if below and above:
        return low, high
    wilson = wilson_interval(count, of)
    return low if below else wilson.low * of, high if above else wilson.high * of


def pearson_interval(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> Intervals:
    """Pearson r (m,) of the columns of `x` (n, m) or (n,) with `y` (n,), with Fisher's z interval; NaN for a constant.

    Assumes that rows are independent and roughly normal; `pearson_bootstrap` does not assume the second.
    """
    r = pearson(x, y)
    rows = len(np.asarray(y))
    if rows < 4:
        raise UserError(f"Fisher's interval needs 4 points or more, not {rows}.")
    return Intervals(r, *fisher_interval(r, rows - 3, level))


def pearson_bootstrap(
    x: ArrayLike, y: ArrayLike, *, level: float = 0.95, repeats: int = 2000, seed: int = 0
) -> tuple[Intervals, FloatArray]:
    """As `pearson_interval`, by resampling rows; also the draws (repeats, m), for statistics of several columns.

    The level is expanded for the number of rows. A draw in which a column happens to be constant has no r and takes the
    value on the data.
    """
    r = pearson(x, y)
    columns, target = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    generator = np.random.default_rng(seed)
    draws = np.empty((resamples(repeats), *r.shape))
    for draw in draws.reshape(repeats, -1):
        rows = generator.integers(len(target), size=len(target))
        draw[:] = standardised(target[rows]) @ standardised(columns[rows].reshape(len(target), -1))
    draws = np.where(np.isnan(draws), r, draws)
    with np.errstate(invalid="ignore"):
        tails = expanded_ends(draws, len(target), level)
    return Intervals(r, *tails), draws


def cluster_draws(
    clusters: Sequence[Hashable], repeats: int, seed: int = 0, strata: Sequence[Hashable] | None = None
) -> list[IndexArray]:
    """Row indices of `repeats` bootstrap draws: whole clusters with replacement, within `strata` when given.

    `clusters` names the cluster of each row, `strata` the stratum of each row; a cluster lies in one stratum.
    """
    generator = np.random.default_rng(seed)
    rows: dict[Hashable, list[int]] = {}
    stratum: dict[Hashable, Hashable] = {}
    for row, name in enumerate(clusters):
        rows.setdefault(name, []).append(row)
        own = None if strata is None else strata[row]
        if stratum.setdefault(name, own) != own:
            raise UserError(f"The cluster {name!r} lies in two strata, {stratum[name]!r} and {own!r}; give it one.")
    groups = [
        [np.array(rows[name]) for name in rows if stratum[name] == one] for one in dict.fromkeys(stratum.values())
    ]
    picks = [generator.integers(len(group), size=(resamples(repeats), len(group))) for group in groups]
    return [
        np.concatenate([group[index] for group, pick in zip(groups, picks, strict=True) for index in pick[draw]])
        for draw in range(repeats)
    ]


def cluster_bootstrap(
    statistic: Callable[[IndexArray], ArrayLike],
    clusters: Sequence[Hashable],
    *,
    strata: Sequence[Hashable] | None = None,
    level: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> tuple[Intervals, FloatArray]:
    """Percentile interval of `statistic(row indices)` when whole clusters of rows are resampled; also the draws.

    Draws are (repeats, ...). The level is expanded for the number of clusters, which must be 2 or more. A NaN from the
    statistic is refused.
    """
    estimate = np.asarray(statistic(np.arange(len(clusters))), dtype=np.float64)
    draws = np.array([statistic(rows) for rows in cluster_draws(clusters, repeats, seed, strata)], dtype=np.float64)
    return interval_from_draws(draws, estimate, expanded_level(level, len(set(clusters)))), draws


def resampled_scores(
    wins: ArrayLike,
    *,
    strata: Sequence[Hashable] | None = None,
    repeats: int = 2000,
    seed: int = 0,
    batch: int = 64,
) -> tuple[IndexArray, FloatArray]:
    """Activities drawn (b, n) and their refitted Bradley-Terry scores (b, n) in nats, from `wins` (n, n).

    Each draw takes n activities with replacement (within `strata`, for example the categories) together with all their
    pairs, and refits. Two copies of one activity have the same comparisons and so the same score; the 0.5 that is put
    between them, where nothing was compared, pulls at neither.
    """
    table = square(wins, "win probabilities")
    known = bradley_terry(table)
    drawn = np.array(cluster_draws(range(len(table)), repeats, seed, strata))
    scores = np.empty(drawn.shape)
    for start in range(0, repeats, batch):
        index = drawn[start : start + batch]
        same = index[:, :, None] == index[:, None, :]
        pairs = np.where(same, 0.5, table[index[:, :, None], index[:, None, :]])
        scores[start : start + batch] = bradley_terry_many(pairs, start=known[index])
    return drawn, scores
