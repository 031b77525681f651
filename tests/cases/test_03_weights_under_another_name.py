"""Case 03: weights under names that the model does not ask for, or missing in part (transformers#28041, #43159, safetensors#403)."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from cases.saved import plain_mean, random_model, read_rows, refusal, save, save_vectors, tokenizer

pytestmark = pytest.mark.case
TEXT = [{"text": "The letter has come at last."}]


def renamed(prefix):
    return lambda tensors: {prefix + name: value for name, value in tensors.items()}


def without(part):
    return lambda tensors: {name: value for name, value in tensors.items() if part not in name}


CHANGES = {
    "torch.compile": (renamed("_orig_mod."), "_orig_mod.lm_head.weight"),
    "data parallel": (renamed("module."), "module.lm_head.weight"),
    "adapter": (renamed("base_model.model."), "base_model.model.lm_head.weight"),
    "a block's mlp": (without("layers.1.mlp"), "model.layers.1.mlp.down_proj.weight"),
    "head": (without("lm_head"), "lm_head.weight"),
    "final norm": (without("model.norm"), "model.norm.weight"),
    "one row less": (lambda tensors: tensors | {"lm_head.weight": tensors["lm_head.weight"][1:].clone()}, "lm_head.weight"),
}  # fmt: skip


def change(file, by):
    save_file(by(load_file(file)), file, metadata={"format": "pt"})


@pytest.fixture
def folder(tmp_path):
    words = tokenizer()
    save(random_model(words), words, tmp_path / "m")
    save_vectors(tmp_path / "m", tmp_path / "v.safetensors")
    (tmp_path / "t.txt").write_text(TEXT[0]["text"])
    return tmp_path


@pytest.mark.parametrize("name", CHANGES)
def test_every_command_refuses_by_the_tensors_name_and_writes_nothing(folder, name):
    by, named = CHANGES[name]
    change(folder / "m" / "model.safetensors", by)
    save_vectors(folder / "m", folder / "v.safetensors")
    out = folder / "s.parquet"
    for words in (
        ("read", folder / "t.txt", "--vectors", folder / "v.safetensors", "--out", out, "--device", "cpu"),
        ("steer", folder / "v.safetensors", "Hello", "--emotion", "calm=0.2", "--device", "cpu"),
        ("doctor", "--model", folder / "m", "--device", "cpu"),
    ):
        assert named in refusal(*words) and not out.exists()


def test_a_deeper_config_or_a_lost_shard_is_refused_too(folder):
    config = json.loads((folder / "m" / "config.json").read_text())
    (folder / "m" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 5, "layer_types": None}))
    assert "model.layers.4" in refusal("doctor", "--model", folder / "m", "--device", "cpu")
    words = tokenizer()
    sharded = save(random_model(words), words, folder / "sharded", max_shard_size="60KB")
    shards = sorted(sharded.glob("model-*.safetensors"))
    assert len(shards) > 2
    shards[1].unlink()
    assert shards[1].name in refusal("doctor", "--model", sharded, "--device", "cpu")


def test_what_loads_whole_is_not_refused(folder):
    """A tied head that is left out of the file, a buffer of older versions, and shards: the plain model's numbers."""
    words = tokenizer()
    for number, tied in enumerate((True, False)):
        model = random_model(words, tie_word_embeddings=tied)
        place = save(model, words, folder / f"m{number}", max_shard_size="1GB" if tied else "60KB")
        if tied:
            file = place / "model.safetensors"
            assert "lm_head.weight" not in load_file(file)
            change(file, lambda tensors: tensors | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})
        vectors = save_vectors(place, folder / "v.safetensors")
        ids = words(TEXT[0]["text"])["input_ids"]
        [row] = read_rows(folder, TEXT)
        assert row["mean_raw"] == pytest.approx(plain_mean(model, ids, 1, len(ids), vectors), abs=1e-5)
