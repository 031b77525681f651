"""Remarks of the words' part ask who is better in the direction in which the criterion counts."""

import numpy as np

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
    assert found["V4"] == "A static embedding reaches 2.25, better than the vectors." and found["V5"] == ""
    assert found["V6"] == "A bag of words reaches 3 of 12, as the vectors do."
    assert found["V9"] == (
        "A bag of words reaches 4 of 12, more than the vectors. A static embedding reaches 3 of 12, as the vectors do."
    )
