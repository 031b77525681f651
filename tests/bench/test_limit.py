"""The count of operations against PyTorch's own counter, and the limits against arithmetic by hand."""

import pytest
import torch
from tiny import tiny
from torch.utils.flop_counter import FlopCounterMode

from emotion_vectors.bench import jobs, limit, samples
from emotion_vectors.bench.limit import Work
from emotion_vectors.lm import choices
from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime, toy
from emotion_vectors.stimuli import load_pack

KINDS = ["llama", "qwen3", "gemma3", "gpt_neox"]
SIZES = samples.Sizes(4, 4, 6, 3, 8, 2, 4, (2,))


@pytest.fixture(params=KINDS)
def lm(request):
    """A model whose attention is plain matrix products, which the counter sees."""
    lm = tiny.__wrapped__(request.param)
    lm.model.set_attn_implementation("eager")
    return lm


@pytest.fixture
def case(lm):
    return samples.Case(lm, load_pack(), toy(), Runtime(tokens_per_batch=4096), SIZES, Reporter(quiet=True))


def counted(call):
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def test_a_whole_pass_is_counted_as_pytorch_counts_it(lm):
    rows, length = 3, 40
    ids = torch.randint(5, 100, (rows, length))
    dense = Work(rows * length, rows * length**2, lm.n_layers, rows * length, rows * length)
    assert limit.operations(lm, dense) == pytest.approx(counted(lambda: lm.model(ids, use_cache=False)), rel=0.02)


def prepared_for(case):
    return jobs._prepared(case, case.sizes.steering, case.settings.partners)


def test_preferences_run_what_their_work_says(case):
    """The production path multiplies masked pairs too, and reads two rows of the head twice; nothing else is extra."""
    prepared = prepared_for(case)
    total = 0.0
    for tree in prepared.trees:
        prompts = len(tree.read)
        total += limit.operations(case.lm, Work(tree.size, tree.size**2, case.lm.n_layers, prompts, prompts))
    assert total == pytest.approx(counted(lambda: choices.read_baseline(case.lm, prepared)), rel=0.03)


def test_steering_runs_what_its_work_says(case):
    prepared = prepared_for(case)
    baseline = choices.read_baseline(case.lm, prepared, case.layer)
    vectors = jobs.steering_vectors(case, prepared)
    found = counted(lambda: jobs.steered(case, prepared, baseline, vectors))
    work, rows = jobs.steering_work(case, prepared)
    least = limit.operations(case.lm, work) * len(vectors)
    assert least < found, "the limit must not ask for more than is done"
    dense = 0.0
    for i, (tree, partners) in enumerate(zip(prepared.trees, prepared.partners, strict=True)):
        for name in ("activity_a", "activity_b"):
            shared = min(min(prepared.prompts[i, j].spans[name][0] for j in partners), tree.prefix)
            dense += (tree.size - shared) * tree.size
    head = case.lm.parts.head.weight.numel() * 2.0
    # The distribution without steering is computed once more for every tree and role.
    expected = limit.operations(case.lm, work._replace(pairs=dense)) * len(vectors) + head * work.head_tokens
    assert found == pytest.approx(expected, rel=0.03)
    # All vectors fit in one batch here.
    assert rows == pytest.approx(work.tokens / (2 * len(prepared.trees)) * len(vectors), rel=0.01)


def test_blocks_below_the_layer_cost_nothing(lm):
    one = limit.operations(lm, Work(100, 0, 1, 100, 0))
    assert limit.operations(lm, Work(100, 0, lm.n_layers, 100, 0)) == pytest.approx(one * lm.n_layers)
    assert limit.operations(lm, Work(100, 0, 0, 0, 7)) == 2 * 7 * lm.parts.head.weight.numel()


def test_a_text_sees_each_earlier_token_once():
    assert limit.causal_pairs(4) == 1 + 2 + 3 + 4


@pytest.mark.parametrize(("matrices", "binds"), [(1e15, "weight streaming"), (1e3, "matrix rate")])
def test_the_lower_limit_of_writing_binds(monkeypatch, matrices, binds):
    lm = tiny()
    monkeypatch.setattr(limit, "memory_rate", lambda device: 1e9)
    monkeypatch.setattr(limit, "matrix_rate", lambda lm, rows: matrices)
    found = limit.writing_limit(lm, 16, 50, 2)
    weights = sum(one.numel() for name, one in lm.model.named_parameters() if one.ndim == 2 and "embed" not in name)
    assert found.streaming == pytest.approx(16 * 1e9 / (2 * weights))
    assert found.matrices == pytest.approx(matrices / (2 * weights + 4 * 32 * 4 * 50))
    assert found.binds == binds and found.rate == min(found.streaming, found.matrices)


def test_rates_are_counted_from_the_matrices(monkeypatch):
    """With a clock that says one second for every round the rate is the number of operations."""
    lm, ticks = tiny(), iter(range(100))
    monkeypatch.setattr(limit.time, "perf_counter", lambda: next(ticks))
    per_block = limit.matrix_weights(lm.parts.blocks[0])
    assert limit.matrix_rate(lm, 10) == 2 * 10 * per_block * lm.n_layers
    assert limit.memory_rate(torch.device("cpu"), 1000) == 4000
