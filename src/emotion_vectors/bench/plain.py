"""The stated baselines: each job as most reproductions do it, with transformers alone and batches of 8 padded prompts.

None of this calls a fast path of the package (`lm.forward`, `lm.choices`, `vectors.activations`): hooks and padding are
its own, so its numbers are a second opinion on theirs. Prompts come in the order given, which is that of the plan.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

import numpy as np
import torch

from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import Prompt
from emotion_vectors.lm.uncompiled import uncompiled
from emotion_vectors.lm.writers.base import Request, Sampling

BATCH = 8
Role = Literal["first", "second"]
SPAN: dict[Role, str] = {"first": "activity_a", "second": "activity_b"}


class Padded(NamedTuple):
    """Token ids, mask of real tokens and positions, each (b, t), and the first column of each row's text (b,)."""

    ids: torch.Tensor
    mask: torch.Tensor
    positions: torch.Tensor
    starts: list[int]


def padded(lm: LanguageModel, rows: Sequence[Sequence[int]], side: Literal["left", "right"]) -> Padded:
    """`rows` of token ids as one batch on the model's device."""
    width = max(map(len, rows))
    starts = [width - len(row) if side == "left" else 0 for row in rows]
    ids = torch.full((len(rows), width), lm.pad_id)
    mask = torch.zeros_like(ids)
    for i, (row, start) in enumerate(zip(rows, starts, strict=True)):
        ids[i, start : start + len(row)] = torch.tensor(row)
        mask[i, start : start + len(row)] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    return Padded(ids.to(lm.device), mask.to(lm.device), positions.to(lm.device), starts)


def padded_tokens(lengths: Sequence[int]) -> int:
    """Tokens of the plain batches with their padding."""
    groups = [lengths[begin : begin + BATCH] for begin in range(0, len(lengths), BATCH)]
    return sum(max(group) * len(group) for group in groups)


@torch.no_grad()
def extraction(lm: LanguageModel, texts: Sequence[tuple[Sequence[int], tuple[int, int]]]) -> np.ndarray:
    """Means (texts, n, d) of every block's output over each text's token range.

    Right padding; a hook on every block moves its whole output to the CPU, where it is averaged. The model is called as
    a whole, as usual, so its head runs too.
    """
    found = np.empty((len(texts), lm.n_layers, lm.hidden_size), dtype=np.float32)
    for begin in range(0, len(texts), BATCH):
        group = texts[begin : begin + BATCH]
        batch = padded(lm, [ids for ids, _ in group], "right")
        with _outputs_on_cpu(lm) as outputs:
            lm.model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
        for layer, hidden in enumerate(outputs):
            for row, (_, (first, last)) in enumerate(group):
                found[begin + row, layer] = hidden[row, first:last].float().mean(dim=0).numpy()
    return found


@torch.no_grad()
def preferences(lm: LanguageModel, prompts: Sequence[Prompt], tokens: tuple[int, int]) -> np.ndarray:
    """Logit of A minus logit of B (k,) in nats: every prompt run whole, left padding, the full head at its last token."""
    found = []
    for begin in range(0, len(prompts), BATCH):
        logits = _last_logits(lm, padded(lm, [prompt.ids for prompt in prompts[begin : begin + BATCH]], "left"))
        found.append(logits[:, tokens[0]] - logits[:, tokens[1]])
    return torch.cat(found).cpu().numpy()


@torch.no_grad()
def steering(
    lm: LanguageModel, prompts: Sequence[Prompt], tokens: tuple[int, int], layer: int, vector: torch.Tensor, role: Role
) -> np.ndarray:
    """As `preferences`, with a hook on block `layer` that adds `vector` (d,) to the tokens of one of the two options."""
    found = []
    for begin in range(0, len(prompts), BATCH):
        group = prompts[begin : begin + BATCH]
        batch = padded(lm, [prompt.ids for prompt in group], "left")
        where = torch.zeros(batch.ids.shape, dtype=torch.bool)
        for row, (prompt, start) in enumerate(zip(group, batch.starts, strict=True)):
            first, last = prompt.spans[SPAN[role]]
            where[row, start + first : start + last] = True
        with _adding(lm, layer, vector.to(lm.device), where.to(lm.device)):
            logits = _last_logits(lm, batch)
        found.append(logits[:, tokens[0]] - logits[:, tokens[1]])
    return torch.cat(found).cpu().numpy()


@torch.no_grad()
def writing(
    lm: LanguageModel, requests: Sequence[Request], sampling: Sampling, batch: int, ends: Collection[int]
) -> list[list[int]]:
    """New token ids of each request, without the end token: `model.generate` on `batch` requests at a time."""
    found: list[list[int]] = []
    drawn = {"do_sample": False}
    if sampling.temperature > 0:
        drawn = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    for begin in range(0, len(requests), batch):
        rows = padded(lm, [request.prompt_ids for request in requests[begin : begin + batch]], "left")
        # generate has one random generator for the whole batch.
        torch.manual_seed(requests[begin].seed % 2**31)
        ids = lm.model.generate(  # pyright: ignore[reportCallIssue]
            input_ids=rows.ids, attention_mask=rows.mask, max_new_tokens=sampling.max_new_tokens,
            repetition_penalty=sampling.repetition_penalty, pad_token_id=lm.pad_id, eos_token_id=sorted(ends), **drawn,
        )  # fmt: skip
        found += [_until(new, ends) for new in ids[:, rows.ids.shape[1] :].tolist()]
    return found


def _until(tokens: list[int], ends: Collection[int]) -> list[int]:
    stop = next((place for place, token in enumerate(tokens) if token in ends), len(tokens))
    return tokens[:stop]


def _last_logits(lm: LanguageModel, batch: Padded) -> torch.Tensor:
    """float32 logits (b, v) at the last column, which left padding makes everyone's last token."""
    takes = inspect.signature(lm.model.forward).parameters
    last = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
    return lm.model(
        input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False, **last
    ).logits[:, -1].float()  # fmt: skip


@contextmanager
def _outputs_on_cpu(lm: LanguageModel) -> Iterator[list[torch.Tensor]]:
    outputs: list[torch.Tensor] = []

    def hook(_: object, __: object, output: torch.Tensor | tuple) -> None:
        outputs.append((output[0] if isinstance(output, tuple) else output).cpu())

    handles = [block.register_forward_hook(hook) for block in lm.parts.blocks]
    try:
        with uncompiled():
            yield outputs
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _adding(lm: LanguageModel, layer: int, vector: torch.Tensor, where: torch.Tensor) -> Iterator[None]:
    def hook(_: object, __: object, output: torch.Tensor | tuple) -> torch.Tensor | tuple:
        hidden = output[0] if isinstance(output, tuple) else output
        changed = hidden + (where[..., None] * vector.to(hidden.dtype)).to(hidden.device)
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    handle = lm.parts.blocks[layer].register_forward_hook(hook)
    try:
        with uncompiled():
            yield
    finally:
        handle.remove()
