"""Weights come from the files or not at all, and what scales a model's logits is found: beside plain transformers."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from emotion_vectors import UserError, load_model
from lm.saved import saved


def changed(folder, change):
    """Rewrite the folder's weights by `change` of the dictionary of tensors."""
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: {f"_orig_mod.{name}": value for name, value in t.items()}, ["missing", "no place", "_orig_mod."]),
        (lambda t: {name: value for name, value in t.items() if "layers.1.mlp" not in name}, ["missing", "model.layers.1.mlp.down_proj.weight"]),
        (lambda t: {name: value for name, value in t.items() if name != "lm_head.weight"}, ["missing", "lm_head.weight"]),
        (lambda t: t | {"model.layers.7.extra.weight": torch.zeros(2)}, ["no place", "model.layers.7.extra.weight"]),
        (lambda t: t | {"model.norm.weight": torch.zeros(5)}, ["another shape", "model.norm.weight"]),
    ],
    ids=["another prefix", "missing block part", "missing head", "unexpected", "another shape"],
)  # fmt: skip
def test_weights_that_the_files_do_not_settle_are_refused_by_name(tmp_path, change, named, capfd):
    saved(tmp_path)
    changed(tmp_path, change)
    with pytest.raises(UserError) as refused:
        load_model(str(tmp_path), "cpu", "float32")
    assert all(word in str(refused.value) for word in named), refused.value
    assert "LOAD REPORT" not in capfd.readouterr().err, "the sentence says it all"


def test_whole_weights_are_loaded_as_transformers_loads_them(tmp_path):
    model = saved(tmp_path)
    lm = load_model(str(tmp_path), "cpu", "float32")
    for name, value in model.state_dict().items():
        assert torch.equal(value, lm.model.state_dict()[name]), name


def test_a_scale_outside_of_the_known_ones_is_refused(tmp_path, monkeypatch):
    saved(tmp_path, "granite")
    monkeypatch.setattr("emotion_vectors.lm.architecture.SCALES", ())
    with pytest.raises(UserError, match="differs from its own"):
        load_model(str(tmp_path), "cpu", "float32")


def in_shards(folder, second_copy, keeps_whole=False):
    """The folder's weights in two shards; the first tensor stands in the second one too, as `second_copy` of it makes it."""
    whole = load_file(folder / "model.safetensors")
    names = sorted(whole)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for shard, half in zip(shards, halves, strict=True):
        held = {name: whole[name] for name in half} | {names[0]: whole[names[0]]}
        held[names[0]] = second_copy(held[names[0]]) if shard == shards[1] else held[names[0]]
        save_file(held, folder / shard, metadata={"format": "pt"})
    index = {name: shards[name in halves[1]] for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    if not keeps_whole:
        (folder / "model.safetensors").unlink()
    return names[0]


@pytest.mark.parametrize("keeps_whole", [False, True], ids=["two shards", "shards and a whole file"])
def test_a_tensor_with_two_values_is_refused_by_name(tmp_path, keeps_whole):
    saved(tmp_path)
    name = in_shards(tmp_path, lambda tensor: tensor * 3, keeps_whole)
    with pytest.raises(UserError, match=f"contradict each other: {name} stand in several of them with other values"):
        load_model(str(tmp_path), "cpu", "float32")


@pytest.mark.parametrize("keeps_whole", [False, True])
def test_a_tensor_that_stands_twice_with_one_value_is_loaded(tmp_path, keeps_whole):
    model = saved(tmp_path)
    in_shards(tmp_path, lambda tensor: tensor.clone(), keeps_whole)
    lm = load_model(str(tmp_path), "cpu", "float32")
    assert all(torch.equal(value, lm.model.state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_broken_weight_is_named_and_no_precision_is_blamed(tmp_path, value):
    saved(tmp_path)
    broken = "model.layers.1.mlp.up_proj.weight"
    changed(tmp_path, lambda t: t | {broken: torch.cat([torch.full((1, t[broken].shape[1]), value), t[broken][1:]])})
    with pytest.raises(UserError, match=f"The weight {broken} of .* holds NaN or infinity") as refused:
        load_model(str(tmp_path), "cpu", "float32")
    assert "dtype" not in str(refused.value)


def test_empty_weights_are_a_sentence(tmp_path):
    saved(tmp_path)
    changed(tmp_path, lambda t: {name: torch.zeros_like(tensor) for name, tensor in t.items()})
    with pytest.raises(UserError, match="gives all tokens the same logit"):
        load_model(str(tmp_path), "cpu", "float32")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda config: config | {"rms_norm_eps": "1e-6"}, "'rms_norm_eps' expected float"),
        (lambda config: [], "model_type"),
        (lambda config: config | {"rope_parameters": {"rope_type": "spiral", "rope_theta": 1e4}}, "KeyError: 'spiral'"),
    ],
    ids=["a field", "no object", "a rotation"],
)
def test_a_fault_of_the_configuration_is_not_the_tokenizers(tmp_path, change, cause):
    saved(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(UserError) as refused:
        load_model(str(tmp_path), "cpu", "float32")
    assert cause in str(refused.value) and "tokenizer" not in str(refused.value)
