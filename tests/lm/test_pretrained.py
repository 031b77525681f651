"""Weights come from the files or not at all, and what scales a model's logits is found: beside plain transformers."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    GraniteConfig,
    HyperCLOVAXConfig,
    LlamaConfig,
    MiniCPM3Config,
)

from emotion_vectors import UserError, load_model
from emotion_vectors.lm import readout, toy
from emotion_vectors.lm.model import locate

SHARED = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 512, "initializer_range": 0.2, "tie_word_embeddings": False,
}  # fmt: skip
SCALED = {
    "granite": (GraniteConfig, {"logits_scaling": 8.0, "attention_multiplier": 0.06}),
    "cohere": (CohereConfig, {"logit_scale": 0.0625}),
    "hyperclova": (HyperCLOVAXConfig, {"logits_scaling": 0.125}),
    "minicpm3": (MiniCPM3Config, {"dim_model_base": 8, "num_key_value_heads": 4, "q_lora_rank": 16, "kv_lora_rank": 8, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8}),
    "llama": (LlamaConfig, {}),
}  # fmt: skip


def saved(folder, kind="llama"):
    """A tiny random model in a folder, with the toy tokenizer."""
    _, tokenizer = toy.make_toy()
    config_class, more = SCALED[kind]
    config = config_class(**SHARED | more, vocab_size=len(tokenizer), pad_token_id=0, bos_token_id=0, eos_token_id=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).float().eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


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


@pytest.mark.parametrize("kind", SCALED)
def test_log_probabilities_are_the_models_own_where_it_scales_its_logits(tmp_path, kind):
    model = saved(tmp_path, kind)
    lm = load_model(str(tmp_path), "cpu", "float32")
    ids = torch.tensor([lm.tokenizer("The letter has come at last.")["input_ids"]])
    with torch.inference_mode():
        own = torch.log_softmax(model(ids).logits.float(), dim=-1)[0]
        hidden = lm.parts.body(input_ids=ids, use_cache=False).last_hidden_state[0]
    torch.testing.assert_close(readout.log_probabilities(lm, hidden), own, atol=1e-4, rtol=0)
    two = readout.logits_of(lm, hidden, [3, 5]) - readout.log_normaliser(lm, hidden)[:, None]
    torch.testing.assert_close(two, own[:, [3, 5]], atol=1e-4, rtol=0)


def test_a_scale_outside_of_the_known_ones_is_refused(tmp_path, monkeypatch):
    saved(tmp_path, "granite")
    monkeypatch.setattr("emotion_vectors.lm.architecture.SCALES", ())
    with pytest.raises(UserError, match="differs from its own"):
        load_model(str(tmp_path), "cpu", "float32")


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


def test_probabilities_add_up_to_one_in_half_precision_as_well(tmp_path):
    """The normaliser is not rounded to the model's precision while the logits of A and B are not."""
    saved(tmp_path)
    lm = load_model(str(tmp_path), "cpu", "bfloat16")
    hidden = torch.randn(50, lm.hidden_size, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    every = readout.logits_of(lm, hidden, range(lm.parts.head.weight.shape[0]))
    own = torch.logsumexp(every.double(), dim=-1)
    torch.testing.assert_close(readout.log_normaliser(lm, hidden, words_at_once=100).double(), own, atol=1e-5, rtol=0)
