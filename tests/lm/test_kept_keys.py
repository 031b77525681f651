"""Keys and values of a beginning, kept and given to several rows, give what whole passes give."""

import pytest
import torch
from tiny import tiny
from transformers import DynamicCache

from emotion_vectors.lm import kept_keys


@pytest.mark.parametrize("kind", ["llama", "gpt_neox"])
def test_rows_that_go_on_from_a_kept_beginning_equal_whole_rows(kind):
    lm = tiny(kind)
    ids = torch.randint(300, 900, (3, 11), generator=torch.Generator().manual_seed(0))
    ids[:, :7] = ids[0, :7]
    with torch.no_grad():
        cache = DynamicCache()
        lm.model(ids[:1, :9], past_key_values=cache, use_cache=True)  # two tokens more than are kept
        kept = kept_keys.where_computed(lm, kept_keys.keys_values(cache, 0, 7), 0)
        filled = kept_keys.filled_cache(kept, 0, 3, 7)
        found = lm.model(ids[:, 7:], past_key_values=filled, use_cache=True).logits
        expected = lm.model(ids, use_cache=False).logits[:, 7:]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert kept[0].keys.shape[2] == 7 and len(kept) == lm.n_layers


def test_what_is_kept_is_a_copy():
    cache = DynamicCache()
    keys = torch.ones(1, 2, 3, 4)
    cache.update(keys, keys, 0)
    kept = kept_keys.keys_values(cache, 0, 2)
    cache.layers[0].keys.zero_()
    assert kept[0].keys.sum() == 16


def test_a_layer_without_keys_is_named():
    class State:
        keys = None

    cache = DynamicCache()
    cache.layers.append(State())
    with pytest.raises(RuntimeError, match="State keeps no keys"):
        kept_keys.keys_values(cache, 0, 1)
