"""Our geometry on vectors that others published, against figures that another program computed from the same files.

They may not be shipped. EMOTION_VECTORS_PEERS names a folder with clones of github.com/timfduffy/emotion-vectors (commit 7877b90: Gemma 4 E2B,
171 emotions, 35 layers) and github.com/mufxio/emotion-vector-bench (6dde90c, MIT: five models that read the same 3,000 stories about 20 emotions).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from emotion_vectors.comparing.measures import geometry
from emotion_vectors.stimuli.norms import shipped
from emotion_vectors.vectors.geometry import principal, towards

# Share of the variance on the first component; abs(r) of the first one with human pleasure, of the second one with arousal (Russell and
# Mehrabian), and of the first one with Glasgow valence.
COMPONENTS = {
    2: (0.262, 0.790, 0.628, 0.854), 7: (0.341, 0.827, 0.809, 0.889), 10: (0.366, 0.876, 0.797, 0.907), 15: (0.315, 0.880, 0.745, 0.915),
    18: (0.399, 0.865, 0.820, 0.914), 23: (0.325, 0.838, 0.758, 0.891), 34: (0.318, 0.812, 0.567, 0.876),
}  # fmt: skip
MODELS = {
    "qwen2.5-1.5b-instruct": 17, "qwen2.5-7b-instruct": 18, "qwen3-8b": 23, "llama-3.1-8b-instruct": 20, "mistral-7b-instruct-v0.3": 20,
}  # fmt: skip
# Spearman's r of the similarity structures, in the order of the pairs of `MODELS`.
AGREEMENT = (0.976, 0.978, 0.968, 0.964, 0.988, 0.973, 0.972, 0.983, 0.984, 0.991)


@pytest.fixture
def peers() -> Path:
    named = os.environ.get("EMOTION_VECTORS_PEERS")
    if not named:
        pytest.skip("no vectors of others on this machine (set EMOTION_VECTORS_PEERS to the folder of their clones)")
    return Path(named)


@pytest.mark.parametrize("layer", COMPONENTS)
def test_components_and_human_ratings_are_those_that_the_files_hold(layer, peers):
    with np.load(peers / "emotion-vectors" / "emotion_vectors" / f"emotion_vectors_layer_{layer}.npz") as file:
        names, rows = file.files, np.array([file[name] for name in file.files])
    found = principal(rows, 2)
    russell, glasgow = shipped()

    def r(norms, scale, component):
        words, ratings = norms.of(names, scale)
        return abs(towards(found.places[words], ratings[:, 0])[component])

    mine = (found.shares[0], r(russell, "valence", 0), r(russell, "arousal", 1), r(glasgow, "valence", 0))
    assert mine == pytest.approx(COMPONENTS[layer], abs=0.0006)


def test_models_that_read_the_same_stories_agree_as_far_as_the_files_say(peers):
    sets = []
    for model, layer in MODELS.items():
        with np.load(peers / "emotion-vector-bench" / "results" / model / "raw_vectors.npz") as file:
            names = sorted(name for name in file.files if name.startswith(f"layer_{layer}__"))
            sets.append(np.array([file[name] for name in names]))
    pairs = [(one, other) for place, one in enumerate(sets) for other in sets[place + 1 :]]
    found = [geometry(one, other, 100, 0)["r"] for one, other in pairs]
    assert found == pytest.approx(AGREEMENT, abs=0.0006)
