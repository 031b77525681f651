"""The one loop that writes: rows with a prompt, a seed and vectors of their own, token by token in one batch.

A row's text depends on its own prompt, seed and vectors, not on the other rows (within float tolerance), which `generate` can't
do: it has one random generator for a batch. Greedy, the text is that of the model's own `generate`, with the same kind of cache.
`steer`, the explorer and the answers of a run write with it, and so does the writer of stories.

Shapes: b rows in the batch, t tokens of a pass, d residual width, v vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from transformers import DynamicCache

from emotion_vectors.errors import UserError
from emotion_vectors.lm.forward import CACHE_NAMES, add_at, pad, watch_blocks, with_cache
from emotion_vectors.lm.growing import GrowingLayer, growing
from emotion_vectors.lm.limits import rotation_border
from emotion_vectors.lm.readout import all_logits
from emotion_vectors.lm.sampling import Sampling, draw, end_tokens, penalize, uniform_draws

Touched = Literal["all", "prompt", "response"]
"""all: prompt and answer; prompt: its tokens; response: the last token of the prompt, where the answer begins, and the answer."""

# Finished rows leave the batch once they are this share of it; each departure copies the cache of the rest.
RETIRE_SHARE = 0.25


@dataclass(frozen=True)
class Row:
    """One text to write after the prompt `ids`, its tokens drawn from `seed`.

    `vectors`: of each layer one (d,), in residual-stream units, added to the output of that block at the `touched` tokens, which may also be
    a half-open range of the prompt's tokens.
    """

    ids: tuple[int, ...]
    seed: int = 0
    vectors: Mapping[int, np.ndarray] = field(default_factory=dict)
    touched: Touched | tuple[int, int] = "all"


class Decoded(NamedTuple):
    """Generated token ids without the end token, and whether the model ended the text itself."""

    tokens: list[int]
    finished: bool


class Arithmetic(NamedTuple):
    """What may differ in the last bit between two ways to write, so that each keeps the texts that it always wrote.

    own_logits: the model's own logits, in its precision; otherwise those of the unembedding, scaled and capped in float32.
    always_masked: an attention mask also where all prompts have the same length.
    retires: finished rows leave the batch, whose size the rounding of a matrix product may depend on.
    """

    own_logits: bool
    always_masked: bool
    retires: bool


ANSWERS = Arithmetic(own_logits=False, always_masked=False, retires=False)
STORIES = Arithmetic(own_logits=True, always_masked=True, retires=True)


@torch.inference_mode()
def decode(
    lm: Any,
    rows: Sequence[Row],
    sampling: Sampling,
    arithmetic: Arithmetic = ANSWERS,
    on_token: Callable[[int, int], object] = lambda row, token: None,
    ends: Container[int] | None = None,
) -> list[Decoded]:
    """Write the text of every row, in their order.

    `lm` has `.model`, `.parts`, `.tokenizer` and `.device`. `on_token(row, token)` hears every token of a text as it is drawn; what it
    answers, if true, ends the writing there. `ends`: tokens that end a text; None: those of the model and its tokenizer. Raises `UserError`
    for a model that keeps no cache of the text so far, and `HookError` where a vector was not added exactly once.
    """
    ends = end_tokens(lm) if ends is None else ends
    apart = _beyond_border(lm, rows, sampling) or new_cache(lm.model) is None
    if apart and len({len(row.ids) for row in rows}) > 1:
        return _by_length(lm, rows, sampling, arithmetic, on_token, ends)
    texts: list[list[int]] = [[] for _ in rows]
    finished = [False] * len(rows)
    batch = _Batch(lm, rows, sampling, arithmetic)
    tokens = batch.prompts
    for step in range(sampling.max_new_tokens):
        drawn = batch.choose(batch.forward(tokens), step, sampling)
        stop = False
        for row, token in zip(batch.rows, drawn.tolist(), strict=True):
            finished[row] = finished[row] or token in ends
            if not finished[row]:
                texts[row].append(token)
                stop = bool(on_token(row, token)) or stop
        done = torch.tensor([finished[row] for row in batch.rows])
        if stop or done.all() or step + 1 == sampling.max_new_tokens:
            break
        if arithmetic.retires and done.float().mean() >= RETIRE_SHARE and batch.divisible:
            drawn = batch.keep(torch.nonzero(~done)[:, 0], drawn)
        tokens = drawn[:, None]
    return [Decoded(*text) for text in zip(texts, finished, strict=True)]


def _beyond_border(lm: Any, rows: Sequence[Row], sampling: Sampling) -> bool:
    """Whether some rows lie beyond the model's `rotation_border`. `UserError` where a text may cross it while it is written."""
    border = rotation_border(lm)
    if border is None:
        return False
    crossing = next(
        (len(row.ids) for row in rows if len(row.ids) <= border < len(row.ids) + sampling.max_new_tokens - 1), None
    )
    if crossing is not None:
        raise UserError(
            f"A prompt of {crossing} tokens and up to {sampling.max_new_tokens} new ones would cross {border} tokens, beyond which {type(lm.model).__name__} rotates "
            "positions otherwise, also those already read; ask for fewer tokens, or give a shorter or a longer prompt."
        )
    return any(len(row.ids) > border for row in rows)


