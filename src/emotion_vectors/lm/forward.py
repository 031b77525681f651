"""Forward passes with hooks on the residual stream: capture, add, start at a layer.

Shapes: b batch, t tokens, d residual width, n layers. `layer` l = output of block l, counted from 0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import nn
from transformers import DynamicCache

from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.uncompiled import check_fired, uncompiled

Watch = Callable[[int, torch.Tensor], torch.Tensor | None]


class Batch(NamedTuple):
    """Padded token ids: `ids`, `mask` (1 = real token) and `positions`, each (b, t)."""

    ids: torch.Tensor
    mask: torch.Tensor
    positions: torch.Tensor

    @property
    def last(self) -> torch.Tensor:
        """Column of the last real token of each row, (b,); right for either padding side."""
        columns = torch.arange(self.mask.shape[1], device=self.mask.device)
        return (self.mask * columns).argmax(dim=1)


def pad(rows: Sequence[Sequence[int]], device: torch.device, pad_id: int = 0, side: str = "right") -> Batch:
    """Rows of token ids as one padded batch; positions count real tokens from 0 on either side."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for i, row in enumerate(rows):
        start = 0 if side == "right" else width - len(row)
        ids[i, start : start + len(row)] = torch.tensor(row)
        mask[i, start : start + len(row)] = 1
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    return Batch(ids.to(device), mask.to(device), positions.to(device))


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """`tensor` on `device`; a GPU takes it without making the CPU wait."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


@contextmanager
def watch_blocks(lm: LanguageModel, layers: Sequence[int], watch: Watch) -> Iterator[list[int]]:
    """Call `watch(layer, residual)` on the output (b, t, d) of the given blocks in one pass; a returned tensor replaces it.

    Yields a list that counts the firings of each layer's hook. A hook that did not fire exactly once is a `HookError` when the
    block ends. An exception in `watch` ends the forward pass; hooks are removed in any case. A compiled model runs uncompiled.
    """
    fired = [0] * lm.n_layers
    handles = []
    for layer in layers:

        def hook(_: nn.Module, __: tuple, output, layer: int = layer):
            fired[layer] += 1
            # A block returns a tensor, or a tuple that begins with it, by model and version.
            residual = output[0] if isinstance(output, tuple) else output
            # Blocks of a large model are on several devices; whoever watches them is on one.
            changed = watch(layer, residual.to(lm.device))
            if changed is None:
                return None
            changed = changed.to(residual.device)
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        handles.append(lm.parts.blocks[layer].register_forward_hook(hook))
    try:
        with uncompiled():
            yield fired
    finally:
        for handle in handles:
            handle.remove()
    check_fired({layer: fired[layer] for layer in layers}, lm.name)


class _Enough(Exception):
    """Ends a forward pass whose later blocks nobody needs."""


@contextmanager
def stop_after(lm: LanguageModel, layer: int) -> Iterator[None]:
    """End forward passes inside the block after block `layer`; wrap the pass in it."""

    def halt(*_: object) -> None:
        raise _Enough

    # Registered last, so that watchers of the same block run first.
    handle = lm.parts.blocks[layer].register_forward_hook(halt)
    try:
        with uncompiled():
            yield
    except _Enough:
        pass
    finally:
        handle.remove()


@contextmanager
def start_after(lm: LanguageModel, layer: int, residual: torch.Tensor) -> Iterator[None]:
    """Skip blocks 0..`layer`: block `layer` gives `residual` (b, t, d) at once. Layer -1 replaces the embedding.

    Everything below the first steered layer is the same for all vectors, so steered passes begin here. The model's
    own forward still makes masks and rotary tables, and the blocks above run unchanged.
    """
    if layer < 0:
        raise ValueError("a pass can start after block 0 at the earliest")
    skipped, lengths = lm.parts.blocks[: layer + 1], _tuple_lengths(lm)
    before = [vars(block).get("forward") for block in skipped]
    try:
        for index, block in enumerate(skipped):
            block.forward = _in_form(_stand_in(residual if index == layer else None), lengths[index])
        with uncompiled():
            yield
    finally:
        _give_back(skipped, before)


def _give_back(parts: Iterable[nn.Module], before: Iterable[object]) -> None:
    """The forward that each part had of its own, if any: accelerate's stays there as long as the model is on several devices."""
    for part, own in zip(parts, before, strict=True):
        if own is None:
            vars(part).pop("forward", None)
        else:
            vars(part)["forward"] = own


