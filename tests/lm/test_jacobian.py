"""The Jacobian against PyTorch's own, entry by entry and token pair by token pair, and against finite differences in double precision."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from families import BY_NAME, FAMILIES, built
from quick import quick
from tiny import hooks, tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm import jacobian
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.model import LanguageModel
from lm.fitted import fitted

IDS = torch.randint(2, 500, (31,), generator=torch.Generator().manual_seed(3)).tolist()


def first_of(output):
    return output[0] if isinstance(output, tuple) else output


def outputs(model, blocks, ids, layer, change):
    """The last block's output (t, d) where `change` is applied to that of `layer` (1, t, d); plain hooks on a plain model."""
    kept = {}

    def replace(_, __, output):
        changed = change(first_of(output))
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    handles = [
        blocks[layer].register_forward_hook(replace),
        blocks[-1].register_forward_hook(lambda _, __, output: kept.update(last=first_of(output))),
    ]
    model(torch.tensor([ids]), use_cache=False)
    for handle in handles:
        handle.remove()
    return kept["last"][0]


def plain(model, blocks, ids, layer):
    """J by its definition: the derivative of every later token by every token, the first 16 and the last one left out."""
    ids, found = ids[:128], []
    before, valid = outputs_at(model, blocks, ids, layer), range(16, len(ids) - 1)
    whole = torch.autograd.functional.jacobian(
        lambda residual: outputs(model, blocks, ids, layer, lambda _: residual[None])[list(valid)], before
    )  # (t', i, t, j)
    for t in valid:
        later = [whole[after - valid[0], :, t] for after in valid if after >= t]
        found.append(torch.stack(later).sum(dim=0))
    return torch.stack(found).mean(dim=0).numpy()


def outputs_at(model, blocks, ids, layer):
    kept = []
    handle = blocks[layer].register_forward_hook(lambda _, __, output: kept.append(first_of(output)[0].detach()))
    model(torch.tensor([ids]), use_cache=False)
    handle.remove()
    return kept[0].clone()


def by_differences(lm, layer, ids, direction, step=2e-3):
    """J times a direction: push all tokens that count along it, both ways, in double precision (but for norms, which stay float32)."""
    model = copy.deepcopy(lm.model).double()
    blocks, valid = find_parts(model).blocks, slice(16, len(ids) - 1)
    push = torch.zeros(len(ids), lm.hidden_size, dtype=torch.float64)
    push[valid] = torch.from_numpy(direction) * step
    with torch.no_grad():
        ends = [outputs(model, blocks, ids, layer, lambda x, sign=sign: x + sign * push) for sign in (1, -1)]
    count = len(ids) - 17
    return ((ends[0] - ends[1])[valid].sum(dim=0) / (2 * step) / count).numpy()


@pytest.mark.parametrize("kind", quick(["llama"], ["llama", "gemma2", "qwen3", "gpt_neox"]))
@pytest.mark.parametrize("layer", [0, 2])
def test_every_entry_is_that_of_plain_autograd(kind, layer):
    lm = tiny(kind)
    before = hooks(lm.model)
    found = fitted(lm, layer)
    expected = plain(lm.model, lm.parts.blocks, IDS, layer)
    assert found.shape == (32, 32) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert hooks(lm.model) == before


def test_at_the_last_layer_it_is_the_identity():
    np.testing.assert_array_equal(fitted(tiny(), 3), np.eye(32))


def test_a_text_ends_at_128_tokens_and_its_last_token_says_nothing():
    lm, long = tiny(), torch.randint(2, 500, (140,), generator=torch.Generator().manual_seed(4)).tolist()
    found = fitted(lm, 2, long)
    np.testing.assert_array_equal(found, fitted(lm, 2, [*long[:127], 7, 8, 9]))
    assert np.abs(found - fitted(lm, 2, long[:100])).max() > 1e-4


def family(name):
    model, tokenizer = built(BY_NAME[name])
    device = torch.device("cpu")
    return LanguageModel(
        model, tokenizer, find_parts(model), name, "test", "0", None, device, torch.float32, is_chat=True
    )


@pytest.mark.parametrize("name", ["Llama 2, 3", "Gemma 4 E2B, E4B (text)", "Qwen 3.5 (text)", "BLOOM"])
def test_finite_differences_say_the_same(name):
    lm = family(name)
    direction = np.random.default_rng(0).standard_normal(32)
    expected = by_differences(lm, 1, IDS, direction)
    np.testing.assert_allclose(fitted(lm, 1) @ direction, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", [one.name for one in FAMILIES if one.how != "refused"])
def test_every_family_gives_the_derivatives_of_plain_autograd(name):
    lm, ids = family(name), IDS[:20]
    jacobian.check_differentiable(lm, 1)
    expected = plain(lm.model, lm.parts.blocks, ids, 1)
    np.testing.assert_allclose(fitted(lm, 1, ids), expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_half_precision_weights_give_what_the_same_weights_give_in_float32():
    lm = tiny.__wrapped__("llama")
    half = dataclasses.replace(lm, model=lm.model.to(torch.bfloat16), dtype=torch.bfloat16)
    model = copy.deepcopy(half.model).float()
    expected = plain(model, find_parts(model).blocks, IDS, 1)
    np.testing.assert_allclose(fitted(half, 1), expected, atol=1e-5 * np.abs(expected).max())
    assert {one.dtype for one in half.model.parameters()} == {torch.bfloat16}


def test_batches_of_any_size_and_a_full_memory_change_nothing(monkeypatch):
    lm, said = tiny(), []
    expected, plain_graph = fitted(lm, 1), jacobian._graph
    for size in (1, 30 * 5, 30 * 32):
        np.testing.assert_allclose(fitted(lm, 1, size=size), expected, atol=1e-5)

    def full(lm, ids, layer, copies):
        if copies > 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return plain_graph(lm, ids, layer, copies)

    monkeypatch.setattr(jacobian, "_graph", full)
    np.testing.assert_allclose(fitted(lm, 1, size=960, say=said.append), expected, atol=1e-5)
    assert said and "Out of memory" in said[0]


def test_progress_comes_to_all_tokens():
    seen = []
    jacobian.jacobian_of(tiny(), IDS, 1, Room(90, "tokens", "reading", torch.device("cpu")), seen.append)
    assert sum(seen) == pytest.approx(30) and len(seen) == 11


def test_it_works_inside_inference_mode():
    lm = tiny()
    expected = fitted(lm, 1)
    with torch.inference_mode():
        np.testing.assert_array_equal(fitted(lm, 1), expected)


def test_models_without_derivatives_are_refused_in_a_sentence(monkeypatch):
    lm = tiny.__wrapped__("llama")
    jacobian.check_differentiable(lm, 1)
    whole = lm.parts.blocks[3].forward
    lm.parts.blocks[3].forward = torch.no_grad()(whole)
    with pytest.raises(UserError, match="gives no derivatives"):
        jacobian.check_differentiable(lm, 1)
    lm.parts.blocks[3].forward = whole
    half = dataclasses.replace(lm, model=lm.model.to(torch.bfloat16), dtype=torch.bfloat16)
    half.parts.blocks[2].mlp.register_buffer("packed", torch.zeros(3, dtype=torch.int8))
    with pytest.raises(UserError, match="the weights are quantised; leave out jacobian_texts"):
        jacobian.check_differentiable(half, 1)
