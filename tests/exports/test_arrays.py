"""Arrays open without pickle."""

import numpy as np

from emotion_vectors.exports import export_vectors
from exports.worlds import EMOTIONS, some_vectors


def test_npz_opens_without_pickle(saved, tmp_path):
    [path] = export_vectors(saved, "npz", tmp_path / "v.npz", emotions=["angry", "calm"], layers="1-2")
    vectors = some_vectors()
    with np.load(path, allow_pickle=False) as file:
        assert file["emotions"].tolist() == ["angry", "calm"] and file["layers"].tolist() == [1, 2]
        assert file["vectors"].shape == (2, 2, 32)
        for e, name in enumerate(["angry", "calm"]):
            for i, layer in enumerate([1, 2]):
                assert (file["vectors"][e, i] == vectors.raw[layer, EMOTIONS.index(name)]).all()
        assert file["residual_norm"].tolist() == [5.0, 7.0] and "residual_norm" in str(file["units"])
