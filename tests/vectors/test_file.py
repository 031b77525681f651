"""The vectors file: what is written is read back, and strangers' files are refused in one sentence."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from emotion_vectors.errors import UserError
from emotion_vectors.vectors.file import EmotionVectors


@pytest.fixture
def vectors():
    generator = np.random.default_rng(0)
    raw = generator.normal(size=(4, 3, 8)).astype(np.float32)
    return EmotionVectors(
        ("calm", "on edge", "sad"), raw, raw * 0.5, raw[0], np.arange(4, dtype=np.float32), 2, "projected", {"model": "m", "stories": [1, 2, 3]}
    )  # fmt: skip


def test_round_trip(vectors, tmp_path):
    vectors.save(tmp_path / "vectors.safetensors")
    for source in (tmp_path, tmp_path / "vectors.safetensors"):
        found = EmotionVectors.load(source)
        assert (found.emotions, found.layer, found.kind, found.header) == (
            vectors.emotions,
            2,
            "projected",
            vectors.header,
        )
        for name in ("raw", "projected", "embedding", "residual_norm"):
            assert (getattr(found, name) == getattr(vectors, name)).all()


def test_layers_and_names(vectors):
    assert (vectors["on edge"] == vectors.projected[2, 1]).all()
    assert (vectors.at(0) == vectors.projected[0]).all()
    np.testing.assert_allclose(np.linalg.norm(vectors.unit(), axis=1), 1, rtol=1e-6)
    with pytest.raises(UserError, match="no layer 4"):
        vectors.at(4)
    with pytest.raises(UserError, match="no vector for 'glad'"):
        vectors["glad"]


@pytest.mark.parametrize("damage", ["missing", "truncated", "text", "foreign", "names"])
def test_damaged_files_are_refused(vectors, tmp_path, damage):
    path = tmp_path / "vectors.safetensors"
    vectors.save(path)
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:200])
    elif damage == "text":
        path.write_text("not tensors")
    elif damage == "foreign":
        save_file({"x": np.ones(3)}, path)
    else:
        header = {"format": "emotion-vectors/1", "emotions": ["calm"], "layer": 0, "kind": "raw"}
        tensors = {
            "raw": vectors.raw,
            "projected": vectors.raw,
            "embedding": vectors.raw[0],
            "residual_norm": vectors.residual_norm,
        }
        save_file(tensors, path, {key: json.dumps(value) for key, value in header.items()})
    with pytest.raises(UserError) as caught:
        EmotionVectors.load(path)
    assert "\n" not in str(caught.value)


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
