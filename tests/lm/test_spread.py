"""A model whose weights lie on several devices against the same model on one: the same numbers but for rounding."""

import copy
import dataclasses

import numpy as np
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal
from safetensors.numpy import load_file
from tiny import ARCHITECTURES, tiny
from torch import nn
from transformers import AutoModelForCausalLM, LlamaConfig, MixtralConfig

from emotion_vectors import settings
from emotion_vectors.bench import plain
from emotion_vectors.errors import UserError
from emotion_vectors.lm import choices, packed
from emotion_vectors.lm import model as models
from emotion_vectors.lm import spread as spreading
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.model import choose_devices, load_model
from emotion_vectors.lm.selfcheck import check_forward
from emotion_vectors.lm.spread import spread
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.vectors import activations

CPU = torch.device("cpu")
TEMPLATE, PREFILL, LAYER = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "(", 1
OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "count the words"]


def in_pieces(lm, count):
    """A copy of the model in `count` pieces."""
    model = copy.deepcopy(lm.model)
    parts = find_parts(model)
    spread(model, parts, [CPU] * count)
    return dataclasses.replace(lm, model=model, parts=parts, beside=(CPU,) * (count - 1))


def hidden_states(model, ids):
    with torch.no_grad():
        return model(ids, output_hidden_states=True, use_cache=False)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_all_layers_and_what_is_written_are_those_of_the_whole_model(kind, count):
    lm = tiny(kind)
    cut = in_pieces(lm, count)
    ids = torch.randint(5, len(lm.tokenizer), (2, 40), generator=torch.Generator().manual_seed(1))
    ours, whole = hidden_states(cut.model, ids), hidden_states(lm.model, ids)
    for one, other in zip([*ours.hidden_states, ours.logits], [*whole.hidden_states, whole.logits], strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
    written = [one.generate(ids[:1], max_new_tokens=8, do_sample=False) for one in (cut.model, lm.model)]
    assert torch.equal(*written)
    assert check_forward(cut) < 1e-3


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_nearly_all_weights_of_the_blocks_are_shared_out_evenly(kind):
    lm = tiny(kind)
    cut = in_pieces(lm, 2)
    shares = [0, 0]
    for part in cut.parts.blocks.modules():
        if isinstance(part, spreading._Cut):
            for number, piece in enumerate(part.pieces):
                shares[number] += sum(weight.numel() for weight in piece.parameters())
    every = sum(weight.numel() for weight in lm.parts.blocks.parameters())
    assert sum(shares) > 0.9 * every and abs(shares[0] - shares[1]) < 0.02 * every
    assert cut.model.num_parameters() == lm.model.num_parameters(), "none is lost or held twice"
    assert not any(type(part) is nn.Linear for block in cut.parts.blocks for part in whole_parts(block))


def whole_parts(module):
    for child in module.children():
        if not isinstance(child, spreading._Cut):
            yield child
            yield from whole_parts(child)


def test_biases_are_added_once():
    config = LlamaConfig(
        vocab_size=90, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, attention_bias=True, mlp_bias=True
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                weight.normal_()
    cut = copy.deepcopy(model)
    spread(cut, find_parts(cut), [CPU] * 3)
    assert all(isinstance(block.mlp, spreading._Summed) for block in find_parts(cut).blocks)
    ids = torch.arange(20)[None]
    torch.testing.assert_close(hidden_states(cut, ids).logits, hidden_states(model, ids).logits, atol=1e-5, rtol=1e-4)


def test_reading_and_steering_equal_the_plain_loop_on_the_whole_model():
    lm = tiny("llama")
    cut = in_pieces(lm, 2)
    generator = torch.Generator().manual_seed(2)
    rows = [torch.randint(5, len(lm.tokenizer), (size,), generator=generator).tolist() for size in (30, 11, 25, 18)]
    texts = [(ids, (place % 3, len(ids))) for place, ids in enumerate(rows)]
    assert packed.can_pack(cut, 30)
    np.testing.assert_allclose(activations.pool(cut, texts).means[:, 1:], plain.extraction(lm, texts), atol=1e-4)
    prepared = choices.prepare(cut, TEMPLATE, PREFILL, OPTIONS)
    vectors = torch.randn(2, lm.hidden_size, generator=generator) * 2
    baseline = choices.read_baseline(cut, prepared, LAYER)
    for role in ("first", "second", "first"):  # again: a pass leaves the pieces as they were
        found = choices.read_steered(cut, prepared, baseline, {LAYER: vectors}, role).differences
        for vector, table in zip(vectors, found, strict=True):
            wanted = plain.steering(lm, list(prepared.prompts.values()), prepared.tokens, LAYER, vector, role)
            np.testing.assert_allclose([table[key] for key in prepared.prompts], wanted, atol=1e-4)


def test_a_feed_forward_part_that_is_another_one_is_joined_and_not_added():
    """The names are those of a gated part, but the result is not linear in the inner width."""

    class Squashed(nn.Module):
        def __init__(self, usual):
            super().__init__()
            self.gate_proj, self.up_proj, self.down_proj = usual.gate_proj, usual.up_proj, usual.down_proj

        def forward(self, hidden):
            return torch.tanh(self.down_proj(torch.relu(self.gate_proj(hidden)) * self.up_proj(hidden)))

    model = copy.deepcopy(tiny("llama").model)
    parts = find_parts(model)
    for block in parts.blocks:
        block.mlp = Squashed(block.mlp)
    cut = copy.deepcopy(model)
    spread(cut, find_parts(cut), [CPU] * 2)
    assert any(isinstance(part, Squashed) for part in cut.modules())
    ids = torch.arange(5, 25)[None]
    torch.testing.assert_close(hidden_states(cut, ids).logits, hidden_states(model, ids).logits, atol=1e-5, rtol=1e-4)


def test_a_model_that_is_mostly_of_other_parts_is_refused():
    config = MixtralConfig(
        vocab_size=90, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config).eval()
    with pytest.raises(UserError, match=r"Mixtral.* can't be spread over 2 devices: only \d+% of its"):
        spread(model, find_parts(model), [CPU] * 2)


def test_a_tied_unembedding_stays_the_embedding(tmp_path):
    config = LlamaConfig(
        vocab_size=len(tiny().tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tiny().tokenizer.save_pretrained(tmp_path)
    lm = load_model(str(tmp_path), "cpu,cpu", "float32")
    assert lm.parts.head.weight is lm.model.get_input_embeddings().weight
    assert (lm.places, lm.beside, lm.device) == ("cpu, cpu", (CPU,), CPU)


def test_a_run_on_two_devices_gives_the_numbers_of_a_run_on_one(toy_run, tmp_path):
    whole_folder, whole = toy_run
    folder = tmp_path / "run"
    record = run_experiment(settings.toy(), folder, settings.Runtime(device="cpu,cpu", quiet=True, threads=1))
    assert (record["model"]["device"], whole["model"]["device"]) == ("cpu, cpu", "cpu")
    assert record["fingerprint"] == whole["fingerprint"], "where it runs is no setting"
    texts = [pl.read_parquet(one / "stories.parquet")["text"] for one in (folder, whole_folder)]
    assert texts[0].equals(texts[1])
    vectors = [load_file(one / "vectors.safetensors") for one in (folder, whole_folder)]
    for name, values in vectors[0].items():
        np.testing.assert_allclose(values, vectors[1][name], atol=1e-5, err_msg=name)
    steering = [pl.read_parquet(one / "steering.parquet") for one in (folder, whole_folder)]
    assert_frame_equal(steering[0], steering[1], check_exact=False, abs_tol=1e-4)


@pytest.mark.parametrize("devices", ["cpu,auto", "auto,auto", "cpu,mps", "cpu,nothing", "cpu,", ","])
def test_devices_that_don_t_go_together_are_refused(devices):
    with pytest.raises(UserError):
        choose_devices(devices)


@pytest.mark.parametrize(
    "devices, wanted", [("cuda:0,cuda:1", 2), ("cuda:1, cuda:0", 2), ("cuda,cuda:1", 0), ("cuda:0,cuda:0", 0), ("cuda:0,cuda:2", 0), ("cuda:2", 0), ("cuda", 1)]
)  # fmt: skip
def test_gpus_are_told_apart_by_their_numbers(devices, wanted, monkeypatch):
    monkeypatch.setattr(models.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(models.torch.cuda, "device_count", lambda: 2)
    if wanted:
        assert len(set(choose_devices(devices))) == wanted
    else:
        with pytest.raises(UserError, match=r"cuda:0,cuda:1|no GPU 2"):
            choose_devices(devices)
