"""Packed texts against each text alone by the model's own forward, and what makes a model read padded batches instead."""

import dataclasses
from itertools import pairwise

import pytest
import torch
from tiny import ARCHITECTURES, tiny
from torch.nn.attention import varlen

from emotion_vectors.lm import packed

PACKING = [kind for kind in ARCHITECTURES if kind != "gemma2"]


@pytest.fixture(autouse=True)
def _untried():
    packed._chosen.clear()
    yield
    packed._chosen.clear()


def rows(lm, lengths=(9, 1, 30, 17, 2)):
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(5, len(lm.tokenizer), (length,), generator=generator).tolist() for length in lengths]


def alone(lm, row):
    """Final-norm residuals (t, d): the model's own last hidden state."""
    with torch.no_grad():
        return lm.model(torch.tensor([row]), output_hidden_states=True, use_cache=False).hidden_states[-1][0]


def assert_equals_alone(lm):
    texts = rows(lm)
    before = lm.model.config._attn_implementation
    with torch.inference_mode():
        together = packed.run(lm, packed.pack(texts, lm.device))[0]
    torch.testing.assert_close(together, torch.cat([alone(lm, row) for row in texts]), atol=1e-4, rtol=1e-4)
    assert lm.model.config._attn_implementation == before, "the model is left as it was"


@pytest.mark.parametrize("kind", PACKING)
def test_packed_texts_are_read_as_alone(kind):
    lm = tiny(kind)
    assert packed.can_pack(lm, 30)
    assert_equals_alone(lm)


def alike(lm):
    """Texts with common beginnings: two with most of it, one that is another's beginning, one twice, and one of its own."""
    one, other, own = rows(lm, (20, 12, 9))
    return [one, one[:13] + other, own, one[:6], one, one[:13] + own]


@pytest.mark.parametrize("kind", PACKING)
def test_texts_that_share_their_beginning_are_read_as_alone(kind):
    lm = tiny(kind)
    texts = alike(lm)
    row = packed.pack(texts, lm.device, share=True)
    assert row.ids.shape[1] == 20 + 12 + 9 + 0 + 0 + 9, "each beginning is in the row once"
    with torch.inference_mode():
        together = packed.run(lm, row)[0][row.shared.spread]
    torch.testing.assert_close(together, torch.cat([alone(lm, text) for text in texts]), atol=1e-4, rtol=1e-4)


def test_the_same_token_after_another_beginning_is_another_token():
    row = packed.pack([[7, 8, 9], [6, 8, 9], [7, 9]], torch.device("cpu"), share=True)
    assert row.ids[0].tolist() == [7, 8, 9, 6, 8, 9, 9] and row.positions[0].tolist() == [0, 1, 2, 0, 1, 2, 1]
    assert row.shared.spread.tolist() == [0, 1, 2, 3, 4, 5, 0, 6] and row.shared.first.tolist() == [0, 1, 2, 3, 4, 5, 7]


def test_attention_with_a_soft_cap_is_not_packed():
    assert not packed.can_pack(tiny("gemma2"), 30)
    with pytest.raises(ValueError, match="can't read packed"):
        packed.run(tiny("gemma2"), packed.pack([[5, 6]], torch.device("cpu")))


def test_texts_longer_than_a_sliding_window_are_not_packed():
    lm = tiny("mistral")
    assert packed.can_pack(lm, 512) and not packed.can_pack(lm, 513)
    assert packed.can_pack(tiny("llama"), 100_000)


def test_an_unknown_kind_of_attention_layer_is_not_packed():
    lm = tiny.__wrapped__("qwen3")
    lm.model.config.layer_types = ["full_attention", "chunked_attention"] * 2
    assert not packed.can_pack(lm, 30)


class Mixing(torch.nn.Module):
    """A linear map that looks at the token before: what some architectures do beside attention."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, hidden):
        return self.inner(hidden + hidden.roll(1, dims=1))


def test_a_model_that_mixes_tokens_elsewhere_is_found_out():
    lm = tiny.__wrapped__("llama")
    assert packed.can_pack(lm, 30)
    lm.parts.blocks[2].mlp.up_proj = Mixing(lm.parts.blocks[2].mlp.up_proj)
    packed._chosen.clear()
    assert not packed.can_pack(lm, 30)


def test_a_model_that_does_not_call_the_attention_it_is_given_is_found_out(monkeypatch):
    lm = tiny.__wrapped__("llama")
    for block in lm.parts.blocks:
        own = block.self_attn.config = type(lm.model.config)(**lm.model.config.to_dict())
        own._attn_implementation = "sdpa"
    assert not packed.can_pack(lm, 30)


@pytest.mark.parametrize("wrong", [TypeError("no such option"), RuntimeError("no kernel"), NotImplementedError()])
def test_a_kernel_that_fails_or_lies_is_passed_over(monkeypatch, wrong):
    lm = tiny("llama")

    def fails(*_):
        raise wrong

    def sees_everything(module, query, key, value, texts, scale):
        return packed.text_by_text(module, query, key, value, texts._replace(borders=[0, texts.borders[-1]]), scale)

    monkeypatch.setattr(packed, "_ways", lambda lm: [fails, sees_everything, packed.text_by_text])
    assert packed._attention_for(lm) is packed.text_by_text
    assert lm.model.config._attn_implementation == "sdpa"


def slow_varlen(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, scale, window_size, enable_gqa=False):
    """What PyTorch documents of `varlen_attn`, by plain matrix products: tokens (t, heads, head size)."""
    assert window_size == (-1, 0) and cu_seq_q.dtype == torch.int32 and torch.equal(cu_seq_q, cu_seq_k)
    assert max_q == max_k == int(cu_seq_q.diff().max())
    assert enable_gqa or query.shape[1] == key.shape[1]
    found = torch.empty_like(query)
    for a, b in pairwise(cu_seq_q.tolist()):
        for head in range(query.shape[1]):
            shared = head * key.shape[1] // query.shape[1]
            scores = query[a:b, head] @ key[a:b, shared].T * scale
            scores = scores.masked_fill(~torch.ones(b - a, b - a, dtype=torch.bool).tril(), -torch.inf)
            found[a:b, head] = scores.softmax(-1) @ value[a:b, shared]
    return found


def older_varlen(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, scale, window_size):
    """PyTorch 2.11 has no word for shared keys."""
    return slow_varlen(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, scale=scale, window_size=window_size)


@pytest.mark.parametrize("varlen_attn", [slow_varlen, older_varlen])
@pytest.mark.parametrize("kind", PACKING)
def test_variable_length_attention_is_called_as_documented(monkeypatch, kind, varlen_attn):
    lm = tiny(kind)
    monkeypatch.setattr(varlen, "varlen_attn", varlen_attn)
    monkeypatch.setattr(packed, "_ways", lambda lm: [packed.variable_length])
    assert packed._attention_for(lm) is packed.variable_length
    assert_equals_alone(lm)


@pytest.mark.parametrize(
    ("device", "dtype", "first"),
    [("cuda", torch.bfloat16, "variable_length"), ("cuda", torch.float32, "text_by_text"), ("cpu", torch.bfloat16, "text_by_text"),
     ("mps", torch.float16, "text_by_text")],
)  # fmt: skip
def test_the_way_that_is_tried_first_follows_device_and_type(device, dtype, first):
    lm = dataclasses.replace(tiny("llama"), device=torch.device(device), dtype=dtype)
    ways = packed._ways(lm)
    assert ways[0].__name__ == first and ways[-1] is packed.text_by_text
