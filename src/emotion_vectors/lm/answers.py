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
from emotion_vectors.lm.forward import pad, run
from emotion_vectors.lm.limits import by_side
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.readout import log_probabilities
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


def mean_log_probability(lm: LanguageModel, prompt: Sequence[int], answer: Sequence[int]) -> float | None:
    """Mean log probability in nats of the tokens of `answer` under the plain model; None for an empty answer."""
    return mean_log_probabilities(lm, prompt, [answer])[0]


@torch.inference_mode()
def mean_log_probabilities(
    lm: LanguageModel, prompt: Sequence[int], answers: Sequence[Sequence[int]], tokens_per_batch: int = 4096
) -> list[float | None]:
    """The same of many answers to one prompt, in padded passes of at most `tokens_per_batch`."""
    found: list[float | None] = [None] * len(answers)
    written = [row for row, answer in enumerate(answers) if answer]
    at_once = max(1, tokens_per_batch // (len(prompt) + max(map(len, answers), default=0)))
    sides = by_side(lm, [len(prompt) + len(answers[row]) for row in written])
    for places in (side[start : start + at_once] for side in sides for start in range(0, len(side), at_once)):
        rows = [written[place] for place in places]
        hidden = run(lm, pad([[*prompt, *answers[row]] for row in rows], lm.device, lm.pad_id))
        for row, residual in zip(rows, hidden, strict=True):
            own = torch.tensor(answers[row], device=lm.device)
            # One answer at a time: the table is as wide as the vocabulary.
            table = log_probabilities(lm, residual[len(prompt) - 1 : len(prompt) - 1 + len(own)])
            likely = table.gather(1, own[:, None])
            require_finite(lm, "The log probabilities", likely)
            found[row] = float(likely.mean())
    return found
