"""Check of the steered choices: the very function that the experiment uses, against one prompt at a time."""

from __future__ import annotations

from typing import get_args

import numpy as np
import torch

from emotion_vectors.doctor.bench import Bench, plain_hooks
from emotion_vectors.doctor.check import Finding, at_most
from emotion_vectors.lm import choices
from emotion_vectors.lm.architecture import last_heard
from emotion_vectors.lm.prompts import Prompt

ACTIVITIES = 3
STRONGER = 8.0  # times the bench's vectors, so that an effect stands out of the rounding of bfloat16
# Share of the effect itself; a vector on another token, or on too many, is off by about 1.
TOLERANCE = {torch.float32: 0.01, torch.bfloat16: 0.35, torch.float16: 0.1}
SPANS = {"first": ("activity_a",), "second": ("activity_b",), "both": ("activity_a", "activity_b")}


def steered_choices(bench: Bench) -> Finding:
    """Effects of vectors on option A, on option B, on both and on all tokens, by `choices.read_steered` and by plain hooks.

    Measured: the root mean square error of the change of logit(A) - logit(B), as a share of the change's own.
    """
    lm, texts, prompts = bench.lm, bench.activities[:ACTIVITIES], bench.pack.prompts
    heard = last_heard(lm.model, lm.parts.blocks)
    if bench.layer > heard:
        return Finding(
            bench.layer, heard, False,
            f"The last blocks of {lm.name} use keys and values of earlier ones, so what is added to an activity after block {heard} can't "
            f"reach the answer; use --layer {heard} or lower.",
        )  # fmt: skip
    prepared = choices.prepare(lm, prompts.preference, prompts.preference_prefill, texts)
    vectors = STRONGER * bench.vectors[:2]
    baseline = choices.read_baseline(lm, prepared, bench.layer)
    plain = {pair: _difference(bench, prompt, prepared.tokens, None, []) for pair, prompt in prepared.prompts.items()}
    errors, sizes = [], []
    for number, touch in enumerate(get_args(choices.Touch)):
        found = choices.read_steered(lm, prepared, baseline, {bench.layer: vectors}, touch).differences
        row = number % len(vectors)  # two vectors share a batch; one of them is looked at
        for (i, j), prompt in prepared.prompts.items():
            change = _difference(bench, prompt, prepared.tokens, vectors[row], _positions(prompt, touch)) - plain[i, j]
            errors.append(found[row, i, j] - baseline.differences[i, j] - change)
            sizes.append(change)
    share = float(np.sqrt(np.mean(np.square(errors))) / max(np.sqrt(np.mean(np.square(sizes))), 1e-12))
    return at_most(
        share, TOLERANCE[lm.dtype], f"Steered choices of {len(prepared.prompts)} prompts have the effect of a plain hook.",
        "Steered choices differ from a plain hook on one prompt at a time; report a bug.",
    )  # fmt: skip


def _positions(prompt: Prompt, touch: choices.Touch) -> list[int]:
    if touch == "all":
        return list(range(len(prompt.ids)))
    return [position for name in SPANS[touch] for position in range(*prompt.spans[name])]


def _difference(
    bench: Bench, prompt: Prompt, tokens: tuple[int, int], vector: torch.Tensor | None, positions: list[int]
) -> float:
    """logit(A) - logit(B) in nats of one prompt by the model's own pass, `vector` added at `positions` by a plain hook."""
    lm = bench.lm

    def change(residual: torch.Tensor) -> torch.Tensor:
        moved = residual.clone()
        if vector is not None:
            moved[0, positions] += vector.to(residual.dtype)
        return moved

    with torch.inference_mode(), plain_hooks(lm, {bench.layer: change}):
        logits = lm.model(torch.tensor([list(prompt.ids)], device=lm.device), use_cache=False).logits[0, -1].double()
    return float(logits[tokens[0]] - logits[tokens[1]])
