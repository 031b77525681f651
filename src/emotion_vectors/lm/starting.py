"""Where a steered pass begins: after the lowest steered block, or below it where later blocks need what would be skipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch

from emotion_vectors.lm import forward
from emotion_vectors.lm.architecture import last_start
from emotion_vectors.lm.model import LanguageModel


def begin_of(lm: LanguageModel, layer: int) -> int:
    """The highest block up to `layer` that a pass can start after; -1: only whole passes are right."""
    return min(layer, last_start(lm.model, lm.parts.blocks))


@contextmanager
def steered(
    lm: LanguageModel,
    begin: int,
    residual: torch.Tensor | None,
    vectors: Mapping[int, torch.Tensor],
    touched: torch.Tensor,
) -> Iterator[None]:
    """One pass that starts after block `begin` from its unsteered output `residual` (b, t, d), with `vectors` (b, d) of each layer added.

    `touched` (t,) or (b, t) bool says at which tokens. With `begin` -1 the pass is a whole one and `residual` is not looked at. Wrap one
    pass in it: a hook that does not fire once is an error.
    """  # fmt: skip
    hooked = [layer for layer in vectors if layer != begin]
    with ExitStack() as stack:
        if begin >= 0:
            assert residual is not None, "a pass that starts after a block needs its output"
            entering = forward.added(vectors[begin], touched, residual) if begin in vectors else residual
            stack.enter_context(forward.start_after(lm, begin, entering))
        stack.enter_context(forward.watch_blocks(lm, hooked, forward.add_at(vectors, touched)))
        yield
