"""A model whose weights are spread over several devices (tensor parallelism), driven by one process.

Every linear map of the blocks is cut into as many pieces as there are devices. A gated feed-forward part is cut along its inner width
and the devices' results are added (Shoeybi et al. 2019, Megatron-LM, section 3); of any other linear map each device gives some of the
outputs, which are joined. The residual stream, attention with its keys and values, norms, embedding and unembedding stay on the first
device, so nothing that reads or changes the residual stream has to know of the others. Adding and smaller matrices round
differently, so numbers agree with those of one device as far as rounding goes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import nn
from transformers import PreTrainedModel

from emotion_vectors.errors import UserError
from emotion_vectors.lm.architecture import Parts

# Difference from the uncut part's output for one random token, as a share of its length.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.03, torch.float16: 0.005}
LEAST_SHARE = 0.9  # of the blocks' weights: with less the first device would hold too much


def spread(model: PreTrainedModel, parts: Parts, devices: Sequence[torch.device]) -> None:
    """Cut the blocks' linear maps over `devices`, in place; all else goes to the first of them.

    Raises `UserError` for a model most of whose weights are in parts of other kinds.
    """
    whole = sum(weight.numel() for weight in parts.blocks.parameters())
    for block in parts.blocks:
        _cut(block, devices)
    cut = [part for part in model.modules() if isinstance(part, _Cut)]
    share = sum(weight.numel() for part in cut for weight in part.parameters()) / whole
    if share < LEAST_SHARE:
        raise UserError(
            f"{type(model).__name__} can't be spread over {len(devices)} devices: only {share:.0%} of its blocks' weights are in "
            "linear maps; give one --device."
        )
    placed = {id(tensor) for part in cut for tensor in part.parameters()}
    for module in model.modules():
        for weight in module.parameters(recurse=False):
            if id(weight) not in placed:
                weight.data = weight.data.to(devices[0])  # the parameter stays the same one where two modules share it
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(devices[0]))


def _cut(module: nn.Module, devices: Sequence[torch.device]) -> None:
    for name, child in module.named_children():
        if _is_gated(child) and _agrees(summed := _Summed(child, devices), child):
            setattr(module, name, summed)
        elif type(child) is nn.Linear and child.out_features >= len(devices):
            setattr(module, name, _Joined(child, devices))
        else:
            _cut(child, devices)


class _Cut(nn.Module):
    """A part of the model in pieces, one on each device."""

    def __init__(self, pieces: Sequence[nn.Module], devices: Sequence[torch.device]) -> None:
        super().__init__()
        self.pieces = nn.ModuleList(pieces)
        self._devices = tuple(devices)

    def outputs(self, hidden: torch.Tensor) -> list[torch.Tensor]:
        """What each piece makes of `hidden`, all on its device.

        Inputs are sent first, and results are fetched last: a copy makes the device that it goes to wait, and they are to work together.
        """
        sent = [hidden.to(device) for device in self._devices]
        found = [piece(one) for piece, one in zip(self.pieces, sent, strict=True)]
        return [one.to(hidden.device) for one in found]


class _Joined(_Cut):
    """A linear map: each device gives some of the outputs."""

    def __init__(self, whole: nn.Linear, devices: Sequence[torch.device]) -> None:
        borders = _borders(whole.out_features, len(devices))
        super().__init__(
            [_linear(whole, device, slice(a, b)) for device, (a, b) in zip(devices, pairwise(borders), strict=True)],
            devices,
        )
        self.in_features, self.out_features = whole.in_features, whole.out_features

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.cat(self.outputs(hidden), dim=-1)


class _Summed(_Cut):
    """A gated feed-forward part: each device has a part of the inner width."""

    def __init__(self, whole: nn.Module, devices: Sequence[torch.device]) -> None:
        down, pieces = _linear_in(whole, "down_proj"), []
        for device, (a, b) in zip(devices, pairwise(_borders(down.in_features, len(devices))), strict=True):
            piece = copy.copy(whole)
            piece._modules = dict(whole._modules)
            for name in ("gate_proj", "up_proj"):
                setattr(piece, name, _linear(_linear_in(whole, name), device, slice(a, b)))
            # The bias of the outputs is to be added once.
            piece.down_proj = _linear(down, device, slice(None), slice(a, b), bias=not pieces)
            pieces.append(piece)
        super().__init__(pieces, devices)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        # In float32, so that the sum is rounded once.
        return sum((one.float() for one in self.outputs(hidden)), torch.zeros((), device=hidden.device)).to(
            hidden.dtype
        )


def _borders(size: int, count: int) -> list[int]:
    return [round(size * number / count) for number in range(count + 1)]


def _linear(
    whole: nn.Linear, device: torch.device, rows: slice, columns: slice = slice(None), bias: bool = True
) -> nn.Linear:
    """Some outputs of a linear map, from some of its inputs; on the device that it is on already, nothing is copied."""
    weight = whole.weight.data[rows, columns].to(device)
    with torch.device("meta"):
        piece = nn.Linear(weight.shape[1], weight.shape[0], bias=bias and whole.bias is not None)
    piece.weight = nn.Parameter(weight, requires_grad=False)
    if piece.bias is not None:
        piece.bias = nn.Parameter(whole.bias.data[rows].to(device), requires_grad=False)
    return piece


def _linear_in(module: nn.Module, name: str) -> nn.Linear:
    found = getattr(module, name)
    if not isinstance(found, nn.Linear):
        raise TypeError(f"{name} is no linear map")
    return found


def _is_gated(module: nn.Module) -> bool:
    """Whether all weights are in the three linear maps that a gated feed-forward part has in most models."""
    names = {name for name, child in module.named_children() if list(child.parameters())}
    kinds = {type(getattr(module, name)) for name in names}
    return names == {"gate_proj", "up_proj", "down_proj"} and kinds == {nn.Linear}


@torch.inference_mode()
def _agrees(cut: Callable[[torch.Tensor], torch.Tensor], whole: nn.Module) -> bool:
    """Whether the pieces give what the whole gives, for a random token: by their names alone it can't be told."""
    weight = next(whole.parameters())
    width = _linear_in(whole, "gate_proj").in_features
    token = torch.randn(1, 1, width, generator=torch.Generator().manual_seed(0)).to(weight.device, weight.dtype)
    wanted, found = whole(token), cut(token)
    if not isinstance(wanted, torch.Tensor):
        return False
    return bool((found.float() - wanted.float()).norm() <= TOLERANCE[weight.dtype] * wanted.float().norm())
