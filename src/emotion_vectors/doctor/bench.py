"""What the checks work on: a model, a pack, a few prompts, and a plain reference that uses no function under test.

The reference runs the model's own forward on one prompt at a time, with `output_hidden_states` and hooks of its own. The
checks compare the production functions with it, so a bug in one of those shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch

from emotion_vectors.errors import UserError
from emotion_vectors.lm import choices, forward
from emotion_vectors.lm import prompts as prompting
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.templates import dated, opening
from emotion_vectors.lm.thinking import SWITCHES
from emotion_vectors.lm.uncompiled import uncompiled
from emotion_vectors.stimuli.pack import Pack

# Relative to the norm of the residual. Rounding of one operation is 6e-8, 4e-3 and 5e-4 of a value; blocks add theirs up, and
# other shapes of the same product round otherwise. Another token or another layer makes a difference of order 1.
RESIDUAL_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.05, torch.float16: 0.01}
STRENGTH = 0.5  # of the mean residual norm over the touched tokens, as in the default settings
PER_CATEGORY = 2  # activities of each category whose ordered pairs are all asked


class Own(NamedTuple):
    """The model's own pass over one prompt of t tokens: hidden states and the logits after the last token."""

    hidden: list[torch.Tensor]  # n + 1 of (t, d) float32: embedding, blocks 0 to n - 2, and what the final norm gives
    logits: torch.Tensor  # (v,) float32


class Asked(NamedTuple):
    """A message, the prefill of its answer, the text values in it, and the prompt that production makes of it."""

    template: str
    values: dict[str, str]
    prefill: str
    prompt: prompting.Prompt


