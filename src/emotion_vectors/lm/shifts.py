"""What is read from an answer: logits of A and B, their mass, entropy, and how far steering moved the whole distribution.

Shapes: m vectors, k prompts, d residual width, v vocabulary. Residuals are those after the final norm.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from emotion_vectors.lm import readout
from emotion_vectors.lm.architecture import final_logits
from emotion_vectors.lm.model import LanguageModel

ROWS_AT_ONCE = 256  # distributions held at a time; fewer would read the unembedding more often. Changes no result
LEAST = torch.finfo(torch.float32).min  # stands for -inf, so that 0 log 0 is 0 and not NaN


class Shifts:
    """Collects the steered answers of one part and measures them, many at a time; `fetch` brings all to the CPU at once.

    Nothing waits for the device before `fetch`.
    """

    def __init__(self, lm: LanguageModel, tokens: tuple[int, int]) -> None:
        """`tokens` are the ids of the answers A and B."""
        self._lm, self._tokens = lm, tokens
        self._before: list[torch.Tensor] = []
        self._after: list[torch.Tensor] = []
        self._found: list[torch.Tensor] = []

    def add(self, before: torch.Tensor, after: torch.Tensor) -> None:
        """Residuals of k unsteered answers (k, d) and of the same answers under m vectors (m, k, d)."""
        self._before.append(before)
        self._after.append(after)
        if sum(map(len, self._before)) * (len(after) + 1) >= ROWS_AT_ONCE:
            self._measure()

    def fetch(self) -> torch.Tensor:
        """(m, all k, 5) float64 on the CPU: logit of A, of B, mass on both, entropy, divergence, in the order of `add`."""
        self._measure()
        return torch.cat(self._found, dim=1).cpu()

    def _measure(self) -> None:
        if not self._before:
            return
        before, after = torch.cat(self._before), torch.cat(self._after, dim=1)
        self._before.clear()
        self._after.clear()
        step = max(1, ROWS_AT_ONCE // (len(after) + 1))
        for some, steered in zip(before.split(step), after.split(step, dim=1), strict=True):
            pair = readout.logits_of(self._lm, steered, self._tokens).double()
            self._found.append(torch.cat([pair, shifts(self._lm, some, steered, self._tokens).double()], dim=-1))


def shifts(lm: LanguageModel, before: torch.Tensor, after: torch.Tensor, tokens: Sequence[int]) -> torch.Tensor:
    """(m, k, 3) float32: mass on `tokens`, entropy, and divergence sum q log(q / p) from the unsteered answer, in nats.

    `before` (k, d) and `after` (m, k, d) are residuals of the unsteered answers p and of the steered ones q.
    """
    # One product for all, so that the unembedding is read once.
    logits = lm.parts.head(torch.cat([before[None], after]).to(lm.dtype)).float()
    unsteered = _normalised(lm, logits[0])
    found = [_compared(_normalised(lm, row), unsteered, tokens) for row in logits[1:]]
    return torch.stack(found)


def _normalised(lm: LanguageModel, logits: torch.Tensor) -> torch.Tensor:
    logits = final_logits(lm.model, lm.parts, logits)
    return logits.sub_(torch.logsumexp(logits, dim=-1, keepdim=True)).clamp_(min=LEAST)


def _compared(after: torch.Tensor, before: torch.Tensor, tokens: Sequence[int]) -> torch.Tensor:
    """(k, 3) from log probabilities (k, v); overwrites `after`. In place, so that one vector's rows stay in the cache."""
    q = after.exp()
    mass = q[:, list(tokens)].sum(dim=-1)
    entropy = -torch.linalg.vecdot(q, after)
    divergence = torch.linalg.vecdot(q, after.sub_(before)).clamp(min=0)
    return torch.stack([mass, entropy, divergence], dim=-1)
