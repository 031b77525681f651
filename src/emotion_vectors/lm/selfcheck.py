"""One check at load: do our passes compute what the model itself computes?

Some architectures scale their logits, mask attention in their own way, or call their blocks differently. Rather than
trust a list of names, every model that is loaded has to give the same logits on one prompt by three ways: its own
forward, ours through its decoder, and ours that starts above a block with that block's own output. Whether it obeys an attention
mask of ours too is tried when it is first asked for (`tree_pass`, `packed`), because there is another way for one that doesn't.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature

import torch

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm import forward, readout
from emotion_vectors.lm.architecture import logit_scales
from emotion_vectors.lm.finite import NotFiniteError, require_finite, sentence
from emotion_vectors.lm.float32 import PLAIN
from emotion_vectors.lm.limits import by_side, require_known
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.starting import begin_of
from emotion_vectors.lm.uncompiled import HookError

PROMPT = "The quick brown fox jumps over the lazy dog, and then it rests."
# Of the spread of the model's own logits; bfloat16 rounding stays below, another computation does not.
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}

STATES = {"cache_params", "state"}  # what Mamba and RWKV are called with
# Of a residual's length, mean over tokens: rounding of other shapes stays far below, what a later token brings does not.
LOOKING = {torch.float32: 1e-3, torch.bfloat16: 0.25, torch.float16: 0.25}


@contextmanager
def _told(lm: LanguageModel) -> Iterator[None]:
    """Whatever a model or the library of its quantisation raises in its first pass, as one sentence."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each library raises what its authors chose
        precision = str(lm.dtype).removeprefix("torch.")
        if _quantised(lm):
            raise UserError(
                f"The quantised weights of {lm.name} can't be used in {precision} on {lm.places} ({first_line(error)}); use another "
                "--set dtype, a GPU (--device cuda), or weights that are not quantised."
            ) from error
        if (other := _in_another_precision(lm)) is not None:
            raise UserError(
                f"The weights of {lm.name} are in several precisions (the embedding in {precision}, {other}), and its own pass doesn't go "
                f"through them ({first_line(error)}); bring them to one: model.to(torch.{precision})."
            ) from error
        raise UserError(
            f"The architecture of {lm.name} can't be hooked here ({first_line(error)}); use a supported model."
        ) from error


def _quantised(lm: LanguageModel) -> bool:
    """Whether its folder asks for quantised weights, or some are integers or floats of 8 bits."""
    kinds = {parameter.dtype for parameter in lm.model.parameters()}
    return getattr(lm.model.config, "quantization_config", None) is not None or not kinds <= set(PLAIN)


def _in_another_precision(lm: LanguageModel) -> str | None:
    """The first weight in another precision than the model's, with it; None where all are in one."""
    others = ((name, weight.dtype) for name, weight in lm.model.named_parameters() if weight.dtype != lm.dtype)
    return next((f"{name} in {str(dtype).removeprefix('torch.')}" for name, dtype in others), None)


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
    """Largest difference between the ways, as a share of the logits' standard deviation; `UserError` if too large."""
    ids = lm.tokenizer(PROMPT)["input_ids"]
    require_known(lm, ids)
    batch = forward.pad([ids], lm.device, lm.pad_id)
    begin, tokens = begin_of(lm, lm.default_layer), range(lm.parts.head.weight.shape[0])
    kept: dict[int, torch.Tensor] = {}
    _refuse_without_keys(lm)
    with _told(lm), torch.inference_mode():
        own = lm.model(batch.ids).logits[0, -1].float()
        if not torch.isfinite(own).all():
            _refuse_broken_weights(lm)
        require_finite(lm, "The logits", own)
        hidden = _watched(lm, batch, kept)
        _refuse_other_streams(lm, kept, hidden)
        _refuse_looking_ahead(lm, batch, hidden)
        found = [hidden]
        if begin >= 0:
            with forward.start_after(lm, begin, kept[begin]):
                found.append(forward.run(lm, batch))
        ours = [readout.logits_of(lm, hidden[0, -1], tokens) for hidden in found]
    spread = float(own.std())
    if spread == 0:
        raise UserError(f"{lm.name} gives all tokens the same logit; its weights are empty, so get its files again.")
    difference = max(float((logits - own).abs().max()) for logits in ours) / spread
    if not difference <= TOLERANCE[lm.dtype]:
        raise UserError(
            f"Our pass through {lm.name} differs from its own by {difference:.2g} standard deviations of its logits, so its "
            "architecture does something that emotion-vectors doesn't know; use a supported model."
        )
    return difference