def _stand_in(residual: torch.Tensor | None) -> Callable[..., torch.Tensor]:
    def forward(hidden_states: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        return hidden_states if residual is None else residual

    return forward


def _in_form(stand_in: Callable[..., torch.Tensor], length: int) -> Callable[..., object]:
    """`stand_in` as the block returns it: a tensor (0), or a tuple of `length` that begins with it."""
    if not length:
        return stand_in
    return lambda *arguments, **options: (stand_in(*arguments, **options), *[None] * (length - 1))


_lengths: WeakKeyDictionary[nn.Module, list[int]] = WeakKeyDictionary()


def _tuple_lengths(lm: LanguageModel) -> list[int]:
    """How many things each block returns as a tuple, 0 for a bare tensor; seen in one pass over one token, once per model."""
    if lm.parts.body not in _lengths:
        found: list[int] = []
        handles = [
            block.register_forward_hook(lambda _, __, out: found.append(len(out) if isinstance(out, tuple) else 0))
            for block in lm.parts.blocks
        ]
        try:
            with torch.inference_mode(), uncompiled():
                lm.parts.body(input_ids=torch.zeros(1, 1, dtype=torch.long, device=lm.device), use_cache=False)
        finally:
            for handle in handles:
                handle.remove()
        _lengths[lm.parts.body] = found
    return _lengths[lm.parts.body]


def run(lm: LanguageModel, batch: Batch) -> torch.Tensor:
    """Residual stream after the final norm, (b, t, d), of a padded batch."""
    return lm.parts.body(
        input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False
    ).last_hidden_state


def run_unmasked(lm: LanguageModel, ids: torch.Tensor) -> torch.Tensor:
    """As `run` for rows `ids` (b, t) padded on the right, without a mask: a real token sees only earlier, real ones.

    What the padded places hold means nothing. Attention kernels are faster without a mask.
    """
    return lm.parts.body(input_ids=ids, use_cache=False).last_hidden_state


def run_with_mask(
    lm: LanguageModel,
    ids: torch.Tensor,
    positions: torch.Tensor,
    allowed: torch.Tensor,
    cache: DynamicCache | None = None,
) -> torch.Tensor:
    """Final-norm residuals (b, t, d) under an explicit attention mask `allowed` (..., t, s + t): row attends to column.

    `allowed` is one for all rows of the batch, or (r, t, s + t) for each r rows in turn. `cache` holds the keys and values of s earlier positions of every row and takes those of this pass; None: s = 0.
    """
    bias = torch.zeros(allowed.shape, dtype=lm.dtype, device=lm.device)
    bias.masked_fill_(~allowed, torch.finfo(lm.dtype).min)
    mask = bias.reshape(-1, 1, *bias.shape[-2:])
    # One mask for all rows needs no copies of it.
    mask = mask.expand(len(ids), -1, -1, -1) if len(mask) == 1 else mask.repeat(len(ids) // len(mask), 1, 1, 1)
    return lm.parts.body(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        use_cache=cache is not None,
        **with_cache(lm.parts.body, cache),
    ).last_hidden_state


# Of the argument with the keys and values, before and since transformers 5.24.
CACHE_NAMES = ("past_key_values", "cache")


def with_cache(model: nn.Module, cache: DynamicCache | None) -> dict[str, DynamicCache | None]:
    """The argument that gives `model` a cache of keys and values, under the name that it has there."""
    return {_cache_name(type(model)): cache}


@functools.cache  # asked at every pass
def _cache_name(kind: type[nn.Module]) -> str:
    return next((name for name in reversed(CACHE_NAMES) if name in signature(kind.forward).parameters), CACHE_NAMES[0])


@contextmanager
def last_block_at(lm: LanguageModel, places: torch.Tensor) -> Iterator[None]:
    """Run the last block's feed-forward part, queries and attention output at some tokens only; others get none of it.

    `places` count through the batch (row * t + column). What is read after the last block is read there, so the rest is work
    for nothing. A part that is not called by the usual name, or gives more than a tensor, runs whole.
    """
    parts = parts_read_only(lm.parts.blocks[-1])
    before = [vars(part).get("forward") for part in parts]
    try:
        for part in parts:
            part.forward = _only_at(part.forward, places)
        yield
    finally:
        _give_back(parts, before)


def parts_read_only(block: nn.Module) -> list[nn.Module]:
    """The parts of a last block that tokens which are not read need not go through: their keys and values are enough."""
    attention = getattr(block, "self_attn", None)
    parts = [getattr(block, "mlp", None), *(getattr(attention, name, None) for name in ("q_proj", "o_proj"))]
    return [part for part in parts if isinstance(part, nn.Module)]


def _only_at(whole: Callable[..., object], places: torch.Tensor) -> Callable[..., object]:
    def forward(hidden: torch.Tensor, *arguments: object, **options: object) -> object:
        if any(isinstance(other, torch.Tensor) for other in (*arguments, *options.values())):
            return whole(hidden, *arguments, **options)  # it belongs to all tokens (BLOOM gives its residual)
        some = whole(hidden.flatten(0, 1)[None, places.to(hidden.device)], *arguments, **options)
        if not isinstance(some, torch.Tensor):
            return whole(hidden, *arguments, **options)
        wide = some.new_zeros(1, hidden.shape[0] * hidden.shape[1], some.shape[-1])
        return wide.index_copy_(1, places.to(some.device), some).view(*hidden.shape[:2], -1)

    return forward


def add_at(layer_vectors: Mapping[int, torch.Tensor], touched: torch.Tensor) -> Watch:
    """A watcher that adds vectors (b, d) of each layer to the residual at the positions `touched` (t,) or (b, t)."""

    def watch(layer: int, residual: torch.Tensor) -> torch.Tensor:
        return added(layer_vectors[layer], touched, residual)

    return watch


def added(vectors: torch.Tensor, touched: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """`residual` (b, t, d) plus one of `vectors` (b, d) per row, at the positions `touched` (t,) or (b, t) only."""
    if touched.shape[-1] != residual.shape[-2]:
        raise RuntimeError(f"a block sees {residual.shape[-2]} tokens of a pass of {touched.shape[-1]}")
    return torch.where(touched.unsqueeze(-1), residual + vectors.to(residual.dtype).unsqueeze(-2), residual)


@contextmanager
def watch_embedding(lm: LanguageModel, watch: Callable[[torch.Tensor], None]) -> Iterator[None]:
    """Call `watch` with what enters block 0: the token embeddings (b, t, d) as the model scales them."""

    def hook(_: nn.Module, args: tuple, kwargs: dict) -> None:
        watch((args[0] if args else kwargs["hidden_states"]).to(lm.device))

    handle = lm.parts.blocks[0].register_forward_pre_hook(hook, with_kwargs=True)
    try:
        with uncompiled():
            yield
    finally:
        handle.remove()