def _by_length(
    lm: Any, rows: Sequence[Row], sampling: Sampling, arithmetic: Arithmetic, on_token: Callable[[int, int], object], ends: Container[int]
) -> list[Decoded]:  # fmt: skip
    """Rows of each length on their own: what masks make of padding beside a model's own kind of cache is not for certain."""
    found: dict[int, Decoded] = {}
    stopped = False

    def heard(row: int, token: int) -> bool:
        nonlocal stopped
        stopped = bool(on_token(row, token)) or stopped
        return stopped

    for length in sorted({len(row.ids) for row in rows}):
        group = [number for number, row in enumerate(rows) if len(row.ids) == length]
        listen = partial(lambda group, row, token: heard(group[row], token), group)
        texts = (
            [Decoded([], False)] * len(group) if stopped else decode(lm, [rows[i] for i in group], sampling, arithmetic, listen, ends)
        )  # fmt: skip
        found |= dict(zip(group, texts, strict=True))
    return [found[number] for number in range(len(rows))]


def new_cache(model: Any) -> DynamicCache | None:
    """The cache that `generate` begins with; None for a model that makes one of its own kind in its first pass."""
    # MiniMax, for one, refuses any cache but its own; `generate` asks the same method.
    has_own = hasattr(model, "_supports_default_dynamic_cache") and not model._supports_default_dynamic_cache()
    return None if has_own else growing(DynamicCache(config=model.config))


