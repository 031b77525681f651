"""The smallest effect that a test sees, against scipy's own power and intervals."""

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.stats.correlation import pearson
from emotion_vectors.stats.intervals import cluster_bootstrap, expanded_level, pearson_bootstrap
from emotion_vectors.stats.power import (
    bootstrap_index,
    cluster_intervals,
    pearson_intervals,
    smallest,
    with_share,
)

GRID = np.linspace(0, 1, 101)


def test_the_binomial_test_has_the_power_that_scipy_says():
    """A one-sided binomial test of 40 coin flips at 5 %: the smallest share of heads that it sees in 80 % of the cases."""
    of, generator = 40, np.random.default_rng(0)
    needed = next(k for k in range(of + 1) if stats.binom.sf(k - 1, of, 0.5) <= 0.05)
    exact = next(q for q in np.linspace(0.5, 1, 501) if stats.binom.sf(needed - 1, of, q) >= 0.8)
    noise, uniform = generator.random((4000, of)) < 0.5, generator.random((4000, of))
    share = smallest(lambda e: float((with_share(noise, True, e, uniform).sum(1) >= needed).mean()), GRID)
    assert share is not None and 0.5 + share / 2 == pytest.approx(exact, abs=0.015)


def test_a_correlation_has_the_power_that_fishers_z_says():
    """Pearson's r of 30 normal pairs, one-sided at 5 %."""
    n, generator = 30, np.random.default_rng(1)
    exact = float(np.tanh((stats.norm.ppf(0.95) + stats.norm.ppf(0.8)) / np.sqrt(n - 3)))
    x, noise = generator.standard_normal((2, 2000, n))
    bar = stats.t.ppf(0.95, n - 2)
    bar = bar / np.sqrt(n - 2 + bar**2)

    def power(r):
        y = r * x + np.sqrt(1 - r**2) * noise
        return float(np.mean([pearson(a, b) > bar for a, b in zip(x, y, strict=True)]))

    found = smallest(power, np.linspace(0, 1, 51))
    assert found == pytest.approx(exact, abs=0.03)


def test_what_no_effect_reaches_is_none_and_bisection_finds_the_first():
    asked = []

    def power(effect):
        asked.append(effect)
        return 1.0 if effect >= 0.37 else 0.0

    assert smallest(power, GRID) == pytest.approx(0.37) and len(asked) <= 9
    assert smallest(lambda effect: 0.79, GRID) is None
    assert smallest(lambda effect: 1.0, GRID) == 0.0


def test_cluster_intervals_are_those_of_the_cluster_bootstrap():
    counts = np.array([[3, 4, 1, 0, 2, 4], [4, 4, 4, 4, 4, 4]])
    low, high = cluster_intervals(counts, bootstrap_index(6, 5000, (1,)))
    slow, _ = cluster_bootstrap(lambda rows: counts[0][rows].sum(), range(6), repeats=5000, seed=4)
    assert (low[0], high[0]) == pytest.approx((float(slow.low), float(slow.high)), abs=1.01)
    assert low[1] == high[1] == 24


def test_intervals_of_r_are_those_of_the_pairs_bootstrap():
    generator = np.random.default_rng(5)
    x = generator.standard_normal(20)
    rows = np.array([x * 0.5 + generator.standard_normal(20), generator.standard_normal(20)])
    r, low, high = pearson_intervals(x, rows, bootstrap_index(20, 4000, (2,)))
    slow, _ = pearson_bootstrap(rows.T, x, repeats=4000, seed=6)
    assert r == pytest.approx(slow.estimate)
    assert low == pytest.approx(slow.low, abs=0.04) and high == pytest.approx(slow.high, abs=0.04)
    assert 0.95 < expanded_level(0.95, 20) < 1
