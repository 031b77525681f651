"""Layers as a user writes them: `12`, `10,12`, `10-14,20` or `all`, counted from 0."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emotion_vectors.errors import UserError


def parse_layers(text: str, n_layers: int, given: Sequence[int] | None = None) -> list[int]:
    """`"all"`, `"12"`, `"10-14,20"` as a sorted list of layers of a model of `n_layers`, each once.

    `given`: the layers that `all` means; None: every one. Raises `UserError` for anything else and for layers that are not there.
    """
    if text.strip() == "all":
        return list(range(n_layers) if given is None else given)
    chosen: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,4})(?:\s*-\s*(\d{1,4}))?\s*", part)
        if found is None:
            raise UserError(f"'--layers {text}' is not a list of layers; write for example --layers 10-14,20 or all.")
        first, last = int(found[1]), int(found[2] or found[1])
        if first > last or last >= n_layers:
            which = f"There are no layers {part.strip()}" if found[2] else f"There is no layer {first}"
            raise UserError(f"{which}; layers go from 0 to {n_layers - 1}.")
        chosen.update(range(first, last + 1))
    return sorted(chosen)


def several(layers: int | Sequence[int] | None) -> Sequence[int] | None:
    """One layer as a list of one."""
    return (layers,) if isinstance(layers, int) else layers


def in_short(layers: Sequence[int]) -> str:
    """The first and last of many layers."""
    if len(layers) < 9:
        return ", ".join(map(str, layers))
    return f"{layers[0]}, {layers[1]}, ..., {layers[-1]}"
