"""Weights come from the files or not at all, and what scales a model's logits is found: beside plain transformers."""

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
