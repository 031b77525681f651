"""Quantised models: weights of 4 or 8 bits, made at load by bitsandbytes, or as a folder holds them.

A quantised model stays on the device that it was loaded to, and what is not quantised keeps the precision of the files. Residual
stream, hooks, steering, norms and unembedding are as in any other model.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any, Literal

import torch
from transformers import BitsAndBytesConfig, PretrainedConfig, PreTrainedModel

from emotion_vectors.errors import UserError
from emotion_vectors.lm import built
from emotion_vectors.lm.devices import DTYPES, choose_dtype

Quantize = Literal["4bit", "8bit"]
BYTES = {"4bit": 0.5, "8bit": 1.0}  # of a weight in a block


def check(choice: Quantize | None, name: str, folder: str) -> None:
    """Raise `UserError` where the model `name` in `folder` can't be quantised as asked here, before anything is computed."""
    if choice is None:
        return
    if choice not in BYTES:
        raise UserError(f"There is no quantisation '{choice}'; choose {' or '.join(BYTES)}.")
    if name in built.NAMES:
        raise UserError(f"The model '{name}' is built here in full precision; leave out --quantize.")
    if method := method_in(folder):
        raise UserError(f"The weights of '{name}' are quantised already ({method}); leave out --quantize.")
    if find_spec("bitsandbytes") is None:
        raise UserError("--quantize needs bitsandbytes; pip install 'emotion-vectors[quantized]'.")


def options(choice: Quantize | None, precision: torch.dtype) -> dict[str, Any]:
    """What `from_pretrained` is to be given.

    4 bit: NF4 (Dettmers et al. 2023, QLoRA), computed in the model's precision. 8 bit: rows of int8 without the mixed decomposition of
    LLM.int8 (threshold 0), which looks for outliers in the whole batch, so that a text's numbers would depend on its neighbours.
    """
    _quiet()
    if choice is None:
        return {}
    if choice == "4bit":
        asked = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=precision)
    else:
        asked = BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=0.0)
    return {"quantization_config": asked}


def _quiet() -> None:
    # It tells of every product that it casts, once a call.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def config_in(folder: str) -> dict[str, Any]:
    """The configuration of a model folder or hub id; empty where it has none or a damaged one, which loading then tells."""
    if folder in built.NAMES:
        return {}
    try:
        return dict(PretrainedConfig.get_config_dict(folder)[0])
    except (OSError, ValueError, TypeError):
        return {}


def method_in(folder: str) -> str | None:
    """How the weights in a folder, or of a hub id, are quantised ("gptq"), None where they are not."""
    config = config_in(folder)
    inner = config.get("text_config")
    for part in (config, inner if isinstance(inner, dict) else {}):
        found = part.get("quantization_config")
        if isinstance(found, dict):
            return str(found.get("quant_method") or "of an unknown kind")
    return None


def precision_for(folder: str, dtype: str, device: torch.device) -> torch.dtype:
    """The torch dtype that `dtype` means for the model in `folder` on a device; for a quantised one `auto` is that of its files."""
    if dtype == "auto" and method_in(folder):
        config = config_in(folder)
        own = str(config.get("dtype") or config.get("torch_dtype") or "").removeprefix("torch.")
        if own in DTYPES:
            return DTYPES[own]
    return choose_dtype(dtype, device)


def in_one_precision(model: PreTrainedModel, name: str, precision: torch.dtype) -> PreTrainedModel:
    """The model, all of whose other tensors have the precision `precision`; else a `UserError` that says which one they have.

    transformers leaves what is not quantised in the precision of the files. Where it gave up the quantisation (FP8 on a CPU), the
    weights are plain and are brought to `precision` here.
    """
    if not getattr(model, "is_quantized", False):
        for parameter in model.parameters():
            if parameter.is_floating_point() and parameter.device.type != "meta":
                parameter.data = parameter.data.to(precision)
        return model
    embedding: Any = model.get_input_embeddings()
    if (own := embedding.weight.dtype) != precision:
        asked, own = (str(dtype).removeprefix("torch.") for dtype in (precision, own))
        raise UserError(
            f"The quantised weights of '{name}' were made for {own} and can't be used in {asked}; use --set dtype={own}."
        )
    return model


def describe(model: PreTrainedModel) -> str | None:
    """How a loaded model is quantised, for the record: "bitsandbytes 4 bit", "gptq"; None where it is not."""
    if not getattr(model, "is_quantized", False):
        return None
    found: Any = getattr(model.config, "quantization_config", None)
    found = found if isinstance(found, dict) or found is None else found.to_dict()
    method = found.get("quant_method") if found else None
    bits = next((bits for bits in (4, 8) if (found or {}).get(f"load_in_{bits}bit")), (found or {}).get("bits"))
    return str(getattr(method, "value", method) or "quantised") + (f" {bits} bit" if bits else "")
