"""Weights come from the files or not at all: load a model with transformers and refuse what the files don't settle.

transformers fills a tensor that a file lacks with random numbers, skips one that it has no place for, and says so in a
warning only. Each of these is a refusal here that names the tensors, so that no number is ever read from a half-loaded model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
)
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
    refuse_contradictions(folder, name)
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # its report of tensors is a warning; here it is a refusal
    try:
        loaded: Any = _class_of(folder, options).from_pretrained(
            folder, dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True, trust_remote_code=False, **options
        )  # fmt: skip
    except Exception as error:  # transformers and safetensors raise whatever a damaged file provokes
        lacking = parts_without_tensors(folder, name)
        refuse_unsettled(name, {"missing_keys": lacking})
        raise UserError(f"Can't load the model '{name}': {first_line(error)}.") from error
    finally:
        logging.set_verbosity(level)
    model, found = loaded  # the loading report comes with it
    refuse_unsettled(name, found)
    return model


def _class_of(folder: str, options: dict[str, Any]) -> Any:
    if "gguf_file" in options:
        return AutoModelForCausalLM
    return model_class(
        AutoConfig.from_pretrained(folder, revision=options.get("revision") or "main", trust_remote_code=False)
    )


def refuse_contradictions(folder: str, name: str) -> None:
    """Raise `UserError` for a tensor that several files of a model hold with other values: which one counts is each loader's own taste.

    transformers takes the last of two shards, whatever the index says, and `model.safetensors` before all shards.
    """
    where: dict[str, list[Path]] = {}
    for file in sorted({"model.safetensors", *_shards(Path(folder))}):
        for key in _held(Path(folder) / file):
            where.setdefault(key, []).append(Path(folder) / file)
    twice = [key for key, files in where.items() if len(files) > 1 and len({_digest(file, key) for file in files}) > 1]
    if twice:
        raise UserError(
            f"The files of '{name}' contradict each other: {named_tensors(twice)} stand in several of them with other values; get the files "
            "again, into an empty folder."
        )


def _held(file: Path) -> list[str]:
    """The tensors of a file; none where it is missing or damaged, which loading tells."""
    try:
        with safe_open(file, framework="pt") as opened:
            return list(opened.keys())
    except (SafetensorError, OSError):
        return []


def _digest(file: Path, key: str) -> str:
    with safe_open(file, framework="pt") as opened:
        found = opened.get_tensor(key).contiguous()
    values = found.view(torch.uint8) if found.dim() else found.reshape(1).view(torch.uint8)
    return f"{found.dtype}{tuple(found.shape)}{hashlib.sha256(values.numpy().tobytes()).hexdigest()}"


def model_class(config: Any) -> Any:
    """The transformers class that builds a model with `config`: the causal one, or the one with images whose text part is read."""
    pictured = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING
    return AutoModelForImageTextToText if pictured else AutoModelForCausalLM


def empty_model(folder: str, name: str, revision: str | None = None) -> PreTrainedModel:
    """The model in `folder` (or a hub id) without its weights: its parts, their names and sizes."""
    config = read_config(folder, name, revision)
    try:
        with torch.device("meta"):
            return model_class(config).from_config(config)
    except Exception as error:  # transformers raises whatever a damaged configuration provokes
        raise UserError(f"Can't read the configuration of '{name}': {first_line(error)}.") from error


def read_config(folder: str, name: str, revision: str | None = None) -> PreTrainedConfig:
    """The configuration of the model in `folder` (or a hub id); `UserError` where it can't be read."""
    try:
        return AutoConfig.from_pretrained(folder, revision=revision or "main", trust_remote_code=False)
    except Exception as error:  # transformers raises whatever a damaged configuration provokes
        raise UserError(
            f"Can't read the configuration of '{name}': {first_line(error)}; its config.json has to be that of a transformers model."
        ) from error


def parts_without_tensors(folder: str, name: str) -> list[str]:
    """The weights of a model whose files hold nothing for them under any name, as far as that can be told without loading it.

    A missing quantised weight ends in an error of its own before transformers' report.
    """
    files = sorted(Path(folder).glob("*.safetensors"))
    if any(shard not in {file.name for file in files} for shard in _shards(Path(folder))):
        return []  # a file is missing, and transformers says which
    try:
        held = {key.rpartition(".")[0] for file in files for key in _held(file)}
        model = empty_model(folder, name) if held else None
    except (UserError, SafetensorError, OSError):
        return []
    if model is None:
        return []
    tied = set(getattr(model, "all_tied_weights_keys", None) or {})
    wanted = [key for key, _ in model.named_parameters() if key not in tied]
    return [key for key in wanted if not any(part.startswith(key.rpartition(".")[0]) for part in held)]


def _shards(folder: Path) -> set[str]:
    """The files that the index of a model folder names."""
    named: set[str] = set()
    for index in folder.glob("*.safetensors.index.json"):
        try:
            found = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
            named |= {shard for shard in found if isinstance(shard, str)}
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            continue  # transformers says what is wrong with it
    return named


def refuse_unsettled(name: str, found: dict[str, Any]) -> None:
    """Raise `UserError` where transformers' loading report names a tensor that is not what the files say."""
    faults = [f"{named_tensors(found[key])} {what}" for key, what in FAULTS.items() if found.get(key)]
    faults += [str(message) for message in found.get("error_msgs") or ()]
    if faults:
        raise UserError(
            f"The weights of '{name}' don't fit its architecture: {'; '.join(faults)}. Save the model again from its source, under "
            "the names that its config.json expects."
        )


def named_tensors(tensors: Iterable[Any]) -> str:
    """The first few of some tensors' names, for a sentence, and how many more there are."""
    # A mismatch is a tuple that begins with the name.
    names = sorted(str(tensor[0] if isinstance(tensor, tuple) else tensor) for tensor in tensors)
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


# What a tokenizer, a template and a generation read beside config.json and the weights, by name.
BESIDE = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json",
)  # fmt: skip
# Vocabularies of which a tokenizer is made where there is no tokenizer.json.
VOCABULARIES = ("spiece.model", "sentencepiece.bpe.model", "sentencepiece.model", "spm.model", "tekken.json", "tiktoken.model", "bpe.codes", "dict.txt")  # fmt: skip


def files_read(folder: Path) -> list[Path]:
    """The files of a model folder that decide its numbers, in a fixed order: weights and their index, configuration, tokenizer, templates.

    Raises `UserError` where the folder names weights elsewhere.
    """
    named = _shards(folder)
    outside = sorted(one for one in named if Path(one).is_absolute() or ".." in Path(one).parts)
    outside += [one for one in _named_in_config(folder) if "/" in one]
    if outside:
        raise UserError(
            f"The model folder {folder} names weights that are not in it but at {outside[0]}; put them into the folder itself."
        )
    weights = {*folder.glob("*.safetensors"), *folder.glob("*.safetensors.index.json")}
    weights |= {folder / one for one in named if (folder / one).is_file()}  # an index may name files below the folder
    templates = folder.glob("additional_chat_templates/*.jinja")
    beside = BESIDE if (folder / "tokenizer.json").is_file() else (*BESIDE, *VOCABULARIES)
    there = [folder / name for name in beside if (folder / name).is_file()]
    return sorted([*there, *weights, *templates], key=lambda file: file.relative_to(folder).as_posix())


def _named_in_config(folder: Path) -> list[str]:
    """The file of weights that config.json names, where it names one in place of the usual ones."""
    try:
        named = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("transformers_weights")
    except (OSError, ValueError, AttributeError):
        return []  # loading says what is wrong with it
    return [named] if isinstance(named, str) else []
