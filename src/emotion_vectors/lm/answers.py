"""Many answers to one prompt in one batch, each row with vectors of its own added to the residual stream.

Shapes: b rows, d residual width. A row's text depends on its vector and its seed, not on the other rows (within float
tolerance). For one vector and prompts of several lengths there are the writers and `vectors.steer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import torch
from transformers import DynamicCache

from emotion_vectors.lm.architecture import final_logits
from emotion_vectors.lm.finite import require_finite
from emotion_vectors.lm.forward import add_at, watch_blocks, with_cache
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.writers.base import Sampling, end_tokens
from emotion_vectors.lm.writers.sampling import draw, uniform_draws

Touched = Literal["all", "prompt", "response"]
"""all: prompt and answer; prompt: its tokens; response: the last token of the prompt, where the answer begins, and the answer."""


@torch.inference_mode()
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
    tokens of each step.
    """
    if touched not in get_args(Touched):
        raise ValueError(f"no tokens '{touched}'")
    ends, rows = end_tokens(lm), len(seeds)
    cache, draws = DynamicCache(config=lm.model.config), uniform_draws(list(seeds), sampling.max_new_tokens, lm.device)
    additions = {
        layer: torch.from_numpy(np.ascontiguousarray(some, dtype=np.float32)).to(lm.device)
        for layer, some in vectors.items()
    }
    places = torch.tensor([touched != "response"] * (len(prompt) - 1) + [True], device=lm.device)
    texts: list[list[int]] = [[] for _ in range(rows)]
    finished = [False] * rows
    ids = torch.tensor([list(prompt)] * rows, device=lm.device)
    for step in range(sampling.max_new_tokens):
        with watch_blocks(lm, list(additions), add_at(additions, places)) as fired:
            hidden = lm.parts.body(input_ids=ids, use_cache=True, **with_cache(lm.parts.body, cache)).last_hidden_state[
                :, -1
            ]
        if any(fired[layer] != 1 for layer in additions):
            raise RuntimeError(f"hooks on the blocks {list(additions)} fired {fired} times, not once each")
        tokens = draw(_logits(lm, hidden), draws[:, step], sampling)
        advance(float(rows))
        for row, token in enumerate(tokens.tolist()):
            finished[row] = finished[row] or token in ends
            if not finished[row]:
                texts[row].append(token)
        if all(finished):
            break
        ids, places = tokens[:, None], torch.tensor([touched != "prompt"], device=lm.device)
    return texts


def _logits(lm: LanguageModel, hidden: torch.Tensor) -> torch.Tensor:
    return final_logits(lm.model, lm.parts, lm.parts.head(hidden.to(lm.dtype)).float())


@torch.inference_mode()
def mean_log_probability(lm: LanguageModel, prompt: Sequence[int], answer: Sequence[int]) -> float | None:
    """Mean log probability in nats of the tokens of `answer` under the plain model; None for an empty answer."""
    if not answer:
        return None
    ids = torch.tensor([[*prompt, *answer]], device=lm.device)
    hidden = lm.parts.body(input_ids=ids, use_cache=False).last_hidden_state[0, len(prompt) - 1 : -1]
    table = torch.log_softmax(_logits(lm, hidden), dim=-1)
    found = table[torch.arange(len(answer)), torch.tensor(list(answer))]
    require_finite(lm, "The log probabilities", found)
    return float(found.mean())
