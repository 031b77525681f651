"""Passes in float32 of a model in half precision, against the whole model in float32 by transformers alone."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from tiny import ARCHITECTURES, hooks, tiny
from torch import nn
from transformers import AutoModelForCausalLM, GPT2Config, MixtralConfig, OPTConfig

from emotion_vectors.lm import forward, packed, readout
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.float32 import in_float32, precision, why_not
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.vectors import activations

# Learned positions as an embedding of its own, one whose table has other rows than it is called with, and experts in one tensor.
MORE = {
    "gpt2": GPT2Config(n_embd=32, n_layer=4, n_head=4),
    "opt": OPTConfig(hidden_size=32, ffn_dim=48, num_hidden_layers=4, num_attention_heads=4, word_embed_proj_dim=32),
    "mixtral": MixtralConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, num_local_experts=4
    ),
}  # fmt: skip


def in_half(kind: str, dtype: torch.dtype = torch.bfloat16) -> LanguageModel:
    """A tiny random model whose weights are in half precision."""
    if kind not in MORE:
        lm = tiny.__wrapped__(kind)
        return dataclasses.replace(lm, model=lm.model.to(dtype), dtype=dtype)
    lm, config = tiny(), copy.deepcopy(MORE[kind])
    config.vocab_size = len(lm.tokenizer)
    config.pad_token_id = config.bos_token_id = config.eos_token_id = lm.tokenizer.eos_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        for parameter in model.parameters():
            parameter.data.add_(torch.randn_like(parameter) * 0.15)
    model.requires_grad_(False)
    model.to(dtype)
    return dataclasses.replace(lm, model=model, parts=find_parts(model), dtype=dtype, name=f"tiny-{kind}")


def texts(lm, count=9):
    generator = np.random.default_rng(0)
    rows = [
        generator.integers(5, len(lm.tokenizer), int(length)).tolist() for length in generator.integers(4, 40, count)
    ]
    return [(ids, (1, len(ids))) for ids in rows]


def by_transformers(model, rows):
    """(texts, n + 1, d): means over each text's range, one text at a time, from the model's own hidden states.

    The last of these is after the final norm, so what enters the norm is taken instead.
    """
    found, entered = [], []
    body = find_parts(model)
    handle = body.norm.register_forward_pre_hook(lambda _, args: entered.append(args[0]))
    for ids, (first, last) in rows:
        with torch.no_grad():
            states = list(model(torch.tensor([ids]), output_hidden_states=True, use_cache=False).hidden_states)
        states[-1] = entered[-1].reshape(1, len(ids), -1)
        found.append(torch.stack([state[0, first:last].float().mean(dim=0) for state in states]))
    handle.remove()
    return torch.stack(found).numpy()


def furthest(ours, theirs):
    """Largest difference of two residuals, as a share of the length of the second."""
    return float((np.linalg.norm(ours - theirs, axis=-1) / np.linalg.norm(theirs, axis=-1)).max())


def tensors(model):
    return {name: one for name, one in [*model.named_parameters(), *model.named_buffers()]}


def snapshot(model):
    """What tells that a tensor is the very same: the object, where its numbers lie, and their bits."""
    return {name: (id(one), one.data_ptr(), one.dtype, one.clone()) for name, one in tensors(model).items()}


def assert_untouched(model, before):
    after = snapshot(model)
    assert after.keys() == before.keys()
    for name, (*same, numbers) in before.items():
        assert list(after[name][:3]) == same, name
        assert torch.equal(after[name][3], numbers), name


@pytest.mark.parametrize("kind", [*ARCHITECTURES, *MORE])
def test_passes_equal_those_of_the_whole_model_in_float32(kind):
    lm = in_half(kind)
    rows, before, hooked = texts(lm), snapshot(lm.model), hooks(lm.model)
    wanted = by_transformers(copy.deepcopy(lm.model).float(), rows)
    for layout in ("right", "left", None):
        with in_float32(lm) as exact:
            found = activations.pool(exact, rows, 100, layout=layout).means
        assert furthest(found, wanted) < 1e-5
    assert_untouched(lm.model, before)
    assert hooks(lm.model) == hooked
    # In the model's own precision they are further off than any of that: the test could tell.
    assert furthest(activations.pool(lm, rows, 100).means, wanted) > 1e-3


def test_float16_too_and_the_logits():
    lm = in_half("llama", torch.float16)
    ids = torch.tensor([texts(lm)[0][0]])
    with torch.no_grad():
        wanted = copy.deepcopy(lm.model).float()(ids).logits
        with in_float32(lm) as exact:
            assert torch.allclose(exact.model(ids).logits, wanted, atol=1e-5)
            hidden = forward.run(exact, forward.pad(ids.tolist(), lm.device))
            assert torch.allclose(
                readout.log_probabilities(exact, hidden), torch.log_softmax(wanted, dim=-1), atol=1e-5
            )


def test_a_model_with_tied_embeddings_stays_tied():
    lm = tiny.__wrapped__("llama")
    lm.model.config.tie_word_embeddings = True
    lm.model.lm_head.weight = lm.model.model.embed_tokens.weight
    lm.model.to(torch.bfloat16)
    lm = dataclasses.replace(lm, dtype=torch.bfloat16)
    assert lm.model.lm_head.weight is lm.model.model.embed_tokens.weight
    ids = torch.tensor([texts(lm)[0][0]])
    with torch.no_grad(), in_float32(lm) as exact:
        found = exact.model(ids).logits
    assert lm.model.lm_head.weight is lm.model.model.embed_tokens.weight
    with torch.no_grad():
        assert torch.allclose(found, copy.deepcopy(lm.model).float()(ids).logits, atol=1e-5)


def test_one_block_at_a_time_is_in_float32():
    lm = in_half("llama")
    raised = []

    def count(*_):
        raised.append([any(one.dtype == torch.float32 for one in block.parameters()) for block in lm.parts.blocks])

    handles = [block.self_attn.register_forward_hook(count) for block in lm.parts.blocks]
    with in_float32(lm) as exact:
        activations.pool(exact, texts(lm, 1), layout="right")
    for handle in handles:
        handle.remove()
    assert raised == np.eye(4, dtype=bool).tolist()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["attention", "embedding", "watch"])
def test_an_error_in_a_pass_leaves_the_very_same_tensors(error, where):
    lm = in_half("gemma3")
    before, hooked = snapshot(lm.model), hooks(lm.model)

    def fail(*_):
        raise error("planted")

    target = {"attention": lm.parts.blocks[2].self_attn, "embedding": lm.model.get_input_embeddings()}.get(where)
    handle = target.register_forward_hook(fail) if target is not None else None
    layers = [1] if where == "watch" else []
    with (
        pytest.raises(error, match="planted"),
        in_float32(lm) as exact,
        forward.watch_blocks(exact, layers, fail),
    ):
        forward.run(exact, forward.pad([[5, 6, 7]], lm.device))
    if handle is not None:
        handle.remove()
    assert_untouched(lm.model, before)
    assert hooks(lm.model) == hooked


def test_after_an_error_the_next_pass_of_the_same_block_is_right():
    lm = in_half("llama")
    rows, tries = texts(lm, 3), []

    def fail_once(*_):
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("out of memory")  # what `Room` takes for a batch that was too large

    handle = lm.parts.blocks[1].self_attn.register_forward_hook(fail_once)
    before = snapshot(lm.model)
    with in_float32(lm) as exact:
        found = activations.pool(exact, rows, 200, layout="right").means
        assert_untouched(lm.model, before)
    handle.remove()
    assert len(tries) > 1
    assert furthest(found, by_transformers(copy.deepcopy(lm.model).float(), rows)) < 1e-5


@pytest.mark.parametrize("kind", ["llama", "gemma3", "gpt_neox"])
def test_a_pass_may_start_from_a_residual_and_take_a_mask(kind):
    lm = in_half(kind)
    row = texts(lm)[0][0]
    ids, positions = torch.tensor([row]), torch.arange(len(row))[None]
    allowed = torch.ones(len(row), len(row), dtype=torch.bool).tril()
    with torch.no_grad():
        whole = copy.deepcopy(lm.model).float()
        wanted = find_parts(whole).body(input_ids=ids, use_cache=False).last_hidden_state
        kept = {}
        with in_float32(lm) as exact:
            with forward.watch_blocks(exact, [1], lambda _, residual: kept.update(at=residual)):
                first = forward.run_with_mask(exact, ids, positions, allowed)
            with forward.start_after(exact, 1, kept["at"]):
                started = forward.run_with_mask(exact, ids, positions, allowed)
            with forward.start_after(exact, 1, kept["at"].to(lm.dtype)):
                rounded = forward.run_with_mask(exact, ids, positions, allowed)
    assert kept["at"].dtype == started.dtype == rounded.dtype == torch.float32
    assert torch.allclose(first, wanted, atol=1e-5) and torch.allclose(started, wanted, atol=1e-5)
    assert not torch.allclose(rounded, wanted, atol=1e-5) and torch.allclose(rounded, wanted, atol=0.2)


def test_packing_is_tried_for_each_precision():
    lm = in_half("llama")
    packed._chosen.clear()
    assert packed.can_pack(lm, 30)
    with in_float32(lm) as exact:
        assert packed.can_pack(exact, 30)
    assert set(packed._chosen[lm.model]) == {torch.bfloat16, torch.float32}
    packed._chosen.clear()


def test_a_model_in_float32_is_left_alone():
    lm = tiny("llama")
    before, hooked = snapshot(lm.model), hooks(lm.model)
    rows = texts(lm)
    wanted = activations.pool(lm, rows, 100).means
    with in_float32(lm) as exact:
        assert exact is lm and hooks(lm.model) == hooked
        assert np.array_equal(activations.pool(exact, rows, 100).means, wanted)
    assert precision(lm) == torch.float32 and why_not(lm) == ""
    assert_untouched(lm.model, before)


class FourBits(nn.Parameter):
    """A weight of a class of its own, as quantising libraries have them."""


def a_quantised_class(lm):
    lm.parts.blocks[0].mlp.up_proj.weight = FourBits(lm.parts.blocks[0].mlp.up_proj.weight.data, requires_grad=False)


def eight_bits(lm):
    data = lm.parts.blocks[0].mlp.up_proj.weight.data.to(torch.float8_e4m3fn)
    lm.parts.blocks[0].mlp.up_proj.weight = nn.Parameter(data, requires_grad=False)


def packed_integers(lm):
    lm.parts.blocks[0].mlp.register_buffer("qweight", torch.zeros(4, 4, dtype=torch.int32))


def offloaded(lm):
    lm.parts.blocks[3].to("meta")


@pytest.mark.parametrize("change", [a_quantised_class, eight_bits, packed_integers, offloaded])
def test_quantised_and_offloaded_weights_are_left_as_they_are(change):
    lm = in_half("llama")
    change(lm)
    hooked = hooks(lm.model)
    assert ("off the device" if change is offloaded else "quantised") in why_not(lm)
    assert precision(lm) == torch.bfloat16
    with in_float32(lm) as same:
        assert same is lm and hooks(lm.model) == hooked
