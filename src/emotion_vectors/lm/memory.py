"""Batches that don't fit in memory: halve, say so, go on.

Out of memory changes no result: the work that failed is done again in smaller batches. The smaller size stays for the
rest of the job, so memory runs out once and not at every batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from emotion_vectors.errors import UserError

Found = TypeVar("Found")
SIGNS = ("out of memory", "can't allocate memory", "not enough memory")


class Room:
    """How much fits in memory at once, for one job: `size` of `unit`, halved whenever a batch did not fit."""

    def __init__(
        self,
        size: int,
        unit: str,
        doing: str,
        device: torch.device,
        say: Callable[[str], None] = lambda _: None,
        remedy: str = "use a smaller model or shorter texts",
    ) -> None:
        """`doing` and `unit` are words for the user ("reading", "tokens"); `say` gets one line when `size` is halved.

        `remedy` is what to do where not even the smallest batch fits. Raises `UserError` for a size below 1.
        """
        if size < 1:
            raise UserError(f"There is no batch of {size} {unit}; it must be 1 or more.")
        self.size = size
        self.unit, self.doing, self.device, self.remedy = unit, doing, device, remedy
        self._say = say

    def attempt(self, run: Callable[[], Found], amount: int, smallest: bool) -> Found | None:
        """`run()`, or None after halving `size` because memory ran out; then make a smaller batch and come again.

        `amount` is what the batch holds, in `unit`; `smallest` tells that it can't be split further, so running out is a
        `UserError`. `run` must make its tensors itself: what the caller holds on to can't be given back. What it returns
        is never None.
        """
        try:
            return run()
        except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
            if not is_out_of_memory(error):
                raise
            if smallest:
                raise UserError(
                    f"There is not enough memory on {self.device} for {self.doing} even {amount:,} {self.unit}, the smallest batch; "
                    f"{self.remedy}."
                ) from error
        # Outside the handler: the exception's traceback keeps the batch's tensors alive.
        self.size = max(1, min(self.size, amount) // 2)
        release(self.device)
        self._say(f"Out of memory while {self.doing} {amount:,} {self.unit} at once; continuing with {self.size:,}.")
        return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, on a GPU or on the CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in SIGNS)


def release(device: torch.device) -> None:
    """Give memory that PyTorch keeps for later back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
