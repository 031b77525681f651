"""Every emotion of the pack fits into one model."""

from __future__ import annotations

import pytest

from emotion_vectors.planted.worlds import plant_pack
from planted.plain import choice, difference, run


def test_every_emotion_of_the_pack_fits_into_one_model(pack):
    whole = plant_pack(pack)
    assert whole.directions.shape == (6, 171, 256)
    logits = run(whole, choice(whole, 10, 50)[0])[0]
    assert difference(whole, logits) == pytest.approx(whole.expected_difference(10, 50), abs=1e-3)
