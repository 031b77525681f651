"""The logit lens: which output tokens does a direction of the residual stream promote, which does it suppress?

Formula: logits = W_U u, or W_U norm(u) through the final norm, for unit directions u.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import torch

from emotion_vectors.lm.finite import require_finite
from emotion_vectors.lm.model import LanguageModel


class TokenLogit(NamedTuple):
    """A token and what a unit direction adds to its logit."""

    token: str
    logit: float


class LensTokens(NamedTuple):
    """What one direction promotes, strongest first, and what it suppresses, strongest first."""

    promoted: tuple[TokenLogit, ...]
    suppressed: tuple[TokenLogit, ...]


def project(lm: LanguageModel, directions: np.ndarray, through_norm: bool) -> torch.Tensor:
    """Logits (m, v) of unit directions (m, d), straight or through the final norm; in float32, whatever the model's dtype."""
    with torch.inference_mode():
        rows = torch.from_numpy(directions).float().to(lm.device)
        if through_norm:
            # In bfloat16 the sign of a dot product near 0 would turn on rounding.
            rows = copy.deepcopy(lm.parts.norm).float()(rows)
        logits = (rows @ lm.parts.head.weight.float().T).cpu()
    require_finite(lm, "The logits", logits)
    return logits


def tokens_of(lm: LanguageModel, direction: np.ndarray, top: int, through_norm: bool = False) -> LensTokens:
    """The `top` tokens that a unit direction (d,) promotes and suppresses most."""
    logits = project(lm, direction[None], through_norm)[0][: len(lm.tokenizer)]
    best, worst = (values.indices.tolist() for values in (logits.topk(top), (-logits).topk(top)))
    return LensTokens(
        *(tuple(TokenLogit(str(lm.tokenizer.decode([i])), float(logits[i])) for i in ids) for ids in (best, worst))
    )
