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


# What model classes call the norm after their last block; others are of embeddings (BLOOM) or of per-layer inputs (Gemma 3n and 4).
FINAL_NORMS = ("norm", "final_norm", "norm_f", "ln_f", "final_layernorm", "final_layer_norm")


def find_parts(model: PreTrainedModel) -> Parts:
    """The decoder body, its blocks, final norm and unembedding matrix.

    Blocks are the one `ModuleList` of the decoder whose length is `num_hidden_layers`, of one class where there is such a list; the norm is
    the one normalisation module beside it, or the one of several with a usual name. Anything ambiguous is a `UserError`: a guess
    here would hook the wrong tensor silently. Whether the norm found is the last one is checked at load (`selfcheck`).
    """
    body = model.get_decoder() if hasattr(model, "get_decoder") else model.base_model
    kind = type(model).__name__
    parent, blocks = _blocks(body, kind, model.config.get_text_config().num_hidden_layers)
    norms = {name: child for name, child in parent.named_children() if "norm" in type(child).__name__.lower()}
    if len(norms) > 1:
        norms = {name: child for name, child in norms.items() if name in FINAL_NORMS} or norms
    if len(norms) != 1:
        raise UserError(
            f"Can't identify the final norm of {kind}: found {len(norms)} candidates; use a supported model."
        )
    head = model.get_output_embeddings()
    if not isinstance(head, nn.Linear):
        raise UserError(f"{kind} has no linear unembedding; use a causal language model.")
    weight = getattr(head, "weight", None)
    if weight is None or not weight.is_floating_point() or weight.shape != (head.out_features, head.in_features):
        raise UserError(
            f"The unembedding of {kind} is quantised, and single tokens can't be read from it; use weights quantised without lm_head."
        )
    if parent is not body and not isinstance(parent, PreTrainedModel):
        raise UserError(f"The decoder of {kind} hides its blocks in a nested module; use a supported model.")
    # Llama 4 calls the whole model its decoder: the decoder is the model that holds the blocks.
    return Parts(parent, blocks, next(iter(norms.values())), head)


def _blocks(body: nn.Module, kind: str, wanted: int) -> tuple[nn.Module, nn.ModuleList]:
    """The list of decoder blocks and the module that holds it."""
    lists = [
        (parent, child)
        for parent in body.modules()
        for child in parent.children()
        if isinstance(child, nn.ModuleList) and len(child) == wanted
    ]
    # Hybrids may have blocks of two classes (Jamba).
    lists = [found for found in lists if len({type(block) for block in found[1]}) == 1] or lists
    if len(lists) != 1:
        raise UserError(
            f"Can't identify the decoder blocks of {kind}: found {len(lists)} lists of {wanted} blocks; "
            "use a Llama, Qwen, Gemma, Mistral or GPT-NeoX style model."
        )
    return lists[0]


ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}  # kinds of layers that obey an attention mask


def mixes_beside_attention(model: PreTrainedModel, blocks: nn.ModuleList) -> bool:
    """Whether some blocks hand on a state or convolve over tokens, which no attention mask governs (Mamba, linear attention, LFM2)."""
    kinds = set(getattr(model.config.get_text_config(), "layer_types", None) or ())
    return not kinds <= ATTENTION or any(isinstance(part, nn.Conv1d) for part in blocks.modules())


def last_start(model: PreTrainedModel, blocks: nn.ModuleList) -> int:
    """The highest block that a pass can start after: nothing that later blocks need is skipped. -1: only whole passes are right."""
    return min(_shared(model, blocks), default=len(blocks)) - 1


def last_heard(model: PreTrainedModel, blocks: nn.ModuleList) -> int:
    """The highest block after which a change of one token can reach others where blocks share keys and values; else the last block."""
    return max(_shared(model, blocks), default=len(blocks)) - 1


def _shared(model: PreTrainedModel, blocks: nn.ModuleList) -> list[int]:
    """The blocks whose keys and values all later blocks use in place of their own (Gemma 4 E2B and E4B): the last of each kind."""
    config = model.config.get_text_config()
    sharing = getattr(config, "num_kv_shared_layers", None) or 0
    own = list(config.layer_types)[: len(blocks) - sharing] if sharing else []
    return [len(own) - 1 - own[::-1].index(kind) for kind in set(own)]


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
    """The attention window in tokens where the model has sliding-window layers, or the chunk (Llama 4), else None."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None)
    chunk = getattr(config, "attention_chunk_size", None)
    if chunk and "chunked_attention" in (kinds or ()):
        return int(chunk)
    if window is None or (kinds is not None and "sliding_attention" not in kinds):
        return None
    if kinds is None and getattr(config, "use_sliding_window", True) is False:
        return None
    return int(window)
