"""Adapters: what fine-tuning with peft (LoRA and its kin) leaves, put on the model that it was made for.

An adapter is merged into the weights, so that the model is a plain one; on quantised weights, which merging would round a second time,
it stays beside them. Tokenizer and chat template are the model's own.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedModel

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm.pretrained import named_tensors
from emotion_vectors.lm.weights import sha256_of
from emotion_vectors.store.remote import is_remote, local_folder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class Adapter(NamedTuple):
    """An adapter on this machine: what it was called, its folder, the hash of its files, and the model that it says it is for."""

    name: str
    folder: Path
    sha256: str
    base: str


def find_adapter(name: str, cache: Path | None = None) -> Adapter:
    """The adapter in a folder, at an address, or in a repository of the Hugging Face hub (`owner/name`).

    Raises `UserError` for what is none, for pickled weights, and where peft is not installed.
    """
    if find_spec("peft") is None:
        raise UserError("--adapter needs peft; pip install 'emotion-vectors[adapters]'.")
    folder = _folder(name, cache)
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).is_file():
            pickled = " (pickled weights are refused)" if any(folder.glob("*.bin")) else ""
            raise UserError(
                f"'{name}' is not an adapter: it has no {file}{pickled}; give what peft's save_pretrained wrote."
            )
    digest = hashlib.sha256("".join(f"{file}:{sha256_of(folder / file)}\n" for file in (CONFIG, WEIGHTS)).encode())
    return Adapter(name, folder, digest.hexdigest(), base_of(folder))


def _folder(name: str, cache: Path | None) -> Path:
    if is_remote(name):
        return local_folder(name, cache, lambda file: file in (CONFIG, WEIGHTS))
    path = Path(name).expanduser()
    if path.exists() or not REPOSITORY.fullmatch(name):
        if not path.is_dir():
            raise UserError(f"There is no adapter folder {path}; give a folder, or an id of the Hugging Face hub.")
        return path
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=[CONFIG, WEIGHTS]))
    except Exception as error:  # the client and its transport raise many kinds, by version
        raise UserError(
            f"Can't find the adapter '{name}' here or on the Hugging Face hub: {first_line(error)}; give its folder."
        ) from error


def base_of(folder: Path) -> str:
    """The model that the adapter in `folder` says it was made for; "" where it does not say."""
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return str(found.get("base_model_name_or_path") or "")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{folder / CONFIG} is damaged ({first_line(error)}); get the adapter again.") from error


def refuse_adapter_as_model(name: str, folder: Path) -> None:
    """Raise `UserError` where a folder that is given as a model is or holds an adapter: transformers would load another model for it."""
    if not (folder / CONFIG).is_file():
        return
    base = base_of(folder) or "its base model"
    what = "contains an adapter and a model" if (folder / "config.json").is_file() else "is an adapter, not a model"
    raise UserError(
        f"{name} {what}; give the model that it was trained on and the adapter: --model {base} --adapter {name}."
    )


def check_base(adapter: Adapter, name: str, another: bool) -> None:
    """Refuse an adapter that was made for another model than `name`; `another`: a folder here that it names has other weights.

    Two names of the hub are compared; a path of the machine that it was made on says nothing here.
    """
    ids = all(REPOSITORY.fullmatch(one) and not Path(one).exists() for one in (adapter.base, name))
    if another or (ids and adapter.base.lower() != name.lower()):
        raise UserError(
            f"The adapter '{adapter.name}' was made for '{adapter.base}', not for '{name}'; give --model {adapter.base}, or, if both are the "
            f"same weights, change base_model_name_or_path in its {CONFIG}."
        )


@torch.inference_mode()
def adapted(model: PreTrainedModel, adapter: Adapter, name: str) -> PreTrainedModel:
    """The model `name` with the adapter, merged unless it is quantised. Every tensor of the adapter has its place, or it is refused."""
    from peft import PeftConfig, PeftModel, set_peft_model_state_dict

    try:
        config = PeftConfig.from_pretrained(str(adapter.folder))
        if config.is_prompt_learning:
            raise UserError(
                f"The adapter '{adapter.name}' is a {_kind(config)}, which puts tokens of its own before every text; only adapters of weights "
                "(LoRA, DoRA, IA3) can be used."
            )
        config.inference_mode = True
        tensors = load_file(adapter.folder / WEIGHTS)
        wearing = PeftModel(model, config, autocast_adapter_dtype=False)
        _refuse_unsettled(adapter, wearing, tensors)
        found = set_peft_model_state_dict(wearing, tensors)
    except (ValueError, TypeError, KeyError, RuntimeError, OSError, SafetensorError) as error:
        raise UserError(
            f"The adapter '{adapter.name}' does not fit '{name}': {first_line(error)}; it says it is for '{adapter.base}'."
        ) from error
    if found.unexpected_keys:
        raise UserError(_unplaced(adapter, found.unexpected_keys))
    wearing.eval()
    if getattr(model, "is_quantized", False):
        return cast(PreTrainedModel, wearing.get_base_model()).requires_grad_(False)
    try:
        return cast(Any, wearing).merge_and_unload(safe_merge=True).requires_grad_(False)
    except ValueError as error:
        raise UserError(f"The adapter '{adapter.name}' can't be merged: {first_line(error)}.") from error


def _refuse_unsettled(adapter: Adapter, wearing: Any, tensors: dict[str, torch.Tensor]) -> None:
    """Refuse tensors that have no place, places without a tensor, and other shapes, by name: peft only warns of the first two."""
    from peft import get_peft_model_state_dict

    wanted = get_peft_model_state_dict(wearing, save_embedding_layers=False)
    # What is trained as a whole, an embedding for one, may be in the file without being asked for; loading it tells.
    whole = {name for name, _ in wearing.get_base_model().named_parameters()}
    extra = [name for name in tensors if name not in wanted and name.removeprefix("base_model.model.") not in whole]
    if extra:
        raise UserError(_unplaced(adapter, extra))
    faults = []
    if missing := [name for name in wanted if name not in tensors]:
        faults.append(f"{named_tensors(missing)} are missing in the file")
    if other := [name for name in wanted if name in tensors and tensors[name].shape != wanted[name].shape]:
        shapes = f"{tuple(tensors[other[0]].shape)} for {tuple(wanted[other[0]].shape)}"
        faults.append(f"{named_tensors(other)} have another shape ({shapes})")
    if faults:
        raise UserError(
            f"The adapter '{adapter.name}' does not fit this model: {'; '.join(faults)}. It says it is for '{adapter.base}'."
        )


def _unplaced(adapter: Adapter, names: list[str]) -> str:
    return f"The adapter '{adapter.name}' has tensors that fit nothing in this model: {named_tensors(names)}. It says it is for '{adapter.base}'."


def _kind(config: Any) -> str:
    return str(getattr(config.peft_type, "value", config.peft_type)).replace("_", " ").lower()
