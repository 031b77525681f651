"""One topic is refused."""

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.words_out import removal
from emotion_vectors.experiments.words_out.measure import PENALTY


def test_one_topic_is_refused():
    sums = removal.add_up([([0, 1], [0, 0], np.eye(2), np.eye(2))], 2, 1, 2, 2)
    with pytest.raises(UserError, match="only one topic"):
        removal.remove(sums, PENALTY)
