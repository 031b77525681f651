"""Where a model's files are, and the hash of every file that decides its numbers; nothing is loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from transformers import AutoConfig
from transformers.utils.peft_utils import find_adapter_config_file

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm import built, quantized, weights
from emotion_vectors.lm.adapters import Adapter, check_base, find_adapter, refuse_adapter_as_model
from emotion_vectors.lm.pretrained import files_read
from emotion_vectors.store.remote import is_remote, local_copy, local_folder

PICKLED = (".bin", ".pt", ".pth")  # weights that are never read


class Located(NamedTuple):
    """Where a model's files are: GGUF file if any, folder or id to load, SHA-256 of the weights, revision if known, adapter if any."""

    gguf: Path | None
    folder: str
    sha256: str
    revision: str | None
    adapter: Adapter | None = None
    base_sha256: str | None = None  # of the weights alone, where they are quantised or adapted


def local_model(name: str, cache: Path | None = None) -> str:
    """The path of a copy in the cache folder of a model at an address; any other name as it is."""
    if not is_remote(name):
        return name
    if name.lower().endswith(".gguf"):
        return str(local_copy(name, cache))
    return str(local_folder(name, cache, lambda file: "/" not in file and not file.endswith(PICKLED)))


def locate(
    name: str, cache: Path | None = None, quantize: quantized.Quantize | None = None, adapter: str | None = None
) -> Located:
    """Find the files of the model `name` and hash its weights, without loading it.

    Quantised, or with an adapter, it is another model, so its hash is another one. Raises `UserError` for what is not there, is not
    a model, or doesn't go together.
    """
    found = _locate(name, cache)
    quantized.check(quantize, name, found.folder)
    if adapter is None and quantize is None:
        return found
    worn, parts = None, [found.sha256]
    if adapter is not None:
        worn = find_adapter(adapter, cache)
        check_base(worn, name, _is_another(worn, found, cache))
        parts.append(f"adapter:{worn.sha256}")
    if quantize is not None:
        parts.append(f"quantize:{quantize}")
    return found._replace(
        sha256=hashlib.sha256("\n".join(parts).encode()).hexdigest(), adapter=worn, base_sha256=found.sha256
    )


def _is_another(adapter: Adapter, found: Located, cache: Path | None) -> bool:
    """Whether the folder that an adapter names as its model is here and holds other weights.

    Who trains on a GGUF file, or on the embedded model, trains on the folder that it was converted to.
    """
    folder = Path(adapter.base).expanduser()
    if not adapter.base or not (folder / "config.json").is_file() or folder.resolve() == Path(found.folder).resolve():
        return False
    return _locate(str(folder), cache).sha256 != found.sha256


def _locate(name: str, cache: Path | None) -> Located:
    name = local_model(name, cache)
    if name in built.NAMES:
        return Located(None, name, built.hash_of(name), None)
    if name == "embedded":
        gguf = weights.embedded_gguf(cache)
        converted = weights.converted_gguf(gguf, weights.EMBEDDED_SHA256, cache)
        return Located(gguf, str(converted), weights.EMBEDDED_SHA256, None)
    path = Path(name).expanduser()
    if name.lower().endswith(".gguf"):
        if not path.is_file():
            raise UserError(f"There is no GGUF file {path}; check the path.")
        sha256 = weights.gguf_sha256(path)
        return Located(path, str(weights.converted_gguf(path, sha256, cache)), sha256, None)
    if path.is_dir():
        return Located(None, str(path), _folder_sha256(path), None)
    if path.exists() or name.startswith((".", "/", "~")):
        raise UserError(
            f"{path} is not a model folder; give a folder with config.json, a .gguf file or a Hugging Face id."
        )
    return _from_hub(name)


def _folder_sha256(folder: Path) -> str:
    """SHA-256 over every file that is read: another tokenizer or chat template gives other numbers as other weights do."""
    refuse_adapter_as_model(str(folder), folder)
    if not (folder / "config.json").is_file():
        raise UserError(
            f"The folder {folder} has no config.json; give a model folder, a .gguf file or a Hugging Face id."
        )
    files = files_read(folder)
    if not any(file.suffix == ".safetensors" for file in files):
        raise UserError(
            f"The folder {folder} has no .safetensors weights; convert the model (pickled weights are refused)."
        )
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder).as_posix()}:{weights.sha256_of(file)}\n".encode())
    return digest.hexdigest()


def _from_hub(name: str) -> Located:
    if adapter := find_adapter_config_file(name):
        refuse_adapter_as_model(name, Path(adapter).parent)
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"Can't find the model '{name}' here or on the Hugging Face hub: {first_line(error)}; "
            "give a folder, a .gguf file, a hub id or `embedded`."
        ) from error
    revision = getattr(config, "_commit_hash", None)
    # A hub commit names the weights exactly, so its id stands for their hash.
    return Located(None, name, hashlib.sha256(f"{name}@{revision}".encode()).hexdigest(), revision)
