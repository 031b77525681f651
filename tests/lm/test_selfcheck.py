"""The check at load passes what we support and refuses what computes otherwise."""

import copy
import dataclasses

import pytest
import torch
from tiny import ARCHITECTURES, tiny
from transformers import AutoModelForCausalLM, CohereConfig, GraniteConfig

from emotion_vectors.errors import UserError
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.model import LanguageModel
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


def norms_in_float32(model):
    model.to(torch.bfloat16)
    for part in model.modules():
        if "Norm" in type(part).__name__:
            part.float()


MIXED = {
    "some blocks": lambda model: model.model.layers[:2].to(torch.bfloat16),
    "norms": norms_in_float32,
    "the unembedding": lambda model: model.to(torch.bfloat16).lm_head.float(),
    "one part": lambda model: model.model.layers[1].mlp.half(),
}


@pytest.mark.parametrize("what", MIXED)
def test_weights_in_several_precisions_are_called_that_and_not_quantised(what):
    """transformers can't run these either; brought to one precision as the sentence says, they are read."""
    model = copy.deepcopy(tiny().model)
    MIXED[what](model)
    with pytest.raises(RuntimeError, match="dtype"):
        model(torch.tensor([[5, 6, 7]]))
    with pytest.raises(
        UserError, match=r"LlamaForCausalLM are in several precisions .* bring them to one: model\.to\(torch\."
    ) as told:
        LanguageModel.of(model, tiny().tokenizer)
    assert "quantised" not in str(told.value)
    model.to(getattr(torch, str(told.value).rpartition("torch.")[2].rstrip(").")))
    LanguageModel.of(model, tiny().tokenizer)


def test_weights_of_eight_bits_are_called_quantised():
    model = copy.deepcopy(tiny().model).to(torch.bfloat16)
    for weight in model.model.layers[0].mlp.parameters():
        weight.data = weight.data.to(torch.float8_e4m3fn)
    with pytest.raises(UserError, match="The quantised weights of LlamaForCausalLM"):
        LanguageModel.of(model, tiny().tokenizer)


def test_a_broken_start_is_noticed(monkeypatch):
    from emotion_vectors.lm import forward

    monkeypatch.setattr(forward, "_stand_in", lambda residual: lambda hidden_states, *_, **__: hidden_states)
    with pytest.raises(UserError, match="differs from its own"):
        check_forward(tiny())
