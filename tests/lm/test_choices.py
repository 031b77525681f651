"""Choices from packed trees, plain and steered from a layer on, against one prompt at a time with a plain hook."""

from collections import Counter

import numpy as np
import pytest
import torch
from quick import quick
from tiny import ARCHITECTURES, hooks, tiny
from torch.utils._python_dispatch import TorchDispatchMode

from emotion_vectors.errors import UserError
from emotion_vectors.lm import choices, forward
from lm.choosing import OPTIONS

TEMPLATE, PREFILL = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "("


LAYER = 1


ASKED = np.array([[abs(i - j) in (1, 2, 5) for j in range(6)] for i in range(6)])


SPANS = {"first": ("activity_a",), "second": ("activity_b",), "both": ("activity_a", "activity_b")}


def slow_logits(lm, prompt, additions, positions):
    """Logits (v,) of one prompt, with vectors added by a hook of this test's own."""
    handles = []
    for layer, vector in additions.items():

        def hook(module, args, output, vector=vector):
            residual = (output[0] if isinstance(output, tuple) else output).clone()
            for position in positions:
                residual[0, position] += vector
            return (residual, *output[1:]) if isinstance(output, tuple) else residual

        handles.append(lm.parts.blocks[layer].register_forward_hook(hook))
    with torch.no_grad():
        logits = lm.model(torch.tensor([prompt.ids])).logits[0, -1].double()
    for handle in handles:
        handle.remove()
    return logits


def slow_difference(lm, prompt, tokens, additions=None, positions=()):
    """logit(A) - logit(B) of one prompt."""
    logits = slow_logits(lm, prompt, additions or {}, positions)
    return float(logits[tokens[0]] - logits[tokens[1]])


@pytest.fixture(params=[8, 2], ids=["whole", "rows"])
def branches(request, monkeypatch):
    """Each tree as one packed row, or its branches in rows that start from the prefix's keys and values."""
    monkeypatch.setattr(choices, "BRANCHES_PER_ROW", request.param)


KINDS = [(kind, True) for kind in ARCHITECTURES] + [("gpt_neox", False)]


@pytest.fixture(params=quick([("gemma2", True), ("gpt_neox", False)], KINDS), ids=str)
def asked(request, branches):
    lm = tiny(*request.param)
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    return lm, prepared, choices.read_baseline(lm, prepared, LAYER)


SLOW = {}  # the slow answers are the same for both ways to run a tree


def slowly_steered(lm, prepared, vectors, touch):
    """(vector, i, j) -> logit(A) - logit(B), one prompt at a time."""
    key = (lm.name, lm.is_chat, touch)
    if key not in SLOW:
        SLOW[key] = {
            (row, i, j): slow_difference(lm, prompt, prepared.tokens, {LAYER: vector}, touched(prompt, touch))
            for (i, j), prompt in prepared.prompts.items()
            for row, vector in enumerate(vectors)
        }
    return SLOW[key]


def touched(prompt, touch):
    if touch == "all":
        return range(len(prompt.ids))
    return [position for name in SPANS[touch] for position in range(*prompt.spans[name])]


def test_baseline_equals_one_prompt_at_a_time(asked):
    lm, prepared, baseline = asked
    for (i, j), prompt in prepared.prompts.items():
        assert baseline.differences[i, j] == pytest.approx(slow_difference(lm, prompt, prepared.tokens), abs=1e-4)
        with torch.no_grad():
            own = lm.model(torch.tensor([prompt.ids])).logits[0, -1, list(prepared.tokens)]
        np.testing.assert_allclose(baseline.logits[i, j], own, atol=1e-4)
    assert np.isnan(np.diag(baseline.differences)).all()


def test_mass_is_the_probability_of_both_answers(asked):
    lm, prepared, baseline = asked
    with torch.no_grad():
        logits = lm.model(torch.tensor([prepared.prompts[2, 4].ids])).logits[0, -1].double()
    expected = torch.softmax(logits, -1)[list(prepared.tokens)].sum()
    assert baseline.mass[2, 4] == pytest.approx(float(expected), rel=1e-4)


