"""Effects without a sign, and those dealt out inside each valence."""

import numpy as np
import pytest

from emotion_vectors.experiments.steering import judging
from emotion_vectors.experiments.steering.controls import NULLS
from emotion_vectors.experiments.steering.effects import Effects, Options
from emotion_vectors.experiments.valences import Valences


def test_within_the_valences_effects_are_dealt_out_inside_each():
    """Three emotions of one valence and one of the other have 6 orders; only one of them goes with r as the effects do."""
    r, nats = np.array([0.1, 0.2, 0.3, -0.5]), np.array([0.4, 0.5, 0.6, -0.9])
    options = Options(np.zeros((2, 4), dtype=bool), 3000, 0)
    within = judging.within(r, nats, r > 0, options)
    assert within.r == pytest.approx(1) and within.p == pytest.approx(1 / 6, abs=0.03)


def test_an_effect_of_exactly_zero_has_no_sign():
    found = Effects(*[np.zeros(4)] * 4, np.zeros((4, 4)), dict.fromkeys(NULLS, np.array([0.1, -0.2, 0.3])))
    options = Options(np.zeros((2, 4), dtype=bool), 100, 0)
    valences = Valences(np.ones(4, dtype=bool), np.array([True, False, True, False]))
    r = np.array([0.4, -0.3, 0.2, -0.1])
    v10, v11 = (
        judging.coupling(r, found, valences, "", options)[1],
        judging.signs(r, found, valences, "", options)[1],
    )
    assert v11.value == 0 and v11.verdict == "fail"
    assert v10.value is None and v10.verdict == v10.seed_verdict == "inconclusive"
