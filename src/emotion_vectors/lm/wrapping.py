"""A transformers model that is in memory already, with its tokenizer, as a `LanguageModel`; it stays as it is."""

from __future__ import annotations

import copy
import hashlib
from typing import Any, cast

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from emotion_vectors.errors import UserError
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.devices import DTYPES
from emotion_vectors.lm.model import LanguageModel, checked
from emotion_vectors.lm.templates import settle_template

MEMORY = "in memory"  # where a model is from whose configuration doesn't say
SAMPLED = 4096  # values of each weight that the hash of a model in memory is made of


def wrap(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> LanguageModel:
    """See `LanguageModel.of`."""
    if not isinstance(model, PreTrainedModel):
        raise UserError(f"{type(model).__name__} is not a transformers model; give one, with adapters merged into it.")
    kind = type(model).__name__
    if model.training:
        raise UserError(f"{kind} is in training mode, where dropout changes what is read; call model.eval() first.")
    if not getattr(tokenizer, "is_fast", False):
        raise UserError("This tokenizer gives no character offsets; a fast one is needed (AutoTokenizer gives it).")
    parts = find_parts(model)
    embedding = cast(Any, model.get_input_embeddings()).weight
    devices = {parameter.device for parameter in model.parameters()} if not hasattr(model, "hf_device_map") else set()
    ends = {embedding.device, parts.head.weight.device, *(weight.device for weight in parts.norm.parameters())}
    if len(devices | ends) != 1 or (device := embedding.device).type == "meta":
        raise UserError(
            f"Embedding, final norm and unembedding of {kind} are not on one device; load it on one, or over several with "
            "load_model(name, 'cuda:0,cuda:1')."
        )
    if (dtype := embedding.dtype) not in DTYPES.values():
        raise UserError(f"{kind} computes in {dtype}; give it as {', '.join(DTYPES)}.")
    source = str(getattr(model.config, "_name_or_path", "") or "") or MEMORY
    if not isinstance(getattr(tokenizer, "chat_template", None) or "", str):
        tokenizer = copy.deepcopy(tokenizer)  # the caller's own keeps its several templates
        settle_template(tokenizer, "", source)
    return checked(LanguageModel(
        model, tokenizer, parts, kind if source == MEMORY else source, source, sampled_sha256(model), getattr(model.config, "_commit_hash", None),
        device, dtype, is_chat=bool(getattr(tokenizer, "chat_template", None)),
    ))  # fmt: skip


def wrapped(model: object) -> LanguageModel:
    """`model` itself if it can read; a bare transformers model is a `UserError` that says how to give its tokenizer."""
    if isinstance(model, LanguageModel):
        return model
    raise UserError(
        f"{type(model).__name__} comes without its tokenizer, which reading needs; pass LanguageModel.of(model, tokenizer)."
    )


def sampled_sha256(model: PreTrainedModel) -> str:
    """What tells a model in memory from another: a hash over names, shapes and evenly spaced values of all its weights.

    Hashing every byte would take longer than the reading. It never equals the hash of the files that the model is from.
    """
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        if parameter.device.type == "meta":
            raise UserError("Some weights of this model are kept off its devices; load it with load_model.")
        values = parameter.detach().flatten()
        chosen = values[:: max(1, len(values) // SAMPLED)].to("cpu", torch.float32)
        digest.update(f"{name}{tuple(cast(torch.Size, parameter.shape))}".encode() + chosen.numpy().tobytes())
    return f"memory:{digest.hexdigest()}"
