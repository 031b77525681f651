"""Each export is read back by the other side's own reader or, where that can't be installed here, by its documented form."""

import base64
import json

import gguf
import numpy as np
import pytest
import torch
from safetensors import safe_open
from tiny import tiny
from typer.testing import CliRunner
from vectors.worlds import agreeing

from emotion_vectors.cli import app
from emotion_vectors.errors import UserError
from emotion_vectors.exports import control_vector, export_vectors
from emotion_vectors.vectors.file import EmotionVectors
from exports.worlds import EMOTIONS, expected, logits, some_vectors

MIX = {"calm": 0.5, "angry": -0.2}


@pytest.fixture
def saved(tmp_path):
    some_vectors().save(tmp_path / "vectors.safetensors")
    return tmp_path / "vectors.safetensors"


@pytest.mark.parametrize("format", ["safetensors", "npz", "gguf", "steering-vectors", "lm-eval"])
def test_no_file_is_written_over_unless_told(saved, tmp_path, format):
    out = tmp_path / "out"
    words = ["export", str(saved), "--format", format, "--out", str(out)]
    assert CliRunner().invoke(app, words).exit_code == 0
    files = sorted(out.iterdir())
    files[-1].write_bytes(b"mine")
    for file in files[:-1]:
        file.unlink()
    again = CliRunner().invoke(app, words)
    assert isinstance(again.exception, UserError) and "--overwrite" in str(again.exception)
    assert sorted(out.iterdir()) == [files[-1]] and files[-1].read_bytes() == b"mine"
    assert CliRunner().invoke(app, [*words, "--overwrite"]).exit_code == 0
    assert sorted(out.iterdir()) == files and files[-1].read_bytes() != b"mine"


def field(reader, name):
    return reader.get_field(name).contents()


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


def test_safetensors_is_our_file_with_fewer_emotions(saved, tmp_path):
    [path] = export_vectors(saved, "safetensors", tmp_path / "some.safetensors", emotions=["angry", "calm"])
    found, vectors = EmotionVectors.load(path), some_vectors()
    assert found.emotions == ("angry", "calm") and found.header["stories"] == [4, 2]
    assert found.header["neutral_components"] == [1] * 4
    assert (found.raw == vectors.raw[:, [2, 0]]).all() and (found.embedding == vectors.embedding[[2, 0]]).all()
    [whole] = export_vectors(saved, "safetensors", tmp_path / "all.safetensors")
    assert EmotionVectors.load(whole).header == vectors.header


def test_lm_eval_adds_what_we_add(saved, tmp_path):
    [path] = export_vectors(saved, "lm-eval", tmp_path / "mix.pt", mix=MIX, layers="1,2")
    config = torch.load(path, weights_only=True)
    assert set(config) == {"layers.1", "layers.2"}
    model = tiny("llama").model
    names = dict(model.base_model.named_modules())
    handles = [
        names[hookpoint].register_forward_hook(
            lambda _, __, output, entry=entry: output + entry["steering_coefficient"] * entry["steering_vector"]
        )
        for hookpoint, entry in config.items()
        if entry["action"] == "add" and entry["bias"] is None
    ]
    assert len(handles) == 2
    try:
        theirs = logits()
    finally:
        for handle in handles:
            handle.remove()
    ours = logits({layer: expected(some_vectors(), MIX, layer, 1 / 2) for layer in (1, 2)})
    np.testing.assert_allclose(theirs, ours, atol=2e-5)
    assert np.abs(theirs - logits()).max() > 0.1


def test_steering_vectors_takes_what_the_file_holds(saved, tmp_path):
    [path] = export_vectors(saved, "steering-vectors", tmp_path / "mix.safetensors", mix=MIX, layers="0,2")
    with safe_open(path, "pt") as file:
        activations = {int(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = file.metadata()
    assert facts["layer_type"] == "decoder_block" and json.loads(facts["mix"]) == MIX
    assert sorted(activations) == [0, 2]
    for layer, tensor in activations.items():
        np.testing.assert_allclose(tensor.numpy(), expected(some_vectors(), MIX, layer, 1 / 2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "gpt_neox"])
def test_the_hookpoints_are_the_blocks_of_every_architecture(kind):
    lm = tiny(kind)
    names = dict(lm.model.base_model.named_modules())
    assert [names[f"layers.{layer}"] for layer in range(lm.n_layers)] == list(lm.parts.blocks)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "onnx"}, "no format 'onnx'"),
        ({"format": "gguf", "mix": {"clam": 1}}, "did you mean 'calm'"),
        ({"format": "gguf", "emotions": ["calm", "calm"]}, "twice"),
        ({"format": "gguf", "emotions": ["calm"], "mix": {"calm": 1}}, "give one of the two"),
        ({"format": "gguf", "layers": "9"}, "layers go from 0 to 3"),
        ({"format": "gguf", "layers": "2-1"}, "layers go from 0 to 3"),
        ({"format": "gguf", "layers": "two"}, "not a list of layers"),
        ({"format": "gguf", "strength": 0.0}, "other than 0"),
        ({"format": "gguf", "strength": float("nan")}, "other than 0"),
        ({"format": "gguf", "mix": {"calm": 0.0}}, "is zero at layer 2"),
        ({"format": "gguf", "out": "all.gguf"}, "don't go into one .gguf file"),
        ({"format": "npz", "mix": {"calm": 1}}, "formats that steer"),
        ({"format": "safetensors", "layers": "1"}, "always contains all layers"),
        ({"format": "huggingface"}, "no results.json"),
        ({"format": "gguf", "out": "vectors.safetensors"}, "is a file"),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_no_file(saved, tmp_path, options, says):
    options = dict(options)
    out = tmp_path / options.pop("out", "out")
    with pytest.raises(UserError, match=says) as caught:
        export_vectors(saved, options.pop("format"), out, **options)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [saved]


@pytest.mark.parametrize(("r", "said"), [(None, "not measured"), (0.03, "mostly noise"), (0.6, "")])
def test_the_command_says_where_the_vectors_are_noise(tmp_path, r, said):
    file = tmp_path / "some.safetensors"
    (some_vectors() if r is None else agreeing(some_vectors(), r)).save(file)
    done = CliRunner().invoke(app, ["export", str(file), "--format", "gguf", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert said in done.stderr and bool(said) == bool(done.stderr)


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
