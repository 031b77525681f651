"""The change that a fitted line says, for a curve whose rise is known."""

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments.numeric import measure as numeric


@pytest.mark.parametrize("values", [(0, 2, 4, 16, 48, 96), (120, 2, 6, 12, 24, 48)])
def test_fitted_change_of_a_straight_line_over_ranks_is_its_whole_rise(values):
    curve = 0.1 + 0.02 * stats.rankdata(values)
    assert numeric.fitted_change(np.array([curve, -curve]), np.array(values)) == pytest.approx([0.1, -0.1])
