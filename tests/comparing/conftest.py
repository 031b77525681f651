"""What the tests of this folder share."""

from dataclasses import replace

import numpy as np
import pytest

from comparing.folders import ATTACK, altered
from emotion_vectors import EmotionVectors


@pytest.fixture(scope="module")
def others(toy_run, tmp_path_factory):
    """The toy run again, with its vectors in another basis; of another model; and with few emotions."""
    folder, record = toy_run
    place = tmp_path_factory.mktemp("runs")
    theirs = replace(EmotionVectors.load(folder), calibration=None)
    basis, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((theirs.raw.shape[2],) * 2))
    turned = replace(theirs, raw=theirs.raw @ basis, projected=theirs.projected @ basis)
    model = record["model"] | {"sha256": "f" * 64, "name": ATTACK}
    few = replace(
        theirs,
        emotions=theirs.emotions[:3],
        raw=theirs.raw[:, :3],
        projected=theirs.projected[:, :3],
        embedding=theirs.embedding[:3],
    )
    return {
        "same": altered(folder, place / "same"), "turned": altered(folder, place / "turned", turned),
        "foreign": altered(folder, place / "foreign", turned, model=model), "few": altered(folder, place / "few", few),
    }  # fmt: skip
