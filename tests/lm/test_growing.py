"""The roomy buffer holds what transformers' plain layer holds, whatever is done to it in between."""

import pytest
import torch
from transformers import DynamicCache, Gemma3TextConfig
from transformers.cache_utils import DynamicSlidingWindowLayer

from emotion_vectors.lm.growing import STEP, GrowingLayer, growing

GENERATOR = torch.Generator().manual_seed(0)


def states(rows, places, width):
    return torch.randn(rows, 2, places, width, generator=GENERATOR)


@pytest.mark.parametrize("first", [1, 5, STEP, 3 * STEP])
def test_it_holds_what_the_plain_layer_holds(first):
    plain, ours = DynamicCache(), growing(DynamicCache())
    rows = 4
    for step in range(2 * STEP + 3):
        new = states(rows, first if step == 0 else 1, 8), states(rows, first if step == 0 else 1, 6)
        expected = plain.update(*new, 0)
        found = ours.update(*new, 0)
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
        assert ours.get_seq_length() == plain.get_seq_length()
        if step in (3, STEP):  # rows leave and change places
            rows -= 1
            places = torch.arange(rows, 0, -1)
            plain.reorder_cache(places)
            ours.reorder_cache(places)
        if step == 20:  # as many rows in another order
            plain.reorder_cache(torch.arange(rows - 1, -1, -1))
            ours.reorder_cache(torch.arange(rows - 1, -1, -1))
        if step == 10:
            plain.crop(-5)
            ours.crop(-5)


def test_a_new_token_is_written_without_a_copy_of_the_others():
    cache, places = growing(DynamicCache()), set()
    for _ in range(3 * STEP):
        keys, _ = cache.update(states(1, 1, 4), states(1, 1, 4), 0)
        places.add(keys.data_ptr())
    assert len(places) == 3


def test_only_plain_layers_are_replaced():
    shape = {
        "vocab_size": 9,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_attention_heads": 2,
        "head_dim": 8,
        "num_key_value_heads": 1,
    }
    config = Gemma3TextConfig(num_hidden_layers=2, layer_types=["sliding_attention", "full_attention"], sliding_window=4, **shape)  # fmt: skip
    sliding, plain = growing(DynamicCache(config=config)).layers
    assert type(sliding) is DynamicSlidingWindowLayer and type(plain) is GrowingLayer
