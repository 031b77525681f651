"""What only a GPU shows: its own attention kernel, real lack of memory, and the same numbers as on the CPU."""

import copy
import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from accelerate import dispatch_model
from tiny import ARCHITECTURES, tiny

from emotion_vectors.bench import plain
from emotion_vectors.lm import choices, memory, packed
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.devices import computes_on, device_map, place_of
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.selfcheck import check_forward
from emotion_vectors.vectors import activations, passes

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "count the words", "swap riddles"]
TEMPLATE, PREFILL, LAYER = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "(", 1


def on_gpu(lm, dtype=torch.float32):
    """A copy of the model on the GPU."""
    device = torch.device("cuda", 0)
    model = copy.deepcopy(lm.model).to(device, dtype)
    return dataclasses.replace(lm, model=model, parts=find_parts(model), device=device, dtype=dtype)


def some_texts(lm, count=24):
    generator = torch.Generator().manual_seed(2)
    lengths = [11 + 7 * (place % 5) for place in range(count)]
    rows = [torch.randint(5, len(lm.tokenizer), (length,), generator=generator).tolist() for length in lengths]
    return [(ids, (place % 4, len(ids) - place % 3)) for place, ids in enumerate(rows)]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_pooled_means_equal_the_plain_loop_on_the_cpu(kind):
    lm = tiny(kind)
    texts = some_texts(lm)
    found = activations.pool(on_gpu(lm), texts, tokens_per_batch=200).means[:, 1:]
    np.testing.assert_allclose(found, plain.extraction(lm, texts), atol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "qwen3", "mistral"])
def test_half_precision_takes_the_variable_length_kernel(kind):
    lm = tiny(kind)
    gpu = on_gpu(lm, torch.bfloat16)
    assert packed._attention_for(gpu) is packed.variable_length
    texts = some_texts(lm)
    exact, found = plain.extraction(lm, texts), activations.pool(gpu, texts).means[:, 1:]
    away = np.linalg.norm(found - exact, axis=-1) / np.linalg.norm(exact, axis=-1)
    assert away.mean() < 0.02 and away.max() < 0.05
    rows = [ids for ids, _ in texts]
    with torch.inference_mode():
        together = packed.run(gpu, packed.pack(rows, gpu.device))[0].float().cpu()
    for row, (first, last) in zip(rows, pairwise(np.cumsum([0, *map(len, rows)])), strict=True):
        with torch.no_grad():
            alone = lm.model(torch.tensor([row]), output_hidden_states=True, use_cache=False).hidden_states[-1][0]
        assert ((together[first:last] - alone).norm(dim=-1) / alone.norm(dim=-1)).mean() < 0.03


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("role", ["first", "second"])
def test_steered_choices_equal_the_plain_loop_on_the_cpu(kind, role):
    lm = tiny(kind)
    gpu = on_gpu(lm)
    prepared = choices.prepare(gpu, TEMPLATE, PREFILL, OPTIONS)
    vectors = torch.randn(3, lm.hidden_size, generator=torch.Generator().manual_seed(0)) * 2
    baseline = choices.read_baseline(gpu, prepared, LAYER)
    found = choices.read_steered(gpu, prepared, baseline, {LAYER: vectors}, role).differences
    prompts = list(prepared.prompts.values())
    for vector, table in zip(vectors, found, strict=True):
        expected = plain.steering(lm, prompts, prepared.tokens, LAYER, vector, role)
        np.testing.assert_allclose([table[key] for key in prepared.prompts], expected, atol=1e-4)
    expected = plain.preferences(lm, prompts, prepared.tokens)
    np.testing.assert_allclose([baseline.differences[key] for key in prepared.prompts], expected, atol=1e-4)