def test_rows_and_a_packed_tree_are_two_ways():
    """So that the tests of this file are tests of both."""
    prepared = choices.prepare(tiny(), TEMPLATE, PREFILL, OPTIONS)
    assert len(prepared.trees[0].pieces(0, 8)) == 1 and len(prepared.trees[0].pieces(0, 2)) == 2
    assert prepared.trees[0].pieces(0, 2)[1].tokens.shape[0] == 3


@pytest.mark.parametrize("touch", ["first", "second", "both", "all"])
def test_steering_equals_a_plain_hook_on_the_full_pass(asked, touch):
    lm, prepared, baseline = asked
    vectors = torch.randn(3, lm.hidden_size, generator=torch.Generator().manual_seed(0)) * 2
    found = choices.read_steered(lm, prepared, baseline, {LAYER: vectors}, touch, tokens_per_batch=200).differences
    moved = 0.0
    for (row, i, j), expected in slowly_steered(lm, prepared, vectors, touch).items():
        assert found[row, i, j] == pytest.approx(expected, abs=1e-4)
        moved = max(moved, abs(expected - baseline.differences[i, j]))
    assert moved > 0.01, "the vectors must matter for this test to mean anything"
    assert np.isnan(found[:, range(6), range(6)]).all()


def test_mass_entropy_and_divergence_are_those_of_the_whole_answer(asked):
    lm, prepared, baseline = asked
    vector = torch.randn(1, lm.hidden_size, generator=torch.Generator().manual_seed(2)) * 3
    found = choices.read_steered(lm, prepared, baseline, {LAYER: vector}, "first")
    prompt = prepared.prompts[1, 4]
    before, after = (
        torch.log_softmax(slow_logits(lm, prompt, additions, touched(prompt, "first")), -1)
        for additions in ({}, {LAYER: vector[0]})
    )
    q = after.exp()
    assert found.mass[0, 1, 4] == pytest.approx(float(q[list(prepared.tokens)].sum()), rel=1e-4)
    assert found.entropy[0, 1, 4] == pytest.approx(
        float(torch.distributions.Categorical(logits=after).entropy()), rel=1e-4
    )
    divergence = torch.nn.functional.kl_div(before, after, log_target=True, reduction="sum")
    assert found.divergence[0, 1, 4] == pytest.approx(float(divergence), rel=1e-3, abs=1e-6)
    assert found.divergence[0, 1, 4] > 1e-4
    none = choices.read_steered(lm, prepared, baseline, {LAYER: torch.zeros(1, lm.hidden_size)}, "first")
    assert np.nanmax(none.divergence) < 1e-5
    assert np.nanmax(np.abs(none.mass[0] - baseline.mass)) < 1e-5


def test_only_the_asked_pairs_are_asked(asked):
    lm, everything, baseline = asked
    few = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS, ASKED)
    kept = choices.read_baseline(lm, few, LAYER)
    np.testing.assert_array_equal(np.isfinite(kept.differences), ASKED)
    assert np.abs(kept.differences - baseline.differences)[ASKED].max() < 1e-4
    vector = {LAYER: torch.randn(1, lm.hidden_size, generator=torch.Generator().manual_seed(1))}
    some = choices.read_steered(lm, few, kept, vector, "second").differences[0]
    all_ = choices.read_steered(lm, everything, baseline, vector, "second").differences[0]
    np.testing.assert_array_equal(np.isfinite(some), ASKED)
    assert np.abs(some - all_)[ASKED].max() < 1e-4


def test_a_band_of_layers_equals_hooks_on_each(asked):
    lm, prepared, baseline = asked
    generator = torch.Generator().manual_seed(3)
    additions = {layer: torch.randn(2, lm.hidden_size, generator=generator) for layer in (1, 2, 3)}
    found = choices.read_steered(lm, prepared, baseline, additions, "first").differences
    prompt = prepared.prompts[0, 3]
    one = {layer: vectors[1] for layer, vectors in additions.items()}
    expected = slow_difference(lm, prompt, prepared.tokens, one, touched(prompt, "first"))
    assert found[1, 0, 3] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("layer", [0, 2, -1])
