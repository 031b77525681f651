"""Many answers to one prompt in one batch, each row with vectors of its own added to the residual stream.

Shapes: b rows, d residual width. A row's text depends on its vector and its seed, not on the other rows (within float
tolerance). For one vector and prompts of several lengths there are `lm.decode`, the writers and `vectors.steer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

import numpy as np
import torch

from emotion_vectors.lm.decode import Row, Touched, decode
from emotion_vectors.lm.finite import require_finite
from emotion_vectors.lm.forward import log_probabilities
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.sampling import Sampling, end_tokens


def answer_steered(
    lm: LanguageModel,
    prompt: Sequence[int],
    vectors: Mapping[int, np.ndarray],
    seeds: Sequence[int],
    sampling: Sampling,
    touched: Touched = "all",
    advance: Callable[[float], None] = lambda tokens: None,
) -> list[list[int]]:
    """Generated token ids of each row, without the end token.

    `vectors` of each layer (b, d) are added to the output of that block at the `touched` tokens. `advance` is told the
    tokens as they are written.
    """
    if touched not in get_args(Touched):
        raise ValueError(f"no tokens '{touched}'")
    rows = [
        Row(tuple(prompt), seed, {layer: some[number] for layer, some in vectors.items()}, touched)
        for number, seed in enumerate(seeds)
    ]
    written = decode(lm, rows, sampling, on_token=lambda row, token: advance(1.0), ends=end_tokens(lm))
    return [one.tokens for one in written]


@torch.inference_mode()
def mean_log_probability(lm: LanguageModel, prompt: Sequence[int], answer: Sequence[int]) -> float | None:
    """Mean log probability in nats of the tokens of `answer` under the plain model; None for an empty answer."""
    if not answer:
        return None
    ids = torch.tensor([[*prompt, *answer]], device=lm.device)
    hidden = lm.parts.body(input_ids=ids, use_cache=False).last_hidden_state[0, len(prompt) - 1 : -1]
    table = log_probabilities(lm, hidden)
    found = table[torch.arange(len(answer)), torch.tensor(list(answer))]
    require_finite(lm, "The log probabilities", found)
    return float(found.mean())
