"""Run compiled models as they are written while hooks are set, and say so where a hook did not fire.

A graph that `torch.compile` made before a hook was set doesn't call it, and one that is made meanwhile keeps it afterwards.
`generate` compiles by itself with a static cache on a GPU. So nothing is compiled, and no compiled graph runs, in a block with hooks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch

from emotion_vectors.errors import UserError

_lock = Lock()
_inside = 0
_stance: Any = None


class HookError(UserError, RuntimeError):
    """A hook that fired more or less than once in a pass, so that what it should have read or added was not, or was twice."""


@contextmanager
def uncompiled() -> Iterator[None]:
    """While it lasts compiled functions run their own code, in every thread. Blocks may be nested and may overlap."""
    global _inside, _stance
    with _lock:
        if not _inside:
            _stance = torch.compiler.set_stance("force_eager")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                # The stance that was there before the first of all blocks that overlap.
                _stance.__exit__(None, None, None)


def check_fired(fired: Mapping[int, int], what: str = "the model") -> None:
    """Raise `HookError` unless the hook of every layer in `fired` fired exactly once in the pass that ends."""
    wrong = {layer: times for layer, times in fired.items() if times != 1}
    if wrong:
        layer, times = next(iter(wrong.items()))
        raise HookError(
            f"The hook on block {layer} of {what} fired {times} times in one pass, not once, so the result would be wrong; give the model as "
            "it is without torch.compile, tracing or a wrapper around its blocks."
        )
