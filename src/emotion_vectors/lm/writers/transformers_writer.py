"""Write with transformers, for any causal model on any device: batches of texts of similar length, halved where memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import transformers

from emotion_vectors.errors import UserError
from emotion_vectors.lm.decode import STORIES, Row, decode
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.writers.base import (
    Engine,
    Request,
    Sampling,
    WriterKind,
    Written,
    end_tokens,
    read_text,
    refuse_empty_prompts,
)

# Requests are sorted by length inside windows of this many batches: little padding, and results still come in order.
WINDOW = 8


class TransformersWriter(Engine):
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

    def _write_batch(self, group: Sequence[Request], sampling: Sampling) -> list[Written]:
        rows = [Row(one.prompt_ids, one.seed) for one in group]
        texts = decode(self._lm, rows, sampling, STORIES, ends=self._ends)
        return [
            Written(request.key, read_text(self._lm, text.tokens), len(text.tokens), text.finished)
            for request, text in zip(group, texts, strict=True)
        ]


KIND = WriterKind(make=lambda lm, options: TransformersWriter(lm, options.stories_per_batch, options.say))