@dataclass
class Bench:
    """One model on the bench. `layer` is the layer that is steered."""

    lm: LanguageModel
    pack: Pack
    layer: int
    passes: dict[float | None, Any] = field(default_factory=dict)  # of the steering checks, by strength; None: no hook

    def __post_init__(self) -> None:
        if not 0 <= self.layer < self.lm.n_layers:
            last = self.lm.n_layers - 1
            raise UserError(f"There is no layer {self.layer} in {self.lm.name}; layers go from 0 to {last}.")

    def ask(self, template: str, values: dict[str, str], prefill: str = "") -> Asked:
        """A prompt made by the production function."""
        return Asked(template, values, prefill, prompting.chat_prompt(self.lm, template, values, prefill))

    def ask_pair(self, first: str, second: str) -> Asked:
        """The preference prompt of two activities."""
        texts = self.pack.prompts
        return self.ask(texts.preference, {"activity_a": first, "activity_b": second}, texts.preference_prefill)

    @cached_property
    def activities(self) -> list[str]:
        """A small balanced set of activities: the first ones of each category."""
        taken: dict[str, list[str]] = {}
        for activity in self.pack.activities:
            taken.setdefault(activity.category, []).append(activity.text)
        return [text for texts in taken.values() for text in texts[:PER_CATEGORY]]

    @cached_property
    def pairs(self) -> list[Asked]:
        """Preference prompts of neighbours in that set, in both orders."""
        texts = self.activities
        neighbours = list(pairwise(texts))[:8]
        return [self.ask_pair(*order) for a, b in neighbours for order in ((a, b), (b, a))]

    @cached_property
    def rows(self) -> list[tuple[tuple[int, ...], tuple[int, int]]]:
        """Token ids and a span of four prompts of different kinds and lengths."""
        lengths = sorted((activity.text for activity in self.pack.activities), key=len)
        feelings = [self.ask(self.pack.prompts.feeling, {"activity": text}) for text in (lengths[0], lengths[-1])]
        first, second = self.pairs[0].prompt, self.pairs[3 % len(self.pairs)].prompt
        rows = [(asked.prompt.ids, asked.prompt.spans["activity"]) for asked in feelings]
        return [*rows, (first.ids, first.spans["activity_a"]), (second.ids, second.spans["activity_b"])]

    @cached_property
    def own(self) -> list[Own]:
        """The model's own pass over each of `rows`."""
        return [own_pass(self.lm, ids) for ids, _ in self.rows]

    @cached_property
    def batch(self) -> forward.Batch:
        """`rows` as one padded batch."""
        return forward.pad([ids for ids, _ in self.rows], self.lm.device, self.lm.pad_id)

    @property
    def last(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Index of the last token of each row of `batch`."""
        return torch.arange(len(self.rows), device=self.lm.device), self.batch.last

    @cached_property
    def touched(self) -> torch.Tensor:
        """(b, t) bool: the span of each row of `batch`; it is padded on the right."""
        mask = torch.zeros(self.batch.ids.shape, dtype=torch.bool)
        for row, (_, (first, last)) in enumerate(self.rows):
            mask[row, first:last] = True
        return mask.to(self.lm.device)

    @cached_property
    def vectors(self) -> torch.Tensor:
        """(b, d): another random vector for each row, of the steering strength."""
        norms = [
            own.hidden[min(self.layer + 1, self.lm.n_layers - 1)][first:last].norm(dim=-1).mean()
            for own, (_, (first, last)) in zip(self.own, self.rows, strict=True)
        ]
        drawn = torch.randn(len(norms), self.lm.hidden_size, generator=torch.Generator().manual_seed(0))
        size = STRENGTH * torch.stack(norms).mean().cpu()
        return (drawn / drawn.norm(dim=-1, keepdim=True) * size).to(self.lm.device)

    @cached_property
    def choices(self) -> choices.Choices:
        """All ordered pairs of `activities`, prepared by production."""
        prompts = self.pack.prompts
        return choices.prepare(self.lm, prompts.preference, prompts.preference_prefill, self.activities)

    @cached_property
    def baseline(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits (n, n, 2), their difference (n, n) and the mass on A and B (n, n) of these pairs, by production."""
        found = choices.read_baseline(self.lm, self.choices)
        return found.logits, found.differences, found.mass


def own_pass(lm: LanguageModel, ids: tuple[int, ...]) -> Own:
    """The model's own forward on one prompt."""
    with torch.inference_mode():
        output = lm.model(torch.tensor([list(ids)], device=lm.device), output_hidden_states=True, use_cache=False)
    return Own([state[0].float() for state in output.hidden_states], output.logits[0, -1].float())


Change = Callable[[torch.Tensor], torch.Tensor]


@contextmanager
def plain_hooks(lm: LanguageModel, change: dict[int, Change] | None = None) -> Iterator[dict[int, torch.Tensor]]:
    """Collect the output (b, t, d) of every block with plain torch hooks, after `change[layer]` where given."""
    outputs: dict[int, torch.Tensor] = {}
    handles = []
    for layer, block in enumerate(lm.parts.blocks):

        def hook(_: Any, __: Any, output: Any, layer: int = layer) -> Any:
            residual = output[0] if isinstance(output, tuple) else output
            if change is None or layer not in change:
                outputs[layer] = residual.to(lm.device, copy=True)
                return None
            outputs[layer] = change[layer](residual.to(lm.device))
            changed = outputs[layer].to(residual.device)
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        handles.append(block.register_forward_hook(hook))
    try:
        with uncompiled():
            yield outputs
    finally:
        for handle in handles:
            handle.remove()


def own_text(lm: LanguageModel, message: str, prefill: str, answer: bool = True) -> str:
    """The text of a prompt as the template itself gives it; without the beginning of an answer if `answer` is False."""
    if not lm.is_chat:
        return f"Human: {message}" + (f"\n\nAssistant:{' ' + prefill if prefill else ''}" if answer else "")
    said = [{"role": "user", "content": message}]
    text = lm.tokenizer.apply_chat_template(
        said, tokenize=False, add_generation_prompt=answer, chat_template=dated(lm.tokenizer.chat_template), **SWITCHES
    )
    return str(text) + (opening(lm) + prefill if answer else "")


def front_of(lm: LanguageModel) -> list[int]:
    """The ids that the tokenizer puts before a plain text."""
    plain, whole = (lm.tokenizer("a", add_special_tokens=own)["input_ids"] for own in (False, True))
    return whole[: whole.index(plain[0])] if plain and plain[0] in whole else []


def bos_of(lm: LanguageModel) -> int | None:
    """The id of the tokenizer's BOS, or None."""
    bos = lm.tokenizer.bos_token_id
    return bos if isinstance(bos, int) else None


def squeezed(text: str) -> str:
    """`text` without white space, which tokenizers may change."""
    return "".join(text.split())


def relative(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Length of the difference of vectors (..., d) over the length of `theirs`; NaN stays NaN."""
    difference = np.linalg.norm(ours.astype(np.float64) - theirs, axis=-1)
    return difference / np.maximum(np.linalg.norm(theirs.astype(np.float64), axis=-1), 1e-30)


def in_spreads(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Root mean square difference of logits (..., v) in standard deviations of `theirs`; the worst row, and NaN stays NaN.

    Two prompts or two tokens of a text differ by about 1. The mean over the vocabulary, because the largest of 50,000
    rounding errors in bfloat16 is several times the usual one.
    """
    difference = (ours.float() - theirs.float()).square().mean(dim=-1).sqrt()
    return float((difference / theirs.float().std(dim=-1)).max())