def test_any_layer_can_be_the_first(asked, layer):
    lm, prepared, _ = asked
    layer %= lm.n_layers
    vector = torch.randn(1, lm.hidden_size, generator=torch.Generator().manual_seed(5))
    baseline = choices.read_baseline(lm, prepared, layer)
    found = choices.read_steered(lm, prepared, baseline, {layer: vector}, "second").differences
    prompt = prepared.prompts[3, 2]
    expected = slow_difference(lm, prompt, prepared.tokens, {layer: vector[0]}, touched(prompt, "second"))
    assert found[0, 3, 2] == pytest.approx(expected, abs=1e-4)


def test_many_vectors_in_one_batch_equal_one_at_a_time(asked):
    lm, prepared, baseline = asked
    vectors = torch.randn(5, lm.hidden_size, generator=torch.Generator().manual_seed(4))
    together, alone = (
        choices.read_steered(lm, prepared, baseline, {LAYER: vectors}, "first", tokens_per_batch=size).differences
        for size in (100_000, 1)
    )
    assert np.nanmax(np.abs(together - alone)) < 1e-4
    assert np.nanmax(np.abs(together[0] - together[1])) > 1e-3, "each row must get its own vector"


def test_a_batch_that_does_not_fit_is_halved_and_said(monkeypatch):
    lm, said, sizes = tiny(), [], []
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    baseline = choices.read_baseline(lm, prepared, LAYER)
    vectors = {LAYER: torch.randn(8, lm.hidden_size, generator=torch.Generator().manual_seed(7))}
    whole = choices.read_steered(lm, prepared, baseline, vectors, "second")
    real = forward.run_with_mask

    def tight(lm, ids, *rest):
        sizes.append(len(ids))
        if len(ids) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(lm, ids, *rest)

    monkeypatch.setattr(forward, "run_with_mask", tight)
    found = choices.read_steered(lm, prepared, baseline, vectors, "second", say=said.append)
    assert np.nanmax(np.abs(found.logits - whole.logits)) < 1e-4
    assert 1 <= len(said) <= 3 and all("steering" in line for line in said)
    assert sum(size > 3 for size in sizes) == len(said), "the smaller size stays"
    monkeypatch.setattr(forward, "run_with_mask", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("no")))
    with pytest.raises(UserError, match="not enough memory"):
        choices.read_steered(lm, prepared, baseline, vectors, "second")


def test_no_batch_waits_for_the_device(branches):
    """Reading a tensor's value on the CPU stops a GPU's queue; indices that depend on values do as well."""
    lm = tiny()
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    baseline = choices.read_baseline(lm, prepared, LAYER)
    vectors = {LAYER: torch.randn(3, lm.hidden_size)}
    with Calls() as calls:
        choices.read_steered(lm, prepared, baseline, vectors, "both", tokens_per_batch=1)
    assert calls.seen["aten::mm"] + calls.seen["aten::addmm"] > 0
    waits = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal", "aten::is_nonzero"}
    assert not waits & set(calls.seen)


class Calls(TorchDispatchMode):
    """Counts the operators that are called."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen[func.name().split(".")[0]] += 1
        return func(*args, **(kwargs or {}))


def test_nothing_stays_hooked_or_replaced(asked):
    lm, prepared, baseline = asked
    before = slow_difference(lm, prepared.prompts[0, 1], prepared.tokens)
    bad = torch.randn(1, lm.hidden_size + 1)
    with pytest.raises(RuntimeError):
        choices.read_steered(lm, prepared, baseline, {LAYER: bad}, "both")
    assert slow_difference(lm, prepared.prompts[0, 1], prepared.tokens) == before
    assert all("forward" not in block.__dict__ for block in lm.parts.blocks) and not any(hooks(lm.model))


def test_every_span_decodes_to_its_activity(asked):
    lm, prepared, _ = asked
    for (i, j), prompt in prepared.prompts.items():
        for name, option in (("activity_a", i), ("activity_b", j)):
            first, last = prompt.spans[name]
            assert lm.tokenizer.decode(prompt.ids[first:last]).strip() == OPTIONS[option]


def test_a_prompt_longer_than_the_attention_window_is_refused():
    lm = tiny("mistral")
    with pytest.raises(UserError, match="window"):
        choices.prepare(lm, "word " * 300 + TEMPLATE, PREFILL, OPTIONS[:2])
