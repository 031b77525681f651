"""Weights come from the files or not at all: load a model with transformers and refuse what the files don't settle.

transformers fills a tensor that a file lacks with random numbers, skips one that it has no place for, and says so in a
warning only. Each of these is a refusal here that names the tensors, so that no number is ever read from a half-loaded model.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
from transformers.utils import logging

from emotion_vectors.errors import UserError, first_line

SHOWN = 3  # tensors that a sentence names of each kind
FAULTS = {
    "missing_keys": "are missing in the files",
    "unexpected_keys": "are in the files and have no place in the model",
    "mismatched_keys": "have another shape in the files",
}


def load_pretrained(folder: str, name: str, dtype: torch.dtype, **options: Any) -> PreTrainedModel:
    """The causal language model in `folder` (or a hub id) with every tensor from its files.

    `options` go to `from_pretrained`. Raises `UserError` with one sentence that calls the model `name`, for files that can't be
    loaded and for tensors that are missing, unexpected, of another shape, or could not be converted.
    """
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # its report of tensors is a warning; here it is a refusal
    try:
        config = AutoConfig.from_pretrained(folder, revision=options.get("revision") or "main", trust_remote_code=False)
        loaded: Any = model_class(config).from_pretrained(
            folder, dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True, trust_remote_code=False, **options
        )  # fmt: skip
    except Exception as error:  # transformers and safetensors raise whatever a damaged file provokes
        raise UserError(f"Can't load the model '{name}': {first_line(error)}.") from error
    finally:
        logging.set_verbosity(level)
    model, found = loaded  # the loading report comes with it
    refuse_unsettled(name, found)
    return model


def model_class(config: Any) -> Any:
    """The transformers class that builds a model with `config`: the causal one, or the one with images whose text part is read."""
    pictured = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING
    return AutoModelForImageTextToText if pictured else AutoModelForCausalLM


def refuse_unsettled(name: str, found: dict[str, Any]) -> None:
    """Raise `UserError` where transformers' loading report names a tensor that is not what the files say."""
    faults = [f"{_named(found[key])} {what}" for key, what in FAULTS.items() if found.get(key)]
    faults += [str(message) for message in found.get("error_msgs") or ()]
    if faults:
        raise UserError(
            f"The weights of '{name}' don't fit its architecture: {'; '.join(faults)}. Save the model again from where it came, under the "
            "names that its config.json asks for."
        )


def _named(tensors: Iterable[Any]) -> str:
    # A mismatch is a tuple that begins with the name.
    names = sorted(str(tensor[0] if isinstance(tensor, tuple) else tensor) for tensor in tensors)
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


# What a tokenizer, a template and a generation read beside config.json and the weights, by name.
BESIDE = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json",
)  # fmt: skip


def files_read(folder: Path) -> list[Path]:
    """The files of a model folder that decide its numbers, in a fixed order: weights and their index, configuration, tokenizer, templates."""
    weights = [*folder.glob("*.safetensors"), *folder.glob("*.safetensors.index.json")]
    templates = folder.glob("additional_chat_templates/*.jinja")
    there = [folder / name for name in BESIDE if (folder / name).is_file()]
    return sorted([*there, *weights, *templates], key=lambda file: file.relative_to(folder).as_posix())
