"""Where a direction of a middle layer arrives at the last one: the Jacobian of the Jacobian lens, by exact derivatives.

In: a text's token ids and a layer. Out: J (d, d). Formula: J[i, :] = mean over tokens t of the sum over tokens t' >= t of
d h_last[t', i] / d h_layer[t, :], for the residual stream h before the final norm. A text's first 16 tokens, which attention falls back
on, and its last one count neither as t nor as t', and a text ends at 128 tokens.
Source: Gurnee et al. 2026, Verbalizable Representations Form a Global Workspace in Language Models (arXiv 2607.15495), and its
reference implementation, where these numbers are from. What it can't tell: a derivative says what a small change does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np
import torch

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm import forward
from emotion_vectors.lm.finite import require_finite
from emotion_vectors.lm.float32 import in_float32, why_not
from emotion_vectors.lm.limits import by_side
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.starting import begin_of

SKIPPED, LONGEST = 16, 128  # tokens
LEAST = SKIPPED + 2  # tokens of a text that says anything
ADVICE = "leave out jacobian_texts, or take the model's plain weights, on the device as a whole"


def jacobian_of(
    lm: LanguageModel, ids: Sequence[int], layer: int, room: Room, advance: Callable[[float], None] = lambda _: None
) -> np.ndarray:
    """J (d, d) of one text of at least `LEAST` tokens, in float32; `room` says how many tokens, copies of the text, are computed at once.

    `advance` gets the text's tokens in steps. Raises `UserError` where memory is short for one copy or the result is not finite.
    """
    seen, width = list(ids[:LONGEST]), lm.hidden_size
    counted = len(seen) - 1
    if len(by_side(lm, [counted, counted + 1])) == 1:
        seen = seen[:-1]  # it doesn't count, and matters to the others only by what it does to the rotation
    while True:
        copies = max(1, min(width, room.size // len(seen)))
        copies = -(-width // -(-width // copies))  # the same for every pass, but for the last
        found = room.attempt(
            lambda copies=copies: _jacobian(lm, seen, counted, layer, copies, advance), copies * len(seen), copies == 1
        )
        if found is not None:
            require_finite(lm, "The derivatives", found)
            return found


def check_differentiable(lm: LanguageModel, layer: int) -> None:
    """Raise `UserError` for a model that gives no derivatives in float32: quantised, kept elsewhere, or of parts without them."""
    if why := why_not(lm):
        raise UserError(f"The Jacobian lens can't be fitted to {lm.name}: {why}; {ADVICE}.")
    try:
        with in_float32(lm) as exact, torch.inference_mode(False), torch.enable_grad():
            leaf, last = _graph(exact, list(range(2, SKIPPED)), layer, 1)
            (gradient,) = torch.autograd.grad(last, leaf, torch.ones_like(last))
    except UserError:
        raise
    except Exception as error:  # each library raises what its authors chose
        raise UserError(f"{lm.name} gives no derivatives ({first_line(error)}); {ADVICE}.") from error
    require_finite(lm, "The derivatives", gradient)


def _jacobian(
    lm: LanguageModel, ids: list[int], counted: int, layer: int, copies: int, advance: Callable[[float], None]
) -> np.ndarray:
    """As `jacobian_of`, of the tokens `ids`, of which the first `counted` count, with `copies` rows of J at once: one pass forward and one back for each of these."""
    width = lm.hidden_size
    found = np.zeros((width, width), dtype=np.float32)
    with in_float32(lm) as exact, torch.inference_mode(False), torch.enable_grad():
        leaf, last = _graph(exact, ids, layer, copies)
        for first in range(0, width, copies):
            count = min(copies, width - first)
            # What comes back at t is the sum over all t' at which the output's coordinate counts; none of them is before t.
            wanted = torch.zeros_like(last)
            rows = torch.arange(count, device=last.device)
            wanted[rows, SKIPPED:counted, first + rows] = 1
            (gradient,) = torch.autograd.grad(last, leaf, wanted, retain_graph=first + count < width)
            found[first : first + count] = gradient[:count, SKIPPED:counted].mean(dim=1).cpu().numpy()
            advance(len(ids) * count / width)
    return found


def _graph(lm: LanguageModel, ids: list[int], layer: int, copies: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The residual stream (copies, t, d) of a layer, and that of the last one as a function of it."""
    begin, kept = begin_of(lm, layer), {}
    tokens = torch.tensor([ids], device=lm.device)

    def watch(at: int, residual: torch.Tensor) -> torch.Tensor | None:
        if at == layer:
            residual = kept[layer] = residual.detach().clone().requires_grad_()
        kept[at] = residual
        return residual if at == layer else None

    last = lm.n_layers - 1
    with ExitStack() as stack:
        if begin >= 0:
            entering = _output_of(lm, tokens, begin).expand(copies, -1, -1)
            stack.enter_context(forward.start_after(lm, begin, entering))
        stack.enter_context(forward.watch_blocks(lm, sorted({layer, last}), watch))
        stack.enter_context(forward.stop_after(lm, last))
        forward.run_unmasked(lm, tokens.expand(copies, -1))
    return kept[layer], kept[last]


def _output_of(lm: LanguageModel, tokens: torch.Tensor, layer: int) -> torch.Tensor:
    """The residual stream (1, t, d) after a block."""
    kept: list[torch.Tensor] = []
    watched = forward.watch_blocks(lm, [layer], lambda _, residual: kept.append(residual.detach()))
    with torch.no_grad(), watched, forward.stop_after(lm, layer):
        forward.run_unmasked(lm, tokens)
    return kept[0]
