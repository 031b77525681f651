"""Keys and values of a shared prefix, kept from one pass for the passes that go on after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from transformers import DynamicCache

from emotion_vectors.lm.devices import computes_on
from emotion_vectors.lm.model import LanguageModel


class KeysValues(NamedTuple):
    """Attention keys and values of one block for some positions, each (1, heads, positions, head size)."""

    keys: torch.Tensor
    values: torch.Tensor


def keys_values(cache: DynamicCache, first: int, positions: int) -> list[KeysValues]:
    """Copies of what `cache` holds of the first `positions`, for the blocks from `first` on."""
    kept = []
    for layer in cache.layers[first:]:
        keys, values = getattr(layer, "keys", None), getattr(layer, "values", None)
        if not isinstance(keys, torch.Tensor) or not isinstance(values, torch.Tensor):
            raise RuntimeError(f"a {type(layer).__name__} keeps no keys and values")
        kept.append(KeysValues(keys[:, :, :positions].clone(), values[:, :, :positions].clone()))
    return kept


def where_computed(lm: LanguageModel, kept: Sequence[KeysValues], first: int) -> list[KeysValues]:
    """What `keys_values` kept for the blocks from `first` on, each on the device that its block computes on."""
    places = [computes_on(block) or lm.device for block in lm.parts.blocks[first:]]
    return [KeysValues(keys.to(at), values.to(at)) for at, (keys, values) in zip(places, kept, strict=False)]


def filled_cache(kept: Sequence[KeysValues], first: int, rows: int, positions: int) -> DynamicCache:
    """A cache for `rows` rows with the first `positions` of what `keys_values` kept for the blocks from `first` on."""
    cache = DynamicCache()
    for layer, (keys, values) in enumerate(kept, start=first):
        shape = (rows, -1, -1, -1)
        cache.update(keys[:, :, :positions].expand(shape), values[:, :, :positions].expand(shape), layer)
    return cache
