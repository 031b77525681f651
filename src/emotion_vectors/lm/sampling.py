"""How texts are drawn: the settings, the tokens that end one, and the next token of every row.

Every row has random numbers of its own, so that its draw never depends on the other rows.
Legend: b row of the batch, v vocabulary entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from emotion_vectors.lm.finite import ADVICE, NotFiniteError

# Tokens looked at first for the nucleus; rows whose nucleus is larger are sorted whole, so this changes speed only.
FIRST_LOOK = 1024


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn. Penalties come first, then temperature, then the nucleus.

    temperature: logits are divided by it; 0 always takes the likeliest token.
    top_p: the smallest set of likeliest tokens with at least this probability is kept (1 keeps all).
    repetition_penalty: divides positive and multiplies negative logits of every token that the prompt or the text holds
        already (1 is none; Keskar et al. 2019, as in transformers and OpenVINO).
    max_new_tokens: most tokens to write, the end-of-text token included.
    presence_penalty: taken once from the logit of every token that the text itself holds already (0 is none).
    """

    temperature: float = 0.8
    top_p: float = 0.95
    repetition_penalty: float = 1.0
    max_new_tokens: int = 200
    presence_penalty: float = 0.0


# Tokens by which chat templates end a turn. A model converted from GGUF may know only one of its end tokens.
END_OF_TURN = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<|return|>",
    "<|call|>",
    "[|endofturn|]",
    "<|END_OF_TURN_TOKEN|>",
    "<|eom_id|>",
    "<|end_of_turn|>",
    "<turn|>",
)


def end_tokens(lm: Any) -> frozenset[int]:
    """Ids at which a text ends: the model's and the tokenizer's end-of-text ids and known end-of-turn tokens."""
    configured = getattr(getattr(lm.model, "generation_config", None), "eos_token_id", None)
    found = {*(configured if isinstance(configured, list) else [configured]), lm.tokenizer.eos_token_id}
    vocabulary = lm.tokenizer.get_vocab()
    found |= {vocabulary.get(token) for token in END_OF_TURN}
    return frozenset(int(token) for token in found if token is not None)


def uniform_draws(seeds: Sequence[int], steps: int, device: torch.device) -> torch.Tensor:
    """One number in [0, 1) per row and step, float64 `[b, steps]`, from a generator of the row's own."""
    rows = [torch.rand(steps, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in seeds]
    # mps has no float64; float32 keeps 24 bits of the draw.
    wide = torch.stack(rows)
    return wide.float().to(device) if device.type == "mps" else wide.to(device)


def penalize(
    logits_bv: torch.Tensor, prompt_bv: torch.Tensor, text_bv: torch.Tensor, sampling: Sampling
) -> torch.Tensor:
    """Logits after the repetition and presence penalties.

    prompt_bv, text_bv: True where the row's prompt or its text so far holds the token.
    """
    if sampling.repetition_penalty != 1.0:
        factor = sampling.repetition_penalty
        lowered = torch.where(logits_bv > 0, logits_bv / factor, logits_bv * factor)
        logits_bv = torch.where(prompt_bv | text_bv, lowered, logits_bv)
    if sampling.presence_penalty != 0.0:
        logits_bv = logits_bv - sampling.presence_penalty * text_bv
    return logits_bv


def draw(logits_bv: torch.Tensor, uniform_b: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The next token id of every row `[b]`: inverse cumulative distribution at `uniform_b` over the nucleus.

    The nucleus is the smallest set of likeliest tokens whose probability reaches `top_p`. Raises `UserError` for logits from which
    nothing can be drawn: the largest of a row is NaN or infinite.
    """
    if not torch.isfinite(logits_bv.amax(-1)).all():
        raise NotFiniteError(
            f"The model's logits are not finite (NaN or infinity), so no token can be drawn; {ADVICE}, or steer with a smaller strength."
        )
    if sampling.temperature == 0:
        return logits_bv.argmax(-1)
    scaled = logits_bv.to(uniform_b.dtype) / sampling.temperature
    total = scaled.logsumexp(-1, keepdim=True)
    width = scaled.shape[-1]
    first = min(FIRST_LOOK, width)
    top, ids = scaled.topk(first, dim=-1)
    mass = (top - total).exp().cumsum(-1)
    chosen = _invert(mass, ids, uniform_b, sampling.top_p)
    wide = mass[:, -1] < sampling.top_p
    if first < width and bool(wide.any()):
        top, ids = scaled[wide].sort(dim=-1, descending=True)
        mass = (top - total[wide]).exp().cumsum(-1)
        chosen[wide] = _invert(mass, ids, uniform_b[wide], sampling.top_p)
    return chosen


def _invert(mass: torch.Tensor, ids: torch.Tensor, uniform: torch.Tensor, top_p: float) -> torch.Tensor:
    # `last` is the first place where the nucleus is full; everything beyond it can't be drawn.
    last = (mass < top_p).sum(-1).clamp(max=mass.shape[-1] - 1)
    target = uniform * mass.gather(-1, last[:, None])[:, 0]
    place = torch.minimum((mass <= target[:, None]).sum(-1), last)
    return ids.gather(-1, place[:, None])[:, 0]
