"""Forward passes in float32 of a model whose weights are in half precision, with one block's weights in float32 at a time.

A half-precision number is a float32 number too, so nothing of the weights changes: the pass rounds less, as that of
`model.float()` does, without memory for the whole model in float32.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.uncompiled import uncompiled

HALF = (torch.bfloat16, torch.float16)
PLAIN = (*HALF, torch.float32, torch.float64)  # of parameters that are numbers as they stand, without scales elsewhere
PACKED = (torch.int8, torch.uint8, torch.int16, torch.int32)  # of buffers that hold packed weights; indices are int64


class _Kept(NamedTuple):
    """What stood in a module's table under a name before something else was put there."""

    table: dict[str, Any]
    name: str
    value: Any


def why_not(lm: LanguageModel) -> str:
    """Why the model's passes can't be made float32, as a clause for people; "" where they can, or are."""
    if lm.dtype not in HALF:
        return ""
    modules = (lm.parts.body, lm.parts.head)
    parameters = [one for module in modules for one in module.parameters()]
    buffers = [one for module in modules for one in module.buffers()]
    if any(one.device.type == "meta" for one in (*parameters, *buffers)):
        return "some weights are kept off the device"
    # Quantised weights are of a class of their own, integers, or floats of 8 bits; their scales may be next to them as buffers.
    plain = all(type(one) is nn.Parameter and one.dtype in PLAIN for one in parameters)
    packed = any(one.dtype in PACKED or (one.is_floating_point() and one.dtype not in PLAIN) for one in buffers)
    return "" if plain and not packed else "the weights are quantised"


def precision(lm: LanguageModel) -> torch.dtype:
    """The precision of passes within `in_float32`: float32, or the model's own where `why_not` says why."""
    return lm.dtype if why_not(lm) else torch.float32


@contextmanager
def in_float32(lm: LanguageModel) -> Iterator[LanguageModel]:
    """Passes of the yielded model, `lm` with another `dtype`, compute in float32, wherever they start.

    While a block computes, its half-precision tensors are replaced by float32 copies; afterwards the very same tensors are back,
    whatever is raised. `lm` itself is yielded, and nothing is touched, where it is float32 already or where `why_not` says why
    not. Inputs in half precision (a residual to start from, a mask) are cast on their way into a block.
    """
    if lm.dtype not in HALF or why_not(lm):
        yield lm
        return
    pending: list[list[list[_Kept]]] = []
    handles = []
    try:
        for module, owners in _computing(lm):
            kept: list[list[_Kept]] = []
            pending.append(kept)
            before, after = _raising(owners, kept)
            handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(module.register_forward_hook(after, always_call=True))
        with uncompiled():
            yield dataclasses.replace(lm, dtype=torch.float32)
    finally:
        for handle in handles:
            handle.remove()
        for kept in pending:  # what a pass that was ended by Ctrl-C left
            while kept:
                _put_back(kept.pop())


def _computing(lm: LanguageModel) -> Iterator[tuple[nn.Module, list[nn.Module]]]:
    """Each module whose tensors are raised while it computes, and those that own them: blocks, and what is around them."""
    blocks, body = list(lm.parts.blocks), lm.parts.body
    for block in dict.fromkeys(blocks):
        yield block, list(block.modules())
    inside = {id(module) for block in blocks for module in block.modules()}
    for module in (*body.modules(), *lm.parts.head.modules()):
        if id(module) in inside:
            continue
        holds_blocks = any(id(one) in inside for one in module.modules())
        # Tables of embeddings are large: each looks after itself.
        whole = [one for one in module.modules() if one is module or not isinstance(one, nn.Embedding)]
        yield module, [module] if holds_blocks else whole


def _raising(
    owners: Sequence[nn.Module], kept: list[list[_Kept]]
) -> tuple[Callable[..., tuple[tuple, dict]], Callable[..., None]]:
    """The hooks before and after a module: tensors of `owners` to float32, and back; `kept` is a stack, for a module in itself."""

    def before(module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        changes: list[_Kept] = []
        kept.append(changes)  # at once, so that what is changed before an error is put back too
        if isinstance(module, nn.Embedding) and _looks_up_rows(module, args):
            args = (_only_rows(module, args[0], changes), *args[1:])
        for owner in owners:
            _raise(owner, changes)
        return _cast(args), {name: _cast(value) for name, value in kwargs.items()}

    def after(*_: object) -> None:
        if kept:
            _put_back(kept.pop())

    return before, after


def _raise(owner: nn.Module, changes: list[_Kept]) -> None:
    """Float32 copies in place of a module's own tensors in half precision."""
    for table in (owner._parameters, owner._buffers):
        for name, tensor in table.items():
            if tensor is not None and tensor.dtype in HALF:
                changes.append(_Kept(table, name, tensor))
                table[name] = _parameter(tensor) if isinstance(tensor, nn.Parameter) else tensor.float()  # pyright: ignore[reportArgumentType]


def _parameter(tensor: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().float(), requires_grad=False)


def _put_back(changes: list[_Kept]) -> None:
    for table, name, value in reversed(changes):
        table[name] = value


def _looks_up_rows(module: nn.Embedding, args: tuple) -> bool:
    """Whether the first argument of an embedding names rows of its table; positional embeddings may take something else."""
    known = type(module).forward is nn.Embedding.forward or type(module).__name__.endswith("ScaledWordEmbedding")
    return known and module.weight.dtype in HALF and bool(args) and isinstance(args[0], torch.Tensor)


def _only_rows(module: nn.Embedding, ids: torch.Tensor, changes: list[_Kept]) -> torch.Tensor:
    """Leave an embedding just the rows that `ids` name, in float32; gives where each id's row is in what is left.

    A table of 262,144 tokens in float32 would take gigabytes.
    """
    weight = module.weight
    used, places = torch.unique(ids, return_inverse=True)
    changes.append(_Kept(module._parameters, "weight", weight))
    module._parameters["weight"] = _parameter(weight[used])
    # It is about gradients only, and may lie beyond the rows.
    changes.append(_Kept(module.__dict__, "padding_idx", module.padding_idx))
    module.padding_idx = None
    return places


def _cast(value: Any) -> Any:
    """Half-precision tensors, alone or in tuples, as float32. Lists and dicts stay: blocks may share them, and write to them."""
    if isinstance(value, torch.Tensor):
        return value.float() if value.dtype in HALF else value
    return tuple(map(_cast, value)) if type(value) is tuple else value
