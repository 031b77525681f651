"""Keys and values of the text so far in a buffer with room to spare.

transformers' plain layer copies all that it holds for each new token, which on a CPU is a third of the time of writing with a small model.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

# Places that a buffer grows by when it is full.
STEP = 64


class GrowingLayer(DynamicLayer):
    """A plain layer whose `keys` and `values` (b, heads, t, width) are the filled part of a buffer; the numbers are the same."""

    _buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of all places so far, with the new ones at the end."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        held = self.get_seq_length()
        filled = held + key_states.shape[-2]
        held_keys, held_values = self.keys, self.values
        assert held_keys is not None and held_values is not None  # since the line above
        buffers = self._buffers
        # Rows that leave and another device put new tensors in the place of the buffer's parts.
        if buffers is None or not (_begins(held_keys, buffers[0], filled) and _begins(held_values, buffers[1], filled)):
            room = filled + STEP
            buffers = _roomy(held_keys, key_states, held, room), _roomy(held_values, value_states, held, room)
            self._buffers = buffers
        for buffer, new in zip(buffers, (key_states, value_states), strict=True):
            buffer[:, :, held:filled] = new
        self.keys, self.values = (buffer[:, :, :filled] for buffer in buffers)
        return self.keys, self.values


def _begins(part: torch.Tensor, buffer: torch.Tensor, filled: int) -> bool:
    """Whether `part` is the beginning of `buffer`, and `filled` places fit."""
    is_view = part.data_ptr() == buffer.data_ptr() and part.shape[0] == buffer.shape[0]
    return is_view and filled <= buffer.shape[-2]


def _roomy(old: torch.Tensor, new: torch.Tensor, held: int, room: int) -> torch.Tensor:
    buffer = new.new_empty((*new.shape[:2], room, new.shape[-1]))
    if held:
        buffer[:, :, :held] = old
    return buffer


def growing(cache: DynamicCache) -> DynamicCache:
    """The empty `cache` with its plain layers replaced; sliding and recurrent ones stay as they are."""
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    if cache.layer_class_to_replicate is DynamicLayer:
        cache.layer_class_to_replicate = GrowingLayer
    return cache
