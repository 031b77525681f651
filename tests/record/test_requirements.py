"""The small comparisons that lead to a refusal: what was not measured is not compared."""

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.record import ContradictoryRecord
from emotion_vectors.record.requirements import pearson, require_close, require_within


def refused(function, *arguments):
    try:
        function(*arguments, "It")
    except ContradictoryRecord as error:
        assert str(error).startswith("It ")
        return True
    return False


@pytest.mark.parametrize(
    ("value", "no"), [(0, 0), (1, 0), (1.1, 1), (-0.1, 1), (None, 0), (float("nan"), 1), (float("inf"), 1)], ids=str
)
def test_a_value_outside_its_range_is_refused(value, no):
    assert refused(require_within, [0.5, value], 0, 1) == bool(no)


@pytest.mark.parametrize(("stated", "found", "no"), [(1, 1.05, 0), (1, 1.2, 1), (None, 1, 0), (1, None, 0)], ids=str)
def test_a_number_that_the_data_deny_is_refused(stated, found, no):
    assert refused(require_close, stated, found, 0.1) == bool(no)


def test_pearson_is_scipys_and_nothing_where_it_is_not_defined():
    x, y = np.random.default_rng(0).standard_normal((2, 20))
    assert pearson(list(x), list(y)) == pytest.approx(stats.pearsonr(x, y).statistic)
    assert pearson([1, 2], [1, 2]) is None and pearson([1, 1, 1], [1, 2, 3]) is None
    assert pearson([1, None, 3], [1, 2, 3]) is None
