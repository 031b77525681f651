"""The hash covers every file that is read; weights outside of the folder are refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from emotion_vectors import UserError, load_model
from emotion_vectors.lm.model import locate
from lm.saved import saved


@pytest.mark.parametrize(
    "file", ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"]
)
def test_the_hash_covers_every_file_that_is_read(tmp_path, file):
    saved(tmp_path)
    before = locate(str(tmp_path)).sha256
    (tmp_path / "README.md").write_text("not read")
    assert locate(str(tmp_path)).sha256 == before
    path = tmp_path / file
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b" ")
    assert locate(str(tmp_path)).sha256 != before


def sharded(folder):
    """A model in several files below `folder`: itself, and the index that named them."""
    model = saved(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder / "parts", max_shard_size="50KB")
    index = folder / "parts" / "model.safetensors.index.json"
    named = json.loads(index.read_text())
    index.unlink()
    return model, named


def pointed(folder, named, where):
    places = {tensor: f"{where}{file}" for tensor, file in named["weight_map"].items()}
    (folder / "model.safetensors.index.json").write_text(json.dumps(named | {"weight_map": places}))


def test_the_hash_covers_shards_below_the_folder(tmp_path):
    model, named = sharded(tmp_path)
    pointed(tmp_path, named, "parts/")
    loaded = load_model(str(tmp_path), "cpu", "float32").model.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in model.state_dict().items())
    before = locate(str(tmp_path)).sha256
    part = max((tmp_path / "parts").glob("*.safetensors"))
    save_file({name: value + 1 for name, value in load_file(part).items()}, part, {"format": "pt"})
    assert locate(str(tmp_path)).sha256 != before


@pytest.mark.parametrize("where", ["../", "inner/../../", "/"])
def test_weights_outside_of_the_folder_are_refused(tmp_path, where):
    folder = tmp_path / "model"
    _, named = sharded(folder)
    pointed(folder, named, where)
    with pytest.raises(UserError, match=r"names weights that are not in it but at .*model-00001-of"):
        locate(str(folder))
    (folder / "model.safetensors.index.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"transformers_weights": "parts/model-00001-of-00002.safetensors"}))  # fmt: skip
    with pytest.raises(UserError, match="but at parts/model-00001"):
        locate(str(folder))


def test_the_hash_covers_the_vocabulary_of_which_a_tokenizer_is_made(tmp_path):
    saved(tmp_path)
    before = locate(str(tmp_path)).sha256
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"one")
    assert locate(str(tmp_path)).sha256 == before, "tokenizer.json is read and this is not"
    (tmp_path / "tokenizer.json").unlink()
    other = locate(str(tmp_path)).sha256
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"two")
    assert locate(str(tmp_path)).sha256 != other
