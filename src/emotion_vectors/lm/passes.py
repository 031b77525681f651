"""Where in the text is a forward pass? Which of its tokens are prompt, and which are the answer?

A pass over a whole prompt, a pass of one new token on top of a key-value cache, a piece of a prompt, and a whole text read
again without a cache all look different, but a token keeps its column in the sequence. Columns below the prompt's width
are prompt; the others are generated. Inside `generate` the prompt is what `generate` was given; in a forward pass of
one's own it is what the pass is given where nothing is in the cache yet.

Shapes: b rows, t tokens of the pass, p columns of the prompt. Columns count padding too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from emotion_vectors.errors import UserError
from emotion_vectors.lm.forward import CACHE_NAMES


@dataclass
class Given:
    """The prompt of a forward pass or of a call of `generate`: its rows, width, ids and mask of real tokens, where known."""

    rows: int
    width: int
    ids: torch.Tensor | None  # (b, k): the last k columns of the prompt
    real: torch.Tensor | None  # (b, width) bool


@dataclass(frozen=True)
class Pass:
    """One forward pass: columns `offset` to `offset` + t of each row's sequence.

    `real` (b, t) is False on padding. `prompt` is None where a pass can't be told to be prompt or answer.
    """

    offset: int
    ids: torch.Tensor | None  # (b, t)
    real: torch.Tensor  # (b, t) bool
    prompt: Given | None

    def columns(self) -> torch.Tensor:
        """(t,) the columns of the pass."""
        return torch.arange(self.offset, self.offset + self.real.shape[1], device=self.real.device)

    def known_prompt(self) -> Given:
        """The prompt; a `UserError` where this pass can't be told to be prompt or answer."""
        if self.prompt is None:
            raise UserError(
                "A pass puts several tokens on top of a filled cache, so prompt and answer can't be told apart; "
                "call generate, or steer all tokens."
            )
        return self.prompt

    def in_prompt(self) -> torch.Tensor:
        """(b, t) bool: tokens of the prompt."""
        return self.real & (self.columns() < self.known_prompt().width)

    def in_response(self) -> torch.Tensor:
        """(b, t) bool: the response position, which is the last real token of the prompt, and everything after it."""
        prompt = self.known_prompt()
        generated = self.columns() >= prompt.width
        if prompt.real is None:
            return self.real & (generated | (self.columns() == prompt.width - 1))
        places = torch.arange(prompt.width, device=prompt.real.device)
        last = (prompt.real * places).argmax(dim=1)
        last = last.repeat_interleave(len(self.real) // len(last)).to(self.real.device)
        return self.real & (generated | (self.columns() == last[:, None]))

    def on_columns(self, chosen: torch.Tensor) -> torch.Tensor:
        """(b, t) bool: the pass's part of `chosen` (rows of the prompt, p); beams share their prompt's row."""
        full = torch.zeros(self.real.shape, dtype=torch.bool, device=self.real.device)
        end = min(chosen.shape[1], self.offset + self.real.shape[1])
        if end > self.offset:
            rows = chosen[:, self.offset : end].repeat_interleave(len(full) // len(chosen), dim=0)
            full[:, : end - self.offset] = rows.to(full.device)
        return full


@contextmanager
def watch_passes(model: PreTrainedModel, body: nn.Module, watch: Callable[[Pass], None]) -> Iterator[None]:
    """Tell `watch` about every forward pass through `body`, the decoder of `model`, before it begins."""
    watcher = _Watcher(watch)
    own = vars(model).get("generate")
    generate = cast(Any, model).generate

    @wraps(generate)
    def watched(*arguments: Any, **options: Any) -> Any:
        # It stands in for the model's own method, so it takes and hands on whatever that takes.
        outer = watcher.given, watcher.generating
        watcher.given, watcher.generating = _given(arguments, options), True
        try:
            return generate(*arguments, **options)
        finally:
            watcher.given, watcher.generating = outer

    handles = [body.register_forward_pre_hook(watcher.before, with_kwargs=True)]
    if model is not body:
        handles.append(model.register_forward_pre_hook(watcher.called, with_kwargs=True))
        handles.append(model.register_forward_hook(watcher.returned, always_call=True))
    vars(model)["generate"] = watched
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        if own is None:
            vars(model).pop("generate", None)
        else:
            vars(model)["generate"] = own


class _Watcher:
    """Turns the arguments of the decoder's passes into `Pass` objects."""

    def __init__(self, watch: Callable[[Pass], None]) -> None:
        self.watch = watch
        self.generating = False
        self.given: Given | None = None  # inside `generate`: None until its first pass where it was given nothing
        self.outer: dict[str, Any] = {}  # what the whole model was called with, while it runs

    def called(self, _: nn.Module, arguments: tuple, options: dict[str, Any]) -> None:
        """Forward pre-hook of the whole model: one with images hands its decoder embeddings, and masks made of the caller's."""
        self.outer = options | ({"input_ids": arguments[0]} if arguments else {})

    def returned(self, *_: object) -> None:
        """Forward hook of the whole model."""
        self.outer = {}

    def before(self, _: nn.Module, arguments: tuple, options: dict[str, Any]) -> tuple[tuple, dict[str, Any]] | None:
        """Forward pre-hook of the decoder.

        Gemma 4 E2B and E4B let their last blocks see only the tokens whose logits are kept; here they see all, so that a token has the
        same column in every block.
        """
        ids = options.get("input_ids", arguments[0] if arguments else None)
        shape = options["inputs_embeds"].shape[:2] if ids is None else ids.shape
        device = options["inputs_embeds"].device if ids is None else ids.device
        if ids is None and (outer := self.outer.get("input_ids")) is not None and outer.shape == shape:
            ids = outer.to(device)
        cache = next((options[name] for name in CACHE_NAMES if options.get(name) is not None), None)
        offset = _cached(cache) if cache is not None else 0
        masks = (options.get("attention_mask"), self.outer.get("attention_mask"))
        mask = next((mask for mask in masks if isinstance(mask, torch.Tensor) and mask.dim() == 2), None)
        mask = None if mask is None else mask.to(device)
        end = offset + shape[1]
        if mask is not None and mask.shape[1] >= end:
            real = mask[:, offset:end].bool()
        else:
            real = self._unmasked(offset, tuple(shape), device)
        self.watch(Pass(offset, ids, real, self._prompt(offset, ids, real, mask)))
        return (arguments, options | {"logits_to_keep": 0}) if options.get("logits_to_keep") is not None else None

    def _unmasked(self, offset: int, shape: tuple[int, int], device: torch.device) -> torch.Tensor:
        """(b, t) of a pass without a plain mask: all real, but for the padding of the prompt that `generate` was given."""
        real = torch.ones(shape, dtype=torch.bool, device=device)
        if self.given is not None and self.given.real is not None:
            padded = Pass(offset, None, real, self.given).on_columns(~self.given.real)
            real = real & ~padded
        return real

    def _prompt(
        self, offset: int, ids: torch.Tensor | None, real: torch.Tensor, mask: torch.Tensor | None
    ) -> Given | None:
        if self.generating:
            if self.given is None:
                self.given = Given(len(real), offset + real.shape[1], ids, None)
            given = self.given
            if given.real is None and mask is not None and mask.shape[1] >= given.width:
                # Beams and several answers repeat each row of the prompt.
                given.real = mask[:: max(1, len(mask) // given.rows), : given.width].bool()
            return given if _continues(given, offset, ids) else None
        if offset == 0:
            return Given(len(real), real.shape[1], ids, real)
        # One token on top of a cache is a generated one: the whole prompt lies before it.
        return Given(len(real), offset, None, None) if real.shape[1] == 1 else None


def _cached(cache: Any) -> int:
    """Tokens that a cache holds; a layer that keeps a state in place of keys and values doesn't count (MiniMax's first)."""
    layers = [layer for layer in getattr(cache, "layers", ()) if hasattr(layer, "get_seq_length")]
    return max([int(cache.get_seq_length()), *(int(layer.get_seq_length()) for layer in layers)])


def _continues(given: Given, offset: int, ids: torch.Tensor | None) -> bool:
    """Whether the prompt columns of a pass hold the prompt's ids; guidance, for one, reads another text on the side."""
    if given.ids is None or ids is None or offset >= given.width:
        return True
    start = given.width - given.ids.shape[1]
    first, last = max(offset, start), min(offset + ids.shape[1], given.width)
    if last <= first or len(ids) % len(given.ids):
        return last <= first
    expected = given.ids[:, first - start : last - start].repeat_interleave(len(ids) // len(given.ids), dim=0)
    return bool((expected.to(ids.device) == ids[:, first - offset : last - offset]).all())


def _given(arguments: tuple, options: dict[str, Any]) -> Given | None:
    """The prompt that a call of `generate` is given."""
    ids = arguments[0] if arguments else options.get("inputs", options.get("input_ids"))
    embeddings = options.get("inputs_embeds")
    mask = options.get("attention_mask")
    real = mask.bool() if isinstance(mask, torch.Tensor) and mask.dim() == 2 else None
    if isinstance(ids, torch.Tensor) and ids.dim() == 2 and ids.shape[1]:
        # With a filled cache the ids may be the new ones alone; the mask then covers the whole text.
        width = max(ids.shape[1], real.shape[1] if real is not None else 0)
        return Given(len(ids), width, ids, real)
    if isinstance(embeddings, torch.Tensor):
        return Given(len(embeddings), embeddings.shape[1], None, real)
    return None