def _refuse_broken_weights(lm: LanguageModel) -> None:
    """Raise `UserError` where a weight itself is NaN or infinite, with other advice where only float16 made it so."""
    for name, weight in lm.model.named_parameters():
        if weight.device.type != "meta" and weight.dtype in PLAIN and not torch.isfinite(weight).all():
            # What is infinite in float16 was finite in the file as a rule: it ends at 65,504. NaN is NaN in any precision.
            if weight.dtype == torch.float16 and not torch.isnan(weight).any():
                raise NotFiniteError(sentence(lm, f"Values of the weight {name}"))
            raise UserError(
                f"The weight {name} of {lm.name} holds NaN or infinity; get its files again, or save the model again from its source."
            )


def _watched(lm: LanguageModel, batch: forward.Batch, kept: dict[int, torch.Tensor]) -> torch.Tensor:
    """Final-norm residuals of our pass; `kept` gets every block's output. Raises `UserError` for blocks that are not run."""
    layers = range(lm.n_layers)
    try:
        with forward.watch_blocks(lm, layers, lambda layer, residual: kept.update({layer: residual.clone()})):
            return forward.run(lm, batch)
    except HookError as error:
        idle = [layer for layer in layers if layer not in kept]
        if not idle:
            raise
        raise UserError(
            f"{lm.name} does not run all of its blocks for a text without images (not {', '.join(map(str, idle[:4]))}); use a supported model."
        ) from error


def _refuse_without_keys(lm: LanguageModel) -> None:
    """Raise `UserError` for a model that keeps a state in place of keys and values: nothing says where in a text a pass of it stands."""
    takes = signature(type(lm.parts.body).forward).parameters
    if STATES & set(takes) and not set(forward.CACHE_NAMES) & set(takes):
        raise UserError(
            f"{lm.name} has a state instead of attention, and the state doesn't show how much of a text was read, so steering can't "
            "tell a prompt from "
            "an answer; use a model with attention."
        )


def _refuse_other_streams(lm: LanguageModel, kept: dict[int, torch.Tensor], hidden: torch.Tensor) -> None:
    """Raise `UserError` unless every block gives one residual stream, and the final norm makes the last state of the last one."""
    shape = (*hidden.shape[:2], lm.hidden_size)
    other = next((residual for residual in kept.values() if residual.shape != shape), None)
    if other is not None:
        streams = (
            f"{other.shape[0]} parallel streams" if other.dim() == 4 else f"a tensor of shape {tuple(other.shape)}"
        )
        raise UserError(
            f"The blocks of {lm.name} pass on {streams} instead of one residual stream, so there is no one place to read or to steer; use "
            "a supported model."
        )
    normed = lm.parts.norm(kept[lm.n_layers - 1])
    if normed.shape != hidden.shape or not _close(normed.float(), hidden.float(), TOLERANCE[lm.dtype]):
        raise UserError(
            f"What {lm.name} does after its last block is more than its norm {type(lm.parts.norm).__name__}; use a supported model."
        )


def _refuse_looking_ahead(lm: LanguageModel, batch: forward.Batch, hidden: torch.Tensor) -> None:
    """Raise `UserError` where a text's first half reads otherwise without the second: padding and packing count on causal models."""
    width = batch.ids.shape[1]
    half = width // 2
    other = forward.Batch(*(part[:, :half] for part in batch))
    if len(by_side(lm, [half, width])) > 1:  # the half alone is rotated otherwise: other tokens after it instead
        other = batch._replace(ids=torch.cat([batch.ids[:, :half], batch.ids[:, half:].flip(1)], dim=1))
    alone = forward.run(lm, other)[0, :half].float()
    apart = (alone - hidden[0, :half].float()).norm(dim=-1) / alone.norm(dim=-1)
    if float(apart.mean()) > LOOKING[lm.dtype]:
        raise UserError(
            f"The tokens of {lm.name} see those after them (by {float(apart.mean()):.2g} of their residuals' length), so it is not a causal "
            "language model; use a supported model."
        )


def _close(found: torch.Tensor, exact: torch.Tensor, share: float) -> bool:
    """Whether they differ by less than a share of the standard deviation; not so where one is not finite, unless both are."""
    if not torch.isfinite(exact).all():
        return True  # the check of finite logits says so
    return bool((found - exact).abs().max() <= share * exact.std())
