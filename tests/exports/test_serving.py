"""Files for servers: EasySteer's and vLLM-Lens's."""

import base64
import json

import gguf
import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.exports import export_vectors
from exports.saving import field
from exports.worlds import EMOTIONS, expected, logits, some_vectors

MIX = {"calm": 0.5, "angry": -0.2}


def test_easysteer_gets_a_control_vector_and_a_spec_that_names_it(saved, tmp_path):
    file, spec = export_vectors(saved, "easysteer", tmp_path / "mix.gguf", mix=MIX, layers="0,2")
    assert (file.name, spec.name) == ("mix.gguf", "mix.json")
    reader = gguf.GGUFReader(file)
    assert field(reader, "general.architecture") == "controlvector" and field(reader, "controlvector.model_hint")
    found = {int(tensor.name.removeprefix("direction.")): tensor.data for tensor in reader.tensors}
    [vector] = json.loads(spec.read_text())["vectors"]
    assert vector["source"] == str(file) and vector["layers"] == sorted(found) == [0, 2]
    assert vector["algorithm"] == "direct" and vector["scale"] == 1 and vector["normalize"] is False
    assert vector["apply"] == {"prompt": "all", "generation": "all"}
    for layer, data in found.items():
        np.testing.assert_allclose(data, expected(some_vectors(), MIX, layer, 1 / 2), rtol=1e-5, atol=1e-6)
    assert len(export_vectors(saved, "easysteer", tmp_path / "folder")) == 2 * len(EMOTIONS)
    file.unlink()
    with pytest.raises(UserError, match=r"mix\.json is there already"):
        export_vectors(saved, "easysteer", tmp_path / "mix.gguf", mix=MIX)
    assert not file.exists()


def test_vllm_lens_gets_the_value_of_its_request(saved, tmp_path):
    [path] = export_vectors(saved, "vllm-lens", tmp_path / "mix.json", mix=MIX, layers="0,2", strength=2)
    [vector] = json.loads(path.read_text())
    held = vector["activations"]
    # What the project's `deserialize_tensor` does with a dictionary that names no compression.
    rows = np.frombuffer(base64.b64decode(held["data"]), dtype=np.dtype(held["dtype"])).reshape(held["shape"])
    assert vector["layer_indices"] == [0, 2] and rows.shape == (2, 32) and held["original_dtype"] == "torch.float32"
    assert vector["scale"] == 1 and vector["norm_match"] is False and vector["position_indices"] is None
    theirs = logits(
        {layer: row.copy() * vector["scale"] for layer, row in zip(vector["layer_indices"], rows, strict=True)}
    )
    ours = logits({layer: expected(some_vectors(), MIX, layer, 2 / 2) for layer in (0, 2)})
    np.testing.assert_allclose(theirs, ours, atol=2e-5)
    assert np.abs(theirs - logits()).max() > 0.1