class _Batch:
    """The rows still in the batch: what the model keeps of their text so far, masks, positions, vectors, draws, tokens seen."""

    def __init__(self, lm: Any, rows: Sequence[Row], sampling: Sampling, arithmetic: Arithmetic) -> None:
        self.lm, self.own_logits = lm, arithmetic.own_logits
        self.module = lm.model if arithmetic.own_logits else lm.parts.body
        takes = inspect.signature(self.module.forward).parameters
        self.takes_positions = "position_ids" in takes
        self.last_only = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        self.rows = list(range(len(rows)))
        self.draws = uniform_draws([row.seed for row in rows], sampling.max_new_tokens, lm.device)
        self.cache: Any = new_cache(lm.model)
        # The id of a padded place is never read: the mask hides it.
        padded = pad([row.ids for row in rows], lm.device, 0, "left")
        masked = arithmetic.always_masked or len({len(row.ids) for row in rows}) > 1
        self.prompts, self.mask = padded.ids, padded.mask if masked else None
        self.positions, self.next_position = padded.positions, padded.mask.sum(-1)
        self.vectors = _vectors(rows, lm.device)
        self.touched = _touched(rows, padded.mask)
        self.goes_on = torch.tensor([[row.touched in ("all", "response")] for row in rows], device=lm.device)
        self.given = [row.ids for row in rows]
        self.penalized = sampling.repetition_penalty != 1.0 or sampling.presence_penalty != 0.0
        self.prompt = self.text = (
            None  # (b, v) bool: the tokens that prompt and text hold, where penalties ask for them
        )

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits (b, v) after `ids` (b, t), which follow what was read before."""
        options: dict[str, Any] = {"input_ids": ids, "use_cache": True, **with_cache(self.module, self.cache)}
        if self.mask is not None:
            options["attention_mask"] = self.mask
        if self.takes_positions:
            # Some models can't count what is in a cache of their own.
            options["position_ids"] = self.positions
        steered = watch_blocks(self.lm, list(self.vectors), add_at(self.vectors, self.touched))
        with steered if self.vectors else nullcontext():
            found = self.module(**options, **self.last_only)
        self.cache = self._kept(found)
        self._advance()
        if self.own_logits:
            return found.logits[:, -1]
        return all_logits(self.lm, found.last_hidden_state[:, -1])

    def _kept(self, found: Any) -> Any:
        if self.cache is not None:
            return self.cache
        kept = next((found[name] for name in CACHE_NAMES if found.get(name) is not None), None)
        if kept is None:
            raise UserError(
                f"{type(self.lm.model).__name__} has no cache of the text so far to read the next token with, so emotion-vectors "
                "can't write with it; choose another model."
            )
        return kept

    def _advance(self) -> None:
        """Masks and positions of the next pass, of one token a row."""
        if self.mask is not None:
            self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.rows), 1)], dim=-1)
        self.positions, self.next_position = self.next_position[:, None], self.next_position + 1
        self.touched = self.goes_on

    def choose(self, logits: torch.Tensor, step: int, sampling: Sampling) -> torch.Tensor:
        """Token ids (b,) drawn for this step."""
        if self.penalized:
            if self.prompt is None or self.text is None:
                self.prompt, self.text = (
                    torch.zeros_like(logits, dtype=torch.bool),
                    torch.zeros_like(logits, dtype=torch.bool),
                )
                for row, ids in enumerate(self.given):
                    self.prompt[row, torch.tensor(ids, device=logits.device)] = True
            logits = penalize(logits, self.prompt, self.text, sampling)
        tokens = draw(logits, self.draws[:, step], sampling)
        if self.text is not None:
            self.text.scatter_(1, tokens[:, None], True)
        return tokens

    @property
    def divisible(self) -> bool:
        """Whether rows can leave: the cache is made of layers whose states are known to be one for each row."""
        known = (DynamicCache.__module__, GrowingLayer.__module__)
        return all(type(part).__module__ in known for part in (self.cache, *self.cache.layers))

    def keep(self, places: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Let all other rows go; the tokens of those that stay."""
        self.rows = [self.rows[place] for place in places.tolist()]
        places = places.to(self.lm.device)
        # `batch_select_indices` leaves the states of convolutions and recurrences as they are; this takes them along.
        self.cache.reorder_cache(places)
        self.mask = None if self.mask is None else self.mask[places]
        self.positions, self.next_position = self.positions[places], self.next_position[places]
        self.vectors = {layer: some[places] for layer, some in self.vectors.items()}
        self.touched, self.goes_on, self.draws = self.touched[places], self.goes_on[places], self.draws[places]
        if self.prompt is not None and self.text is not None:
            self.prompt, self.text = self.prompt[places], self.text[places]
        return tokens[places]


def _vectors(rows: Sequence[Row], device: torch.device) -> dict[int, torch.Tensor]:
    """What is added at each layer, (b, d) float32; zeros for a row that adds nothing there."""
    found = {}
    for layer in sorted({layer for row in rows for layer in row.vectors}):
        zero = np.zeros(next(len(row.vectors[layer]) for row in rows if layer in row.vectors), dtype=np.float32)
        stacked = np.stack([np.asarray(row.vectors.get(layer, zero), dtype=np.float32) for row in rows])
        found[layer] = torch.from_numpy(stacked).to(device)
    return found


def _touched(rows: Sequence[Row], mask: torch.Tensor) -> torch.Tensor:
    """(b, t) bool: the tokens of the prompts that are steered."""
    found = mask.bool()
    for number, row in enumerate(rows):
        start, end = mask.shape[1] - len(row.ids), mask.shape[1]
        if row.touched == "response":
            found[number, : end - 1] = False
        elif isinstance(row.touched, tuple):
            first, last = row.touched
            found[number, : start + first] = False
            found[number, start + last :] = False
    return found
