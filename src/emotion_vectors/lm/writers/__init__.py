"""Writers: token ids in, texts out. transformers everywhere; openvino-genai for GGUF models on a CPU; vLLM; a server."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers import openvino_writer, vllm_writer
from emotion_vectors.lm.writers.base import Request, Sampling, Writer, Written
from emotion_vectors.lm.writers.openvino_writer import OpenVINOWriter
from emotion_vectors.lm.writers.server_writer import CONCURRENCY, ServerWriter
from emotion_vectors.lm.writers.transformers_writer import TransformersWriter
from emotion_vectors.lm.writers.vllm_writer import VLLMWriter

__all__ = [
    "OpenVINOWriter",
    "Request",
    "Sampling",
    "ServerWriter",
    "TransformersWriter",
    "VLLMWriter",
    "Writer",
    "Written",
    "choose_writer",
    "chunks_together",
    "make_writer",
    "server_writer",
]

WRITERS = ("transformers", "openvino", "vllm", "server")


def make_writer(
    lm: Any,
    choice: str = "auto",
    stories_per_batch: int = 128,
    say: Callable[[str], None] | None = None,
    cache: Path | None = None,
    server_model: str | None = None,
    server_url: str | None = None,
    server_concurrency: int = CONCURRENCY,
) -> Writer:
    """The writer called `choice` for the loaded model `lm` (`.model`, `.tokenizer`, `.gguf`, `.device`).

    "auto" takes what `choose_writer` says. `say` gets one line when something worth knowing happens. `cache`: folder for
    converted weights. server_model, server_url: the model's name at the server and its base URL (default: the variable
    EMOTION_VECTORS_SERVER); the key comes from OPENAI_API_KEY and from nowhere else.
    """
    rotation = openvino_writer.rotation_of(lm.model.config.to_dict())
    if choice == "auto" and (getattr(lm, "quantize", None) or getattr(lm, "adapter", None)):
        choice = "transformers"  # the others read the files
    chosen = choose_writer(choice, lm.gguf, lm.model.config.model_type, lm.device.type, rotation)
    if chosen == "openvino":
        return OpenVINOWriter(lm, stories_per_batch, say, cache)
    if chosen == "vllm":
        return VLLMWriter(lm, stories_per_batch)
    if chosen == "server":
        return server_writer(
            server_model,
            server_url,
            server_concurrency,
            count_tokens=lambda text: len(lm.tokenizer(text, add_special_tokens=False)["input_ids"]),
        )
    return TransformersWriter(lm, stories_per_batch, say)


def server_writer(model: str | None, url: str | None, concurrency: int = CONCURRENCY, **more: Any) -> ServerWriter:
    """The writer behind the server at `url` (default: EMOTION_VECTORS_SERVER); `UserError` for what can be no server. Nothing is asked of it."""
    return ServerWriter(
        url or os.environ.get("EMOTION_VECTORS_SERVER"),
        model,
        os.environ.get("OPENAI_API_KEY", ""),
        concurrency,
        **more,
    )


def chunks_together(writer: str | Writer) -> int:
    """How many chunks of requests a writer, or the one that a name (never "auto") stands for, wants in one call."""
    kinds: dict[str, type] = {"vllm": VLLMWriter, "server": ServerWriter}
    return int(getattr(kinds.get(writer) if isinstance(writer, str) else writer, "chunks_together", 1))


def choose_writer(choice: str, gguf: Path | None, model_type: str, device: str, rotation: str = "default") -> str:
    """The writer that `choice` means for a model file, its architecture and a kind of device, before it is loaded.

    rotation: the kind of scaling of its rotation. "auto" is openvino for a GGUF model that it computes as the file says on a CPU, vllm for any other file than GGUF on CUDA,
    each where its package is installed; else transformers.
    """
    if choice not in ("auto", *WRITERS):
        raise UserError(f"There is no writer '{choice}'; choose auto, {', '.join(WRITERS[:-1])} or {WRITERS[-1]}.")
    if choice != "auto":
        return choice
    if gguf is None:
        return "vllm" if device == "cuda" and vllm_writer.is_installed() else "transformers"
    serves = openvino_writer.reads(gguf, model_type, rotation) and device == "cpu"
    return "openvino" if serves and openvino_writer.is_installed() else "transformers"