def test_a_full_gpu_halves_the_batch_and_says_so():
    lm = on_gpu(tiny("llama"))
    texts = some_texts(lm, 4000)
    expected = activations.pool(lm, texts[:200]).means
    memory.release(lm.device)
    said = []
    room = passes.room_of(lm, 1 << 20, said.append)
    held = torch.cuda.memory_allocated(lm.device)
    total = torch.cuda.get_device_properties(lm.device).total_memory
    torch.cuda.set_per_process_memory_fraction((held + 400e6) / total, 0)
    try:
        found = activations.pool(lm, texts, room).means
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
    assert said and all("Out of memory while reading" in line for line in said)
    assert room.size < 1 << 20
    np.testing.assert_allclose(found[:200], expected, atol=1e-5)


def test_peak_memory_does_not_grow_with_the_texts():
    lm = on_gpu(tiny("llama"), torch.bfloat16)
    peaks = []
    for count in (1024, 1024, 8192):  # the first one also brings the libraries' own workspaces
        texts = some_texts(lm, count)
        memory.release(lm.device)
        torch.cuda.reset_peak_memory_stats(lm.device)
        for first in range(0, count, activations.STORIES_PER_SHARD):
            shard = texts[first : first + activations.STORIES_PER_SHARD]
            activations.pool_groups(lm, shard, [0] * len(shard), 1)
        peaks.append(torch.cuda.max_memory_allocated(lm.device))
    assert peaks[2] < 1.05 * peaks[1]


def check_spread(lm, whole):
    """Pooled means and steered choices of a model on several devices are those of the plain loop on the CPU."""
    texts = some_texts(whole)
    np.testing.assert_allclose(activations.pool(lm, texts).means[:, 1:], plain.extraction(whole, texts), atol=1e-4)
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    vectors = torch.randn(2, lm.hidden_size, generator=torch.Generator().manual_seed(0)) * 2
    found = choices.read_steered(lm, prepared, choices.read_baseline(lm, prepared, LAYER), {LAYER: vectors}, "first")
    for vector, table in zip(vectors, found.differences, strict=True):
        wanted = plain.steering(whole, list(prepared.prompts.values()), prepared.tokens, LAYER, vector, "first")
        np.testing.assert_allclose([table[key] for key in prepared.prompts], wanted, atol=1e-4)
    assert check_forward(lm) < 1e-3


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_blocks_that_wait_in_the_cpus_memory_give_the_numbers_of_one_device(kind):
    whole, gpu = tiny(kind), torch.device("cuda", 0)
    model = copy.deepcopy(whole.model)
    # As two GPUs, but the second one is the CPU's memory.
    places = device_map(model, (gpu, torch.device("cpu", 1)), 4, 0)
    places = {name: place if place == place_of(gpu) else "cpu" for name, place in places.items()}
    dispatch_model(model, places)
    parts = find_parts(model)
    assert {computes_on(block) for block in parts.blocks} == {gpu}
    assert {weight.device.type for weight in model.parameters()} == {"cuda", "meta"}
    check_spread(dataclasses.replace(whole, model=model, parts=parts, device=gpu), whole)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_blocks_on_two_gpus_give_the_numbers_of_one_device(kind):
    whole, gpus = tiny(kind), (torch.device("cuda", 0), torch.device("cuda", 1))
    model = copy.deepcopy(whole.model)
    dispatch_model(model, device_map(model, gpus, 4, 0))
    assert {weight.device for weight in model.parameters()} == set(gpus)
    check_spread(
        dataclasses.replace(whole, model=model, parts=find_parts(model), device=gpus[0], beside=gpus[1:]), whole
    )


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_a_model_is_loaded_over_two_gpus(tmp_path):
    tiny("qwen3").model.save_pretrained(tmp_path)
    tiny("qwen3").tokenizer.save_pretrained(tmp_path)
    lm = load_model(str(tmp_path), "cuda:0,cuda:1", "float32")
    assert {str(weight.device) for weight in lm.model.parameters()} == {"cuda:0", "cuda:1"}
    assert {str(weight.device) for weight in load_model(str(tmp_path), "auto").model.parameters()} <= {
        "cuda:0",
        "cuda:1",
    }
    assert check_forward(lm) < 1e-3
