"""A model whose blocks are on several devices, or wait on the CPU or the disk, against the same model on one: the same numbers."""

import copy

import numpy as np
import polars as pl
import pytest
import torch
from accelerate import dispatch_model
from polars.testing import assert_frame_equal
from safetensors.numpy import load_file
from same import agrees
from small import CHOSEN, without_page
from tiny import ARCHITECTURES, tiny
from transformers import AutoModelForCausalLM, LlamaConfig

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.lm import devices
from emotion_vectors.lm.devices import choose_devices, computes_on, device_map, enough_gpus
from emotion_vectors.lm.model import LanguageModel, load_model
from emotion_vectors.pipeline import run_experiment
from lm.devices import TWO, saved, waiting


@pytest.fixture(autouse=True)
def one_cpu(monkeypatch):
    """accelerate compares devices by name and would move a weight from the CPU to the CPU, which torch takes for a copy."""
    monkeypatch.setattr("accelerate.utils.modeling.check_device_same", lambda one, other: one.type == other.type)


@pytest.mark.parametrize("kind", [*ARCHITECTURES, "mixtral"])
@pytest.mark.slow
def test_blocks_on_two_devices_give_the_numbers_of_one(kind, tmp_path):
    whole = load_model(saved(tmp_path, kind), "cpu", "float32")
    model = copy.deepcopy(whole.model)
    dispatch_model(model, device_map(model, TWO, block_bytes=4, other_bytes=0))
    lm = LanguageModel.of(model, whole.tokenizer)
    places = [str(computes_on(block)) for block in lm.parts.blocks]
    assert places == sorted(places) and set(places) == {"cpu:0", "cpu:1"}
    assert {str(computes_on(part)) for part in (lm.parts.norm, lm.parts.head)} == {"cpu:0"}
    agrees(lm, whole)


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt_neox"])
@pytest.mark.slow
def test_weights_that_are_brought_when_they_are_needed_give_the_same_numbers(kind, tmp_path, second_waits):
    folder = saved(tmp_path, kind)
    lm, whole = load_model(folder, "cpu:0,cpu:1", "float32"), load_model(folder, "cpu", "float32")
    before = waiting(lm)
    assert (lm.places, lm.sha256) == ("cpu:0, cpu:1", whole.sha256)
    assert before == sorted(before) and any(before), "the first ones are there, the others come"
    agrees(lm, whole)
    assert waiting(lm) == before


def test_automatic_devices_are_as_many_gpus_as_the_weights_need(monkeypatch):
    free = [40, 60, 50]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(devices, "free_memory", lambda gpu: free[gpu.index] * 10**9)
    numbers = {size: [gpu.index for gpu in enough_gpus(size * 10**9)] for size in (10, 60, 70, 110)}
    assert numbers == {10: [1], 60: [1], 70: [0, 1], 110: [0, 1, 2]}
    with pytest.raises(UserError, match=r"200 GB .*3 GPUs have room for 150 GB.*4bit.*cuda:0,cuda:1,cuda:2,cpu"):
        enough_gpus(200 * 10**9)


def test_a_tied_unembedding_stays_the_embedding(tmp_path, second_waits):
    config = LlamaConfig(
        vocab_size=len(tiny().tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tiny().tokenizer.save_pretrained(tmp_path)
    lm = load_model(str(tmp_path), "cpu:0,cpu:1", "float32")
    assert lm.parts.head.weight is lm.model.get_input_embeddings().weight
    assert (lm.beside, lm.device, lm.parts.head.weight.device.type) == (TWO[1:], TWO[0], "cpu")


@pytest.mark.slow
def test_a_run_on_two_devices_gives_the_numbers_of_a_run_on_one(small_run, tmp_path):
    whole_folder, whole = small_run
    folder = tmp_path / "run"
    with without_page():
        record = run_experiment(CHOSEN, folder, settings.Runtime(device="cpu:0,cpu:1", quiet=True, threads=1))
    assert (record["model"]["device"], whole["model"]["device"]) == ("cpu:0, cpu:1", "cpu")
    assert record["fingerprint"] == whole["fingerprint"], "where it runs is no setting"
    texts = [pl.read_parquet(one / "stories.parquet")["text"] for one in (folder, whole_folder)]
    assert texts[0].equals(texts[1])
    vectors = [load_file(one / "vectors.safetensors") for one in (folder, whole_folder)]
    for name, values in vectors[0].items():
        np.testing.assert_allclose(values, vectors[1][name], atol=1e-5, err_msg=name)
    steering = [pl.read_parquet(one / "steering.parquet") for one in (folder, whole_folder)]
    assert_frame_equal(steering[0], steering[1], check_exact=False, abs_tol=1e-4)


@pytest.mark.parametrize(
    "names", ["cpu,auto", "auto,auto", "cpu,mps", "cpu,nothing", "cpu,", ",", "cpu,cpu", "cpu:0,cpu:0"]
)
def test_devices_that_don_t_go_together_are_refused(names):
    with pytest.raises(UserError):
        choose_devices(names)


@pytest.mark.parametrize(
    "names, wanted", [("cuda:0,cuda:1", 2), ("cuda:1, cuda:0", 2), ("cuda:0,cuda:1,cpu", 3), ("cuda:0,cpu", 2), ("cuda,cuda:1", 0), ("cuda:0,cuda:0", 0), ("cuda:0,cuda:2", 0), ("cuda:2", 0), ("cuda", 1), ("cpu,cuda:0", 0)]
)  # fmt: skip
def test_gpus_are_told_apart_by_their_numbers(names, wanted, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if wanted:
        assert len(set(choose_devices(names))) == wanted
    else:
        with pytest.raises(UserError, match=r"cuda:0,cuda:1|no GPU 2"):
            choose_devices(names)
