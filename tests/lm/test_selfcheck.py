"""The check at load passes what we support and refuses what computes otherwise."""

import dataclasses

import pytest
import torch
from tiny import ARCHITECTURES, tiny
from transformers import AutoModelForCausalLM, CohereConfig, GraniteConfig

from emotion_vectors.errors import UserError
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.selfcheck import check_forward


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_supported_architectures_agree_with_themselves(kind):
    assert check_forward(tiny(kind)) < 1e-3


OTHERS = {
    "scaled logits": CohereConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, vocab_size=1500),
    "divided logits": GraniteConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=4, vocab_size=1500, logits_scaling=8.0
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_computes_otherwise_is_refused_in_one_sentence(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(OTHERS[name]).float().eval()
    with pytest.raises(UserError) as caught:
        check_forward(dataclasses.replace(tiny(), model=model, parts=find_parts(model)))
    assert "\n" not in str(caught.value)


def test_a_broken_start_is_noticed(monkeypatch):
    from emotion_vectors.lm import forward

    monkeypatch.setattr(forward, "_stand_in", lambda residual: lambda hidden_states, *_, **__: hidden_states)
    with pytest.raises(UserError, match="differs from its own"):
        check_forward(tiny())
