"""Adapters: what fine-tuning with peft (LoRA and its kin) leaves, put on the model that it was made for.

An adapter is merged into the weights, so that the model is a plain one; on quantised weights, which merging would round a second time,
it stays beside them. Tokenizer and chat template are the model's own.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections import Counter
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedModel

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm.pretrained import SHOWN, named_tensors
from emotion_vectors.lm.weights import sha256_of
from emotion_vectors.store.remote import is_remote, local_folder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
HARMLESS = ("unsloth_fixed",)  # that a tool of training has been there
# Of the logits' length: how far a merged model may be from the same one with its adapter beside it. Rounding stays far below.
MERGED = {torch.float32: 1e-3, torch.bfloat16: 0.25, torch.float16: 0.1}
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is refused or seen to here
        return _adapted(model, adapter, name)


def _adapted(model: PreTrainedModel, adapter: Adapter, name: str) -> PreTrainedModel:
    from peft import PeftModel, set_peft_model_state_dict

    try:
        config = _configured(adapter)
        config.inference_mode = True
        tensors = load_file(adapter.folder / WEIGHTS)
        wearing = PeftModel(model, config, autocast_adapter_dtype=False)
        _refuse_unsettled(adapter, wearing, tensors)
        found = set_peft_model_state_dict(wearing, tensors)
    except (ValueError, TypeError, KeyError, RuntimeError, OSError, SafetensorError) as error:
        raise UserError(
            f"The adapter '{adapter.name}' does not fit '{name}': {first_line(error)}{_meant(adapter)}."
        ) from error
    if found.unexpected_keys:
        raise UserError(_unplaced(adapter, found.unexpected_keys))
    wearing.eval()
    if getattr(model, "is_quantized", False):
        return cast(PreTrainedModel, wearing.get_base_model()).requires_grad_(False)
    return _merged(adapter, wearing).requires_grad_(False)


def _configured(adapter: Adapter) -> Any:
    """Its configuration. Refuses what is more than a change of weights, and what the installed peft would pass over."""
    from peft import PeftConfig

    try:
        config = PeftConfig.from_pretrained(str(adapter.folder))
    except KeyError as error:
        raise UserError(
            f"The adapter '{adapter.name}' is of a kind that the installed peft {version('peft')} does not know ({error}); install a newer one: "
            "pip install -U peft."
        ) from error
    if config.is_prompt_learning:
        raise UserError(
            f"The adapter '{adapter.name}' is a {_kind(config)}, which puts tokens of its own before every text; only adapters of weights "
            "(LoRA, DoRA, IA3) can be used."
        )
    if getattr(config, "alora_invocation_tokens", None):
        raise UserError(
            f"The adapter '{adapter.name}' changes the weights only after certain tokens of a text (aLoRA); only adapters that change them "
            "everywhere (LoRA, DoRA, IA3) can be used."
        )
    written = json.loads((adapter.folder / CONFIG).read_text(encoding="utf-8"))
    unknown = [key for key, value in written.items() if value and not hasattr(config, key) and key not in HARMLESS]
    if unknown:
        raise UserError(
            f"The adapter '{adapter.name}' sets {', '.join(sorted(unknown)[:SHOWN])}, which the installed peft {version('peft')} does not know and "
            "would pass over; install a newer one: pip install -U peft."
        )
    return config


def _merged(adapter: Adapter, wearing: Any) -> PreTrainedModel:
    """The plain model with the adapter in its weights; `UserError` where it can't be merged or gives other numbers merged.

    A weight that two modules share and one of them has adapted (an embedding that is the unembedding too) is first copied: merged into
    both it would be another model.
    """
    try:
        beside = _numbers(wearing)
        _part_shared(wearing)
        model = wearing.merge_and_unload(safe_merge=True)
        merged = _numbers(model)
    except Exception as error:  # each kind of adapter raises what its authors chose
        raise UserError(f"The adapter '{adapter.name}' can't be merged: {first_line(error)}.") from error
    # Of the tokens the median: rounding can blow up at a token of no sense, another merge differs at every one.
    apart = float(((merged - beside).norm(dim=-1) / beside.norm(dim=-1)).median())
    if not apart <= MERGED[model.dtype]:  # NaN is not
        raise UserError(
            f"The adapter '{adapter.name}' gives other numbers when it is merged into the weights (by {apart:.2g} of the logits' length); "
            "merge it with the tool that made it, and give the merged model."
        )
    return model


def _numbers(model: Any) -> torch.Tensor:
    """Logits (16, v) after tokens from all over the vocabulary, float32 and centred, as a softmax sees them."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    last = inner.config.get_text_config().vocab_size - 1
    ids = torch.linspace(0.05 * last, 0.95 * last, 16, device=inner.get_input_embeddings().weight.device).long()
    logits = inner(input_ids=ids[None], use_cache=False).logits[0].float()
    return logits - logits.mean(dim=-1, keepdim=True)


def _part_shared(wearing: Any) -> None:
    """Give every adapted module whose weight another one shares a copy of its own."""
    model = wearing.get_base_model()
    held = Counter(id(weight) for _, weight in model.named_parameters(remove_duplicate=False))
    for module in model.modules():
        weight = getattr(getattr(module, "base_layer", None), "weight", None)
        if isinstance(weight, torch.nn.Parameter) and held[id(weight)] > 1:
            module.base_layer.weight = torch.nn.Parameter(weight.detach().clone(), requires_grad=False)
            model.config.get_text_config().tie_word_embeddings = model.config.tie_word_embeddings = False


def _refuse_unsettled(adapter: Adapter, wearing: Any, tensors: dict[str, torch.Tensor]) -> None:
    """Refuse tensors that have no place, places without a tensor, and other shapes, by name: peft only warns of the first two."""
    from peft import get_peft_model_state_dict

    wanted = get_peft_model_state_dict(wearing, save_embedding_layers=False)
    # What is trained as a whole, an embedding for one, may be in the file without being asked for; loading it tells.
    # A weight that is tied to another one has two names.
    whole = dict(wearing.get_base_model().named_parameters(remove_duplicate=False))
    places = {name: wanted.get(name, whole.get(name.removeprefix("base_model.model."))) for name in tensors}
    if extra := [name for name, place in places.items() if place is None]:
        raise UserError(_unplaced(adapter, extra))
    faults = []
    if missing := [name for name in wanted if name not in tensors]:
        faults.append(f"{named_tensors(missing)} are missing in the file")
    other = {
        name: place.shape for name, place in places.items() if place is not None and tensors[name].shape != place.shape
    }
    if other:
        name, shape = next(iter(other.items()))
        faults.append(f"{named_tensors(other)} have another shape ({tuple(tensors[name].shape)} for {tuple(shape)})")
    if faults:
        raise UserError(f"The adapter '{adapter.name}' does not fit this model: {'; '.join(faults)}{_meant(adapter)}.")


def _unplaced(adapter: Adapter, names: list[str]) -> str:
    return f"The adapter '{adapter.name}' has tensors that fit nothing in this model: {named_tensors(names)}{_meant(adapter)}."


def _meant(adapter: Adapter) -> str:
    """Which model it says it is for, as the end of a sentence."""
    return f"; it says it is for '{adapter.base}'" if adapter.base else "; it doesn't say which model it is for"


def _kind(config: Any) -> str:
    return str(getattr(config.peft_type, "value", config.peft_type)).replace("_", " ").lower()
