"""Add vectors to the residual stream of a running model: all tokens, the prompt, the answer, or a stretch of text.

Works on a `LanguageModel` of this package and on any transformers model whose decoder blocks can be found for certain, in
forward passes and in `generate`, with and without a key-value cache, with padding on either side and with beams. When
the context ends, also by an exception, nothing is left on the model.

    all        every token that is not padding, in every pass
    prompt     the prompt's tokens, when they are read
    response   the response position (the last token of the prompt, which predicts the first of the answer) and every
               token that is generated
    TextSpan   the tokens of the prompt that spell a text

A token read again (without a cache) is steered again, so the answer is the same with and without a cache. Contexts may be
nested: their vectors add up. A model object is steered for everyone who uses it while the context lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from emotion_vectors.errors import UserError
from emotion_vectors.lm.architecture import Parts, find_parts
from emotion_vectors.lm.finite import ADVICE, NotFiniteError, require_addable
from emotion_vectors.lm.limits import context_of_config
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.passes import Pass, watch_passes
from emotion_vectors.lm.prompts import check_span
from emotion_vectors.lm.uncompiled import HookError, check_fired, uncompiled


class Addition(NamedTuple):
    """A vector (d,) in residual-stream units, to be added as it is to the output of block `layer`, counted from 0."""

    layer: int
    vector: np.ndarray


@dataclass(frozen=True)
class TextSpan:
    """The tokens of the prompt that spell `text`, which must begin and end on token borders.

    `occurrence` counts from 0 where the text is there several times; None: it must be there once.
    """

    text: str
    occurrence: int | None = None


Tokens = Literal["all", "prompt", "response"] | TextSpan
"""Which tokens are steered."""


@dataclass
class Steering:
    """What was steered so far: for every forward pass, and every row of its batch, which tokens.

    Columns count from 0 in the row's whole sequence, padding included, so that they index what `generate` returns.
    """

    _passes: list[tuple[int, torch.Tensor, torch.Tensor | None]] = field(default_factory=list, repr=False)

    @property
    def passes(self) -> int:
        """Forward passes that went through the model, touched or not."""
        return len(self._passes)

    @property
    def touched(self) -> list[list[list[int]]]:
        """Columns of the touched tokens by pass and row."""
        return [
            [(row.nonzero()[:, 0] + offset).tolist() for row in touched.cpu()] for offset, touched, _ in self._passes
        ]

    @property
    def ids(self) -> list[list[list[int]]]:
        """Ids of the touched tokens by pass and row; empty where a pass was given embeddings in place of ids."""
        return [
            [[] if ids is None else ids[row][touched[row]].tolist() for row in range(len(touched))]
            for _, touched, ids in self._passes
        ]


@contextmanager
def steer(
    model: LanguageModel | PreTrainedModel,
    additions: Sequence[Addition],
    tokens: Tokens = "all",
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> Iterator[Steering]:
    """Add vectors to the residual stream while the context lasts; several at one layer add up.

    `tokenizer` is needed for a `TextSpan` on a plain transformers model. Raises `UserError` for a layer or a width that
    the model doesn't have, and, inside the pass, for a text that isn't in the prompt, that is longer than the model's context or has
    ids beyond its embedding, and for a steered model whose residual stream is NaN or infinite. A compiled model runs uncompiled meanwhile.
    A pass in which a steered block was not called exactly once, and a context that ends without a pass of the model, raise
    `HookError`: what was written is not steered then.
    """
    if isinstance(model, LanguageModel):
        inner, parts, tokenizer = model.model, model.parts, tokenizer or model.tokenizer
    else:
        inner = getattr(model, "_orig_mod", model)  # what torch.compile was given
        parts = find_parts(inner)
    if isinstance(tokens, TextSpan):
        if tokenizer is None:
            raise UserError("A TextSpan on a plain transformers model needs its tokenizer: steer(..., tokenizer=...).")
    elif tokens not in ("all", "prompt", "response"):
        raise UserError(f"There are no tokens '{tokens}' to steer; use all, prompt, response or TextSpan('words').")
    rows = int(cast(Any, inner).get_input_embeddings().weight.shape[0])
    vectors = summed(inner, parts, additions)
    chosen = _Chosen(tokens, tokenizer, context_of_config(inner.config), rows, tuple(vectors))
    with ExitStack() as stack:
        stack.enter_context(uncompiled())
        stack.enter_context(watch_passes(inner, parts.body, chosen.begin))
        for layer, vector in vectors.items():
            handle = parts.blocks[layer].register_forward_hook(_adder(layer, vector, chosen))
            stack.callback(handle.remove)
        stack.callback(parts.body.register_forward_hook(chosen.end).remove)
        yield chosen.steering
    if not chosen.begun:
        raise HookError(
            "The steering ended without a forward pass of its model, so nothing was steered; inside the block call the model that "
            "was given, not a copy, a traced model or another model."
        )


def summed(model: PreTrainedModel, parts: Parts, additions: Sequence[Addition]) -> dict[int, torch.Tensor]:
    """One vector (d,) float32 per layer; a layer or a width that the model doesn't have is a `UserError`."""
    width = int(model.config.get_text_config().hidden_size)
    vectors: dict[int, torch.Tensor] = {}
    for layer, vector in additions:
        if not 0 <= layer < len(parts.blocks):
            raise UserError(f"The model has no layer {layer}; its layers go from 0 to {len(parts.blocks) - 1}.")
        if vector.shape != (width,):
            raise UserError(f"A vector of shape {vector.shape} can't be added to a residual stream of width {width}.")
        require_addable(vector, model.dtype)
        exact = torch.from_numpy(np.ascontiguousarray(vector)).float()
        vectors[layer] = vectors[layer] + exact if layer in vectors else exact
    return vectors


