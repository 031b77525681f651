"""Write with transformers: a batched decoding loop of our own, for any causal model on any device.

`generate` has one random generator for the whole batch, so a text would depend on its neighbours. Here every row
draws from its own seed, finished rows leave the batch, and running out of memory halves the batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
import transformers
from transformers import DynamicCache

from emotion_vectors.errors import UserError
from emotion_vectors.lm.forward import with_cache
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.writers.base import Request, Sampling, Written, end_tokens, read_text, refuse_empty_prompts
from emotion_vectors.lm.writers.sampling import draw, penalize, uniform_draws

# Requests are sorted by length inside windows of this many batches: little padding, and results still come in order.
WINDOW = 8
# Finished rows leave the batch once they are this share of it; each departure copies the cache of the rest.
RETIRE_SHARE = 0.25


class TransformersWriter:
    """Writes with the loaded transformers model itself."""

    def __init__(self, lm: Any, stories_per_batch: int = 128, say: Callable[[str], None] | None = None) -> None:
        """`lm` has `.model`, `.tokenizer` and `.device`; `say` gets one line when the batch has to shrink."""
        if stories_per_batch < 1:
            raise UserError(f"stories_per_batch is {stories_per_batch}; it must be 1 or more.")
        self.name = f"transformers {transformers.__version__}"
        self._lm = lm
        self._room = Room(
            stories_per_batch, "texts", "writing", lm.device, say or (lambda sentence: None),
            "use a smaller model or a smaller story_tokens",
        )  # fmt: skip
        self._ends = end_tokens(lm)

    @property
    def batch(self) -> int:
        """Texts written at once; less than was asked for once memory ran out."""
        return self._room.size

    def write(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Written]:
        """Yield one `Written` per request; a text depends on its own prompt, seed and `sampling`."""
        refuse_empty_prompts(requests)
        start = 0
        while start < len(requests):
            window = sorted(requests[start : start + WINDOW * self.batch], key=lambda one: len(one.prompt_ids))
            start += len(window)
            while window:
                group = window[: self.batch]
                written = self._room.attempt(partial(self._write_batch, group, sampling), len(group), len(group) == 1)
                if written is not None:
                    window = window[len(group) :]
                    yield from written

    @torch.inference_mode()
    def _write_batch(self, group: Sequence[Request], sampling: Sampling) -> list[Written]:
        state = _Rows(self._lm, group, sampling)
        texts: list[list[int]] = [[] for _ in group]
        finished = [False] * len(group)
        ids, mask = state.left_padded()
        logits = state.first(ids, mask)
        for step in range(sampling.max_new_tokens):
            tokens = state.choose(logits, step, sampling)
            done = torch.zeros(len(state.rows), dtype=torch.bool)
            for place, (row, token) in enumerate(zip(state.rows, tokens.tolist(), strict=True)):
                if finished[row]:
                    done[place] = True
                elif token in self._ends:
                    finished[row] = True
                    done[place] = True
                else:
                    texts[row].append(token)
            if done.all() or step + 1 == sampling.max_new_tokens:
                break
            if done.float().mean() >= RETIRE_SHARE:
                tokens = state.keep(torch.nonzero(~done)[:, 0], tokens)
            logits = state.next(tokens)
        return [
            Written(request.key, read_text(self._lm, text), len(text), end)
            for request, text, end in zip(group, texts, finished, strict=True)
        ]


class _Rows:
    """The rows still in the batch: their key-value cache, attention mask, positions, draws and tokens seen."""

    def __init__(self, lm: Any, group: Sequence[Request], sampling: Sampling) -> None:
        self.model, self.device, self.group = lm.model, lm.device, group
        self.rows = list(range(len(group)))
        self.draws = uniform_draws([one.seed for one in group], sampling.max_new_tokens, lm.device)
        self.cache = DynamicCache(config=lm.model.config)
        self.penalized = sampling.repetition_penalty != 1.0 or sampling.presence_penalty != 0.0
        takes = inspect.signature(lm.model.forward).parameters
        self.last_only = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}

    def left_padded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Prompt ids and mask `[b, longest]`, padded on the left so that every row ends at the same column."""
        longest = max(len(one.prompt_ids) for one in self.group)
        # The id of a padded place is never read: the mask hides it.
        ids = torch.zeros(len(self.group), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, one in enumerate(self.group):
            ids[row, longest - len(one.prompt_ids) :] = torch.tensor(one.prompt_ids)
            mask[row, longest - len(one.prompt_ids) :] = 1
        return ids.to(self.device), mask.to(self.device)

    def first(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Read the prompts; logits `[b, v]` of the first new token."""
        self.mask = mask
        self.positions = mask.sum(-1)
        logits = self._forward(ids, (mask.cumsum(-1) - 1).clamp(min=0))
        self.text = torch.zeros_like(logits, dtype=torch.bool) if self.penalized else None
        self.prompt = torch.zeros_like(logits, dtype=torch.bool) if self.penalized else None
        if self.prompt is not None:
            for row, one in enumerate(self.group):
                self.prompt[row, torch.tensor(one.prompt_ids, device=self.device)] = True
        return logits

    def next(self, tokens: torch.Tensor) -> torch.Tensor:
        """Feed one token per row; logits `[b, v]` of the token after it."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.rows), 1)], dim=-1)
        logits = self._forward(tokens[:, None], self.positions[:, None])
        self.positions = self.positions + 1
        return logits

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return self.model(
            input_ids=ids, attention_mask=self.mask, position_ids=positions, use_cache=True,
            **with_cache(self.model, self.cache), **self.last_only,
        ).logits[:, -1]  # fmt: skip

    def choose(self, logits: torch.Tensor, step: int, sampling: Sampling) -> torch.Tensor:
        """Token ids `[b]` drawn for this step."""
        if self.text is not None and self.prompt is not None:
            logits = penalize(logits, self.prompt, self.text, sampling)
        tokens = draw(logits, self.draws[:, step], sampling)
        if self.text is not None:
            self.text.scatter_(1, tokens[:, None], True)
        return tokens

    def keep(self, places: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Let all other rows go; the tokens of those that stay."""
        self.rows = [self.rows[place] for place in places.tolist()]
        places = places.to(self.device)
        self.cache.batch_select_indices(places)
        self.mask, self.positions, self.draws = self.mask[places], self.positions[places], self.draws[places]
        if self.text is not None and self.prompt is not None:
            self.text, self.prompt = self.text[places], self.prompt[places]
        return tokens[places]
