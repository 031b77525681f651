"""Agreement of two tables of prompts and probes against numpy's correlation, one draw at a time."""

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.stats.agreement import table_agreement, table_r
from emotion_vectors.stats.intervals import expanded_level

PROMPTS, PROBES, REPEATS = 12, 7, 200


def plain(a, b, within):
    if within:
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.fixture
def tables():
    """Two tables that agree in part, with a mean of its own for each probe: 5 is far from the prompts' spread."""
    generator = np.random.default_rng(0)
    shared, probes = generator.standard_normal((PROMPTS, PROBES)), 5 * generator.standard_normal(PROBES)
    return tuple(shared + probes + generator.standard_normal((PROMPTS, PROBES)) for _ in range(2))


@pytest.mark.parametrize("within", [False, True])
def test_r_interval_and_null_are_those_of_plain_loops(tables, within):
    a, b = tables
    found = table_agreement(a, b, within=within, repeats=REPEATS, seed=3)
    assert found.r == pytest.approx(plain(a, b, within), abs=1e-12) == table_r(a, b, within)
    picks = np.random.default_rng(3).integers(PROMPTS, size=(REPEATS, PROMPTS))
    draws = [plain(a[rows], b[rows], within) for rows in picks]
    level = expanded_level(0.95, PROMPTS)
    assert [found.low, found.high] == pytest.approx(np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))
    orders = np.random.default_rng(4).permuted(np.tile(np.arange(PROMPTS), (REPEATS, 1)), axis=1)
    null = np.array([plain(a, b[order], within) for order in orders])
    assert found.shuffled == pytest.approx(null.mean())
    assert found.p == pytest.approx(((null >= found.r).sum() + 1) / (REPEATS + 1))


def test_probes_that_differ_make_r_large_over_all_cells_and_not_within_them():
    """Nothing of a prompt is in both tables; each probe's mean is."""
    generator = np.random.default_rng(1)
    probes = 5 * generator.standard_normal(40)
    a, b = (probes + generator.standard_normal((30, 40)) for _ in range(2))
    whole, inside = (table_agreement(a, b, within=within, repeats=400) for within in (False, True))
    assert whole.r > 0.9 and whole.shuffled > 0.9
    assert abs(inside.r) < 0.1 and inside.low < 0 < inside.high and inside.p > 0.05


def test_a_constant_table_has_no_agreement(tables):
    a, b = tables
    assert table_agreement(a, np.full_like(b, 0.3)) is None
    # Each probe is constant over the prompts, so nothing is left within the probes.
    assert table_agreement(a, np.tile(b[:1], (PROMPTS, 1)), within=True) is None
    assert np.isnan(table_r(np.full_like(a, 1e9), b))
    with pytest.raises(UserError, match="4 prompts"):
        table_agreement(a[:3], b[:3])
    with pytest.raises(UserError, match="same shape"):
        table_agreement(a, b[:, :2])
