"""Remarks of the words' part ask who is better in the direction in which the criterion counts."""

import numpy as np
import pytest

from emotion_vectors.experiments.baselines import measure as baselines
from emotion_vectors.experiments.baselines.record import Baselines
from emotion_vectors.stimuli.items import (
    NUMERIC_EMOTIONS,
)

EMOTIONS = [*NUMERIC_EMOTIONS, *(f"emotion{i}" for i in range(20))]


VALENCE = {name: "positive" if i % 2 else "negative" for i, name in enumerate(EMOTIONS)}


SIGNS = {"afraid": "+", "happy": "-", "sad": "+", "calm": "-"}


NAMES = ["one", "two", "three", "four", "five", "six"]


NATS = np.repeat([1.0, -1.0], 32) + 0.1 * np.random.default_rng(0).standard_normal(64)


def test_remarks_ask_who_is_better_in_the_right_direction():
    rest = dict.fromkeys(("heldout", "retrieval", "retrieval_rank"))
    keys = dict.fromkeys(baselines.CRITERIA, 3) | rest | {"p": dict.fromkeys(baselines.CRITERIA) | rest}
    record = {
        "of": dict.fromkeys(baselines.CRITERIA, 12) | rest,
        "vocabulary": 9,
        "rows": [
            {"name": "residual stream", **keys},
            {"name": "bag of words", **keys, "V4": 3.1, "V5": 2, "V9": 4},
            {"name": "static embedding", **keys, "V4": 2.25, "V5": None, "V6": 2},
        ],
    }
    found = baselines.remarks(Baselines.model_validate(record))
    assert found["V4"] == "A static embedding reaches 2.25 (the vectors 3)." and found["V5"] == ""
    assert found["V6"] == "A bag of words reaches 3 of 12 (the vectors 3)."
    assert found["V9"] == (
        "A bag of words reaches 4 of 12 (the vectors 3). A static embedding reaches 3 of 12 (the vectors 3)."
    )


def test_who_is_ahead_is_said_with_its_interval():
    """Words that are first where the vectors are not, on every emotion; and words that win and lose as often."""
    emotions = [name for name in EMOTIONS for _ in range(4)]
    own, better = [2, 3, 1, 5] * 24, [1, 1, 1, 5] * 24
    found = baselines.ahead(better, own, emotions, 500, 0)
    assert found.V3.value == 48 and found.V3.interval == [48, 48]
    assert found.V4.value == -0.75 and found.V4.interval == [-0.75, -0.75]
    # All four scenarios of half of the emotions: the width is that of 24 emotions, twice that of 96 scenarios on their own.
    coins = np.random.default_rng(0).permutation([1] * 12 + [5] * 12)
    found = baselines.ahead(np.repeat(coins, 4).tolist(), [2] * 96, emotions, 2000, 0)
    low, high = found.V3.interval
    assert found.V3.value == 48 and (high - low) / 2 == pytest.approx(1.96 * 4 * 0.5 * np.sqrt(24), rel=0.15)
    assert baselines.ahead([], own, emotions, 500, 0) is None and baselines.ahead(own, own, ["a"] * 96, 500, 0) is None
