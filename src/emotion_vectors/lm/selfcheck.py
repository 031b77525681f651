"""One check at load: do our passes compute what the model itself computes?

Some architectures scale their logits, mask attention in their own way, or call their blocks differently. Rather than
trust a list of names, every model that is loaded has to give the same logits on one prompt by three ways: its own
forward, ours with an explicit mask, and ours that starts above a block with that block's own output.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm import forward
from emotion_vectors.lm.architecture import logit_scales
from emotion_vectors.lm.finite import require_finite
from emotion_vectors.lm.limits import require_known
from emotion_vectors.lm.model import LanguageModel

PROMPT = "The quick brown fox jumps over the lazy dog, and then it rests."
# Of the spread of the model's own logits; bfloat16 rounding stays below, another computation does not.
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}


@contextmanager
def _told(lm: LanguageModel) -> Iterator[None]:
    """Whatever a model or the library of its quantisation raises in its first pass, as one sentence."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each library raises what its authors chose
        if _quantised(lm):
            precision = str(lm.dtype).removeprefix("torch.")
            raise UserError(
                f"The quantised weights of {lm.name} can't be computed with in {precision} on {lm.places} ({first_line(error)}); use another "
                "--set dtype, a GPU (--device cuda), or weights that are not quantised."
            ) from error
        raise UserError(
            f"The architecture of {lm.name} can't be hooked here ({first_line(error)}); use a supported model."
        ) from error


def _quantised(lm: LanguageModel) -> bool:
    """Whether its folder asks for quantised weights; those that were unpacked at load are in another precision than the rest."""
    kinds = {parameter.dtype for parameter in lm.model.parameters() if parameter.is_floating_point()}
    return getattr(lm.model.config, "quantization_config", None) is not None or kinds != {lm.dtype}


@torch.inference_mode()
def with_logit_scale(lm: LanguageModel) -> LanguageModel:
    """The model with the one of its `logit_scales` that brings the unembedding's output nearest to its own logits."""
    scales = logit_scales(lm.model)
    if len(scales) == 1:
        return lm
    require_known(lm, lm.tokenizer(PROMPT)["input_ids"])
    ids = torch.tensor([lm.tokenizer(PROMPT)["input_ids"]], device=lm.device)
    with _told(lm):
        own = lm.model(ids).logits[0, -1].float()
        hidden = lm.parts.body(input_ids=ids, use_cache=False).last_hidden_state[0, -1]
        plain = lm.parts.head(hidden).float()
    best = min(scales, key=lambda scale: float((own - plain * scale).norm()))
    return replace(lm, parts=lm.parts._replace(logit_scale=best))


def check_forward(lm: LanguageModel) -> float:
    """Largest difference between the three ways, as a share of the logits' standard deviation; `UserError` if too large."""
    require_known(lm, lm.tokenizer(PROMPT)["input_ids"])
    ids = torch.tensor([lm.tokenizer(PROMPT)["input_ids"]], device=lm.device)
    length = ids.shape[1]
    positions = torch.arange(length, device=lm.device)[None]
    causal = torch.ones(length, length, dtype=torch.bool, device=lm.device).tril()
    layer, tokens, kept = lm.default_layer, range(lm.parts.head.weight.shape[0]), []
    with _told(lm), torch.inference_mode():
        own = lm.model(ids).logits[0, -1].float()
        require_finite(lm, "The logits", own)
        with forward.watch_blocks(lm, [layer], lambda _, residual: kept.append(residual.clone())):
            masked = forward.run_with_mask(lm, ids, positions, causal)
        with forward.start_after(lm, layer, kept[0]):
            started = forward.run_with_mask(lm, ids, positions, causal)
        ours = [forward.logits_of(lm, hidden[0, -1], tokens) for hidden in (masked, started)]
    difference = max(float((logits - own).abs().max()) for logits in ours) / float(own.std())
    if not difference <= TOLERANCE[lm.dtype]:
        raise UserError(
            f"Our pass through {lm.name} differs from its own by {difference:.2g} standard deviations of its logits, so its "
            "architecture does something that this tool doesn't know; use a supported model."
        )
    return difference
