"""Principal components against scikit-learn's."""

import numpy as np
import pytest
from experiments.geometry.worlds import planted
from sklearn.decomposition import PCA

from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.norms import shipped
from emotion_vectors.vectors.geometry import coordinates, principal

PACK = load_pack("ours")


EMOTIONS = PACK.emotions


GLASGOW = shipped()[1]


def test_components_are_scikit_learns():
    rows = planted(valence=3)
    mine, theirs = principal(rows, 4), PCA(4).fit(rows)
    assert mine.shares == pytest.approx(theirs.explained_variance_ratio_)
    assert np.abs(mine.places) == pytest.approx(np.abs(theirs.transform(rows)))
    assert np.linalg.norm(coordinates(rows)[3] - coordinates(rows)[9]) == pytest.approx(
        np.linalg.norm(rows[3] - rows[9])
    )
