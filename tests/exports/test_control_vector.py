"""GGUF control vectors to the gguf package and to llama.cpp."""

import json

import gguf
import numpy as np
import pytest
from typer.testing import CliRunner

from emotion_vectors.cli import app
from emotion_vectors.errors import UserError
from emotion_vectors.exports import control_vector, export_vectors
from exports.saving import field
from exports.worlds import expected, logits, some_vectors

MIX = {"calm": 0.5, "angry": -0.2}


def test_gguf_is_a_control_vector_to_the_gguf_package(saved, tmp_path):
    vectors = some_vectors()
    [path] = export_vectors(saved, "gguf", tmp_path / "mix.gguf", mix=MIX, layers="1,3", strength=2)
    reader = gguf.GGUFReader(path)
    assert field(reader, "general.architecture") == "controlvector"
    assert field(reader, "controlvector.layer_count") == 2
    assert field(reader, "controlvector.model_hint") == "tiny"
    assert {tensor.name for tensor in reader.tensors} == {"direction.1", "direction.3"}
    for tensor in reader.tensors:
        layer = int(tensor.name.split(".")[1])
        assert tensor.tensor_type == gguf.GGMLQuantizationType.F32 and list(tensor.shape) == [32]
        np.testing.assert_allclose(tensor.data, expected(vectors, MIX, layer, 2 / 2), rtol=1e-5, atol=1e-6)


def llama_cpp_buffer(path, n_layers, width):
    """What llama.cpp makes of a file: data of layer il at (il - 1) x width, added to the output of block il, from 0."""
    data = np.zeros((n_layers, width), dtype=np.float32)
    for tensor in gguf.GGUFReader(path).tensors:
        data[int(tensor.name.split(".")[1]) - 1] += tensor.data
    return {il: data[il - 1] for il in range(1, n_layers)}


def test_our_layer_is_the_block_to_which_llama_cpp_adds(saved, tmp_path):
    vectors = some_vectors()
    [path] = export_vectors(saved, "gguf", tmp_path / "a.gguf", mix={"calm": 1})
    ours = logits({2: expected(vectors, {"calm": 1}, 2, 1)})
    theirs = logits(llama_cpp_buffer(path, 4, 32))
    np.testing.assert_allclose(theirs, ours, atol=2e-5)
    assert np.abs(ours - logits()).max() > 0.1
    assert np.abs(ours - logits({1: expected(vectors, {"calm": 1}, 2, 1)})).max() > 0.01


def test_one_file_for_each_emotion(saved, tmp_path):
    paths = export_vectors(saved, "gguf", tmp_path / "folder")
    assert [path.name for path in paths] == ["calm.gguf", "on-edge.gguf", "angry.gguf"]
    read = control_vector.read(paths[1])
    assert read.keys["general.name"] == "on edge" and list(read.layers) == [2]
    np.testing.assert_allclose(read.layers[2], expected(some_vectors(), {"on edge": 1}, 2, 1), rtol=1e-5, atol=1e-6)


def test_gguf_has_no_layer_0(saved, tmp_path):
    with pytest.raises(UserError, match="layer 0"):
        export_vectors(saved, "gguf", tmp_path / "a.gguf", mix={"calm": 1}, layers="0-2")
    assert not list(tmp_path.glob("*.gguf"))
    [path] = export_vectors(saved, "gguf", tmp_path / "a.gguf", mix={"calm": 1}, layers="all")
    assert sorted(control_vector.read(path).layers) == [1, 2, 3]


@pytest.mark.parametrize(
    ("architecture", "said"),
    [("Qwen3_5MoeForCausalLM", True), ("Qwen3NextForCausalLM", True), ("LlamaForCausalLM", False)],
)
def test_where_llama_cpp_may_do_nothing_the_export_says_so(tmp_path, architecture, said):
    some_vectors().save(tmp_path / "vectors.safetensors")
    (tmp_path / "results.json").write_text(json.dumps({"model": {"architecture": architecture}}))
    for format in ("gguf", "easysteer"):
        words = [
            "export",
            str(tmp_path),
            "--format",
            format,
            "--out",
            str(tmp_path / f"{format}.gguf"),
            "--emotion",
            "calm",
        ]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert ("llama.cpp" in done.stderr) == (said and format == "gguf")
