"""NaN and infinity: where a model's precision can't hold what it computes, a sentence comes out and never a number.

float16 ends at 65,504, and the residual streams of some models go beyond; what follows is infinite or not a number, and a cosine, a
choice or a drawn token made of it would look like any other. So whatever leaves a pass is looked at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from emotion_vectors.errors import UserError

if TYPE_CHECKING:
    from emotion_vectors.lm.model import LanguageModel

ADVICE = "use bfloat16 or float32 (--set dtype=float32 for a run and its vectors)"


class NotFiniteError(UserError):
    """Values of a pass are NaN or infinite; `rows` are those of the batch that hold them."""

    def __init__(self, sentence: object, rows: Sequence[int] = ()) -> None:
        super().__init__(sentence)
        self.rows = tuple(rows)


def require_finite(lm: LanguageModel, what: str, *arrays: np.ndarray | torch.Tensor) -> None:
    """Raise `NotFiniteError` where one of the arrays holds NaN or infinity; `what` they are begins the sentence."""
    for array in arrays:
        finite = torch.isfinite(array) if isinstance(array, torch.Tensor) else np.isfinite(array)
        if not bool(finite.all()):
            raise NotFiniteError(sentence(lm, what))


def require_addable(vector: np.ndarray, dtype: torch.dtype) -> None:
    """Raise `NotFiniteError` where a vector to steer with is NaN or beyond what the residual stream's `dtype` can hold."""
    if not np.abs(vector).max(initial=0.0) <= torch.finfo(dtype).max:  # NaN is not
        raise NotFiniteError(
            f"A vector to steer with holds values that are not finite in {str(dtype).removeprefix('torch.')}; steer with a smaller strength."
        )


def sentence(lm: LanguageModel, what: str) -> str:
    """What is said of `what`, in the plural."""
    precision = str(lm.dtype).removeprefix("torch.")
    return f"{what} of {lm.name} are not finite in {precision} (NaN or infinity); {ADVICE}."
