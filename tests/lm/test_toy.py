"""The toy model is the same on every call and leaves the random numbers of others as they are."""

import torch

from emotion_vectors.lm import toy
from emotion_vectors.stimuli import load_pack


def test_two_calls_give_the_same_model_and_tokenizer():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    (one, first), (other, second) = toy.make_toy(), toy.make_toy()
    assert torch.equal(torch.rand(3), expected), "nobody else's draws move"
    assert first.get_vocab() == second.get_vocab()
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    first.add_tokens(["xyzzy"])
    assert len(first) == len(second) + 1 == len(toy.make_toy()[1]) + 1, "each has a tokenizer of its own"


def test_the_tokenizer_reads_every_text_of_the_pack_back():
    _, tokenizer = toy.make_toy()
    for activity in load_pack().activities:
        assert tokenizer.decode(tokenizer(activity.text)["input_ids"]) == activity.text
    assert tokenizer.convert_tokens_to_ids("<|im_start|>") == toy.BOS
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") == toy.EOS
