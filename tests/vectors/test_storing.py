"""Files of vectors: a round trip, and damaged ones are refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from emotion_vectors.errors import UserError
from emotion_vectors.vectors.file import EmotionVectors
from vectors.sample import vectors  # noqa: F401


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