def _adder(layer: int, vector: torch.Tensor, chosen: _Chosen) -> Any:
    """Forward hook of a block: its output plus `vector` at the chosen tokens."""
    placed: dict[tuple[torch.device, torch.dtype], torch.Tensor] = {}

    def hook(_: nn.Module, __: tuple, output: Any) -> Any:
        # A block returns a tensor, or a tuple that begins with it, by model and version.
        residual = output[0] if isinstance(output, tuple) else output
        chosen.fired[layer] += 1
        where = residual.device, residual.dtype
        if where not in placed:
            placed[where] = vector.to(*where)
        if residual.shape[-2] != chosen.touched.shape[-1]:
            raise RuntimeError(f"a block sees {residual.shape[-2]} tokens of a pass of {chosen.touched.shape[-1]}")
        touched = chosen.touched.to(residual.device).unsqueeze(-1)
        changed = torch.where(touched, residual + placed[where], residual)
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    return hook


class _Chosen:
    """Which tokens of the pass under way are steered, and how often each layer's hook has fired in it."""

    def __init__(
        self,
        tokens: Tokens,
        tokenizer: PreTrainedTokenizerBase | None,
        most: int | None,
        embedded: int,
        layers: tuple[int, ...] = (),
    ) -> None:
        """`most` tokens are read at once (None: any number); `embedded` ids have an embedding."""
        self.tokens, self.tokenizer, self.most, self.embedded, self.layers = tokens, tokenizer, most, embedded, layers
        self.fired = dict.fromkeys(layers, 0)
        self.real = torch.zeros(0)
        self.begun = False
        self.steering = Steering()
        self.touched = torch.zeros(0)
        self.found: tuple[Any, torch.Tensor] | None = None  # the prompt that was searched last, and the span's columns

    def begin(self, now: Pass) -> None:
        """Choose the tokens of the pass that begins; refuse what the model can't be fed."""
        self.begun = True
        self._require_room(now)
        self.real = now.real
        self.fired = dict.fromkeys(self.layers, 0)
        if isinstance(self.tokens, TextSpan):
            self.touched = self._span(now)
        else:
            choose = {"all": lambda: now.real, "prompt": now.in_prompt, "response": now.in_response}
            self.touched = choose[self.tokens]()
        self.steering._passes.append((now.offset, self.touched, now.ids))

    def _require_room(self, now: Pass) -> None:
        end = now.offset + now.real.shape[1]
        if self.most is not None and end > self.most:
            end = now.offset + int(now.real.sum(dim=1).max())  # padding has no position
            if end > self.most:
                raise UserError(
                    f"The text has {end} tokens, but the model reads at most {self.most}; shorten it, or ask for fewer new tokens."
                )
        # A generated token is one of the model's own.
        if now.ids is not None and now.ids.shape[1] > 1 and (highest := int(now.ids.max())) >= self.embedded:
            raise UserError(
                f"The text has the id {highest}, but the model's embedding ends at {self.embedded - 1}; use the tokenizer that the model was "
                "trained with, or resize the model's embedding to the tokenizer."
            )

    def end(self, _: nn.Module, __: tuple, output: Any) -> None:
        """Forward hook of the decoder: every steered block was called once, and what it gives at tokens that are not padding is finite."""
        check_fired(self.fired)
        hidden = output.last_hidden_state if hasattr(output, "last_hidden_state") else output[0]
        if not bool(torch.isfinite(hidden).all(dim=-1)[self.real.to(hidden.device)].all()):
            raise NotFiniteError(
                f"The steered model's residual stream is not finite (NaN or infinity); steer with a smaller strength, or {ADVICE}."
            )

    def _span(self, now: Pass) -> torch.Tensor:
        prompt = now.known_prompt()
        if now.offset >= prompt.width:
            return torch.zeros_like(now.real)
        if self.found is None or self.found[0] is not prompt:
            if prompt.ids is None:
                raise UserError("A TextSpan can't be found in a prompt given as embeddings; give its token ids.")
            columns = self._search(prompt.ids, prompt.real, prompt.width)
            if columns[:, : now.offset].any():
                raise UserError(
                    "The words to steer are in a part of the prompt that was read earlier; steer from its start."
                )
            self.found = prompt, columns
        return now.on_columns(self.found[1]) & now.real

    def _search(self, ids: torch.Tensor, real: torch.Tensor | None, width: int) -> torch.Tensor:
        """(rows, width) bool: the columns whose tokens spell the text, in every row of the prompt."""
        assert isinstance(self.tokens, TextSpan) and self.tokenizer is not None
        columns = torch.zeros((len(ids), width), dtype=torch.bool)
        start = width - ids.shape[1]
        for row, line in enumerate(ids.tolist()):
            kept = [i for i in range(len(line)) if real is None or bool(real[row, start + i])]
            first, last = find_text(self.tokenizer, [line[i] for i in kept], self.tokens)
            columns[row, [start + i for i in kept[first:last]]] = True
        return columns


