"""The vectors file: what is written is read back, and strangers' files are refused in one sentence."""

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.vectors.file import EmotionVectors
from vectors.sample import vectors  # noqa: F401


def test_layers_and_names(vectors):
    assert (vectors["on edge"] == vectors.projected[2, 1]).all()
    assert (vectors.at(0) == vectors.projected[0]).all()
    np.testing.assert_allclose(np.linalg.norm(vectors.unit(), axis=1), 1, rtol=1e-6)
    with pytest.raises(UserError, match="no layer 4"):
        vectors.at(4)
    with pytest.raises(UserError, match="no vector for 'glad'"):
        vectors["glad"]


def test_a_centre_is_kept_and_may_be_missing(vectors, tmp_path):
    from dataclasses import replace

    vectors.save(tmp_path / "old.safetensors")
    assert EmotionVectors.load(tmp_path / "old.safetensors").centre is None
    centre = np.arange(32, dtype=np.float32).reshape(4, 8)
    replace(vectors, centre=centre).save(tmp_path / "new.safetensors")
    assert (EmotionVectors.load(tmp_path / "new.safetensors").centre == centre).all()


def test_similarity_is_the_cosine_of_every_pair(vectors):
    found = vectors.similarity(1)
    for i, a in enumerate(vectors.projected[1].astype(float)):
        for j, b in enumerate(vectors.projected[1].astype(float)):
            assert found[i, j] == pytest.approx(sum(a * b) / (sum(a * a) * sum(b * b)) ** 0.5)
    assert (vectors.similarity() == vectors.similarity(2)).all() and not (vectors.similarity() == found).all()
