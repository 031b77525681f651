"""Read the answer: logits and probabilities of tokens from residuals after the final norm, a few rows at once.

Shapes: d residual width, v vocabulary; the leading ones are as given.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from emotion_vectors.lm.architecture import final_logits
from emotion_vectors.lm.model import LanguageModel


def logits_of(lm: LanguageModel, hidden: torch.Tensor, tokens: Sequence[int]) -> torch.Tensor:
    """float32 logits of some tokens only: final-norm residuals (..., d) times their unembedding rows -> (..., tokens)."""
    rows = lm.parts.head.weight[list(tokens)].float()
    bias = lm.parts.head.bias
    logits = hidden.float() @ rows.T
    if bias is not None:
        logits = logits + bias[list(tokens)].float()
    return final_logits(lm.model, lm.parts, logits)


def all_logits(lm: LanguageModel, hidden: torch.Tensor) -> torch.Tensor:
    """float32 logits (..., v) of all tokens, from final-norm residuals (..., d). Give few rows at once."""
    return final_logits(lm.model, lm.parts, lm.parts.head(hidden.to(lm.dtype)).float())


def log_probabilities(lm: LanguageModel, hidden: torch.Tensor) -> torch.Tensor:
    """float32 log probabilities (..., v) of all tokens, from final-norm residuals (..., d). Give few rows at once."""
    return torch.log_softmax(all_logits(lm, hidden), dim=-1)


def log_normaliser(lm: LanguageModel, hidden: torch.Tensor, words_at_once: int = 8192) -> torch.Tensor:
    """log of the sum of exp of all logits, (rows,), for final-norm residuals (rows, d).

    In float32 as `logits_of`, whatever the model's precision, so that no token's probability exceeds 1; the unembedding is made
    float32 some rows at a time.
    """
    hidden, head = hidden.float(), lm.parts.head
    total = hidden.new_full(hidden.shape[:-1], float("-inf"))
    for start in range(0, len(head.weight), words_at_once):
        logits = hidden @ head.weight[start : start + words_at_once].float().T
        if head.bias is not None:
            logits = logits + head.bias[start : start + words_at_once].float()
        total = torch.logaddexp(total, torch.logsumexp(final_logits(lm.model, lm.parts, logits), dim=-1))
    return total