def find_text(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], span: TextSpan) -> tuple[int, int]:
    """The half-open range of tokens that spell the text of `span`; checked by decoding them."""
    text = span.text.strip()

    def count(first: int, last: int) -> int:
        return str(tokenizer.decode(list(ids[first:last]), clean_up_tokenization_spaces=False)).count(text)

    there = count(0, len(ids)) if text else 0
    if there == 0:
        raise UserError(f"The prompt doesn't contain the text '{text[:60]}'; copy the words from the prompt.")
    if span.occurrence is None and there > 1:
        raise UserError(
            f"The prompt contains '{text[:60]}' {there} times; give more of the text, or TextSpan(text, 0)."
        )
    wanted = span.occurrence or 0
    if not 0 <= wanted < there:
        raise UserError(f"The prompt contains '{text[:60]}' {there} times; there is no occurrence {wanted}.")
    # Both counts grow by one token at a time, so two binary searches find the borders in any tokenizer.
    last = _first_true(1, len(ids), lambda end: count(0, end) > wanted)
    first = last - _first_true(1, last, lambda length: count(last - length, last) > 0)
    check_span(tokenizer, list(ids[first:last]), text)
    return first, last


def _first_true(low: int, high: int, test: Any) -> int:
    """The smallest number in `low`..`high` that passes a test which every larger one passes too."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if test(middle) else (middle + 1, high)
    return low
