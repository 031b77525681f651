"""Models that are built here and not loaded: the random `toy`, the positive control `planted`, and `planted-none`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from emotion_vectors.errors import UserError
from emotion_vectors.planted import NAMES as PLANTED

NAMES = ("toy", *PLANTED)


class Built(NamedTuple):
    """A model in float32, its tokenizer, and what stands for the SHA-256 of its weights."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    sha256: str


def build(name: str) -> Built:
    """The model called `name`, one of `NAMES`, on the CPU; the same on every call and every machine."""
    if name == "toy":
        from emotion_vectors.lm import toy

        return Built(*toy.make_toy(), toy.SHA256)
    from emotion_vectors.planted.worlds import world

    planted = world(name)
    return Built(planted.model, planted.tokenizer, planted.sha256)


def hash_of(name: str) -> str:
    """What `build` says about the weights, without a toy model being built."""
    if name == "toy":
        from emotion_vectors.lm import toy

        return toy.SHA256
    return build(name).sha256


def precision_of(name: str, dtype: str, precision: torch.dtype) -> torch.dtype:
    """`precision`, which `dtype` means on a machine, where the model called `name` can have it.

    The weights of a planted model are exact in float32 only: `auto` means that, and anything else is a `UserError`.
    """
    if name not in PLANTED or precision == torch.float32:
        return precision
    if dtype != "auto":
        raise UserError(f"The model '{name}' is exact in float32 only; leave out dtype={dtype}.")
    return torch.float32
