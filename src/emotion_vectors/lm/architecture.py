"""Find the parts of a decoder-only transformer that the experiments touch, or refuse.

Layer convention of the whole package: `layer` l is the residual stream at the output of block l, counted from 0.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel

from emotion_vectors.errors import UserError


class Parts(NamedTuple):
    """Where the decoder blocks, the final norm and the unembedding of a model are, and what its logits are multiplied by."""

    body: nn.Module
    blocks: nn.ModuleList
    norm: nn.Module
    head: nn.Linear
    logit_scale: float = 1.0


def find_parts(model: PreTrainedModel) -> Parts:
    """The decoder body, its blocks, final norm and unembedding matrix.

    Blocks are the one `ModuleList` of the decoder whose length is `num_hidden_layers` and whose members share a
    class; the norm is the one normalisation module beside it. Anything ambiguous is a `UserError`: a guess here
    would hook the wrong tensor silently.
    """
    body = model.get_decoder() if hasattr(model, "get_decoder") else model.base_model
    kind = type(model).__name__
    wanted = model.config.get_text_config().num_hidden_layers
    lists = [
        (parent, child)
        for parent in body.modules()
        for child in parent.children()
        if isinstance(child, nn.ModuleList) and len(child) == wanted and len({type(block) for block in child}) == 1
    ]
    if len(lists) != 1:
        raise UserError(
            f"Can't tell the decoder blocks of {kind}: found {len(lists)} lists of {wanted} equal blocks; "
            "use a Llama, Qwen, Gemma, Mistral or GPT-NeoX style model."
        )
    parent, blocks = lists[0]
    norms = [child for child in parent.children() if "norm" in type(child).__name__.lower()]
    if len(norms) != 1:
        raise UserError(f"Can't tell the final norm of {kind}: found {len(norms)} candidates; use a supported model.")
    head = model.get_output_embeddings()
    if not isinstance(head, nn.Linear):
        raise UserError(f"{kind} has no linear unembedding; use a causal language model.")
    weight = getattr(head, "weight", None)
    if weight is None or not weight.is_floating_point() or weight.shape != (head.out_features, head.in_features):
        raise UserError(
            f"The unembedding of {kind} is quantised, and single tokens can't be read from it; use weights that leave out lm_head."
        )
    if parent is not body:
        raise UserError(f"The decoder of {kind} hides its blocks in a nested module; use a supported model.")
    return Parts(body, blocks, norms[0], head)


# Configuration fields that scale logits outside of the decoder: Granite divides by the first and HyperCLOVA X multiplies, MiniCPM 3
# divides what enters the head, Cohere multiplies by the second, Falcon-H1 by the third.
SCALES = ("logits_scaling", "logit_scale", "lm_head_multiplier")


def logit_scales(model: PreTrainedModel) -> list[float]:
    """What the unembedding's output may be multiplied by, going by the configuration: 1, and each known field and its inverse."""
    config = model.config.get_text_config()
    fields = [getattr(config, name, None) for name in SCALES]
    given = [float(value) for value in fields if isinstance(value, int | float) and value]
    return [1.0, *given, *(1 / value for value in given)]


def final_logits(model: PreTrainedModel, parts: Parts, logits: torch.Tensor) -> torch.Tensor:
    """The model's own logits from those of its unembedding: scaled, then soft-capped (Gemma 2): cap * tanh(logits / cap)."""
    if parts.logit_scale != 1:
        logits = logits * parts.logit_scale
    cap = getattr(model.config.get_text_config(), "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)


def sliding_window(model: PreTrainedModel) -> int | None:
    """The attention window in tokens where the model has sliding-window layers, else None."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None)
    if window is None or (kinds is not None and "sliding_attention" not in kinds):
        return None
    if kinds is None and getattr(config, "use_sliding_window", True) is False:
        return None
    return int(window)
