"""Similarity structures against scipy, and the partial correlation against its textbook form."""

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from emotion_vectors.stats import similarity

GENERATOR = np.random.default_rng(0)
N = 14
TABLES = [np.corrcoef(GENERATOR.standard_normal((N, 5))) for _ in range(3)]
ABOVE = np.triu_indices(N, 1)
STRUCTURES = np.stack([similarity.structure(table) for table in TABLES])


def test_the_table_is_scipys_spearman():
    found = similarity.spearman_table(STRUCTURES)
    expected = spearmanr(np.stack([table[ABOVE] for table in TABLES]), axis=1).statistic
    assert found == pytest.approx(expected)


def test_other_orders_of_the_items_are_other_rows_and_columns():
    orders = np.array([np.arange(N), np.random.default_rng(1).permutation(N)])
    found = similarity.dealt(STRUCTURES[0], STRUCTURES[1], orders)
    for value, order in zip(found, orders, strict=True):
        moved = TABLES[1][np.ix_(order, order)][ABOVE]
        assert value == pytest.approx(spearmanr(TABLES[0][ABOVE], moved).statistic)


def test_a_draw_counts_pairs_as_often_as_both_items():
    rows = np.random.default_rng(2).integers(N, size=N)
    weights = np.bincount(rows, minlength=N)[None].astype(float)
    i, j = np.triu_indices(N, 1)
    different = rows[i] != rows[j]
    grids = []
    for table in TABLES:
        grid = np.zeros((N, N))
        grid[ABOVE] = rankdata(table[ABOVE])
        grids.append((grid + grid.T)[rows[i][different], rows[j][different]])
    found = similarity.drawn_r(STRUCTURES, 0, weights)
    assert found[0] == pytest.approx([np.corrcoef(grids[0], grid)[0, 1] for grid in grids])


def test_partial_correlation_of_three_and_of_uncorrelated_ones():
    ab, ac, bc = 0.6, 0.5, 0.3
    table = np.array([[1, ab, ac], [ab, 1, bc], [ac, bc, 1]])
    assert similarity.partial(table) == pytest.approx((ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2)))
    assert similarity.partial(np.eye(4)[None])[0] == 0


@pytest.mark.parametrize("r", [1.0, -1.0])
def test_two_structures_that_are_the_same_stay_so_without_the_others(r):
    """Two runs with the same vectors and the same stories."""
    table = np.array([[1, r, 0.3, 0.3], [r, 1, 0.3 * r, 0.3 * r], [0.3, 0.3 * r, 1, 1], [0.3, 0.3 * r, 1, 1]])
    assert similarity.partial(table) == r and similarity.partial(table[None])[0] == r


def test_a_draw_of_one_item_alone_is_0_without_a_warning():
    weights = np.zeros((1, N))
    weights[0, 0] = N
    with np.errstate(all="raise"):
        assert similarity.drawn_r(STRUCTURES, 0, weights)[0].tolist() == [0, 0, 0]
