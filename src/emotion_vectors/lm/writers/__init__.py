"""Writers: token ids in, texts out. transformers everywhere; openvino-genai for GGUF models on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers import openvino_writer
from emotion_vectors.lm.writers.base import Request, Sampling, Writer, Written
from emotion_vectors.lm.writers.openvino_writer import OpenVINOWriter
from emotion_vectors.lm.writers.transformers_writer import TransformersWriter

__all__ = [
    "OpenVINOWriter",
    "Request",
    "Sampling",
    "TransformersWriter",
    "Writer",
    "Written",
    "choose_writer",
    "make_writer",
]


def make_writer(
    lm: Any,
    choice: str = "auto",
    stories_per_batch: int = 128,
    say: Callable[[str], None] | None = None,
    cache: Path | None = None,
) -> Writer:
    """The writer called `choice` for the loaded model `lm` (`.model`, `.tokenizer`, `.gguf`, `.device`).

    "auto" takes openvino where it can serve: a GGUF model of the llama or qwen family, on a CPU, package installed;
    else transformers. `say` gets one line when something worth knowing happens. `cache`: folder for converted weights.
    """
    if choose_writer(choice, lm.gguf, lm.model.config.model_type, lm.device.type) == "openvino":
        return OpenVINOWriter(lm, stories_per_batch, say, cache)
    return TransformersWriter(lm, stories_per_batch, say)


def choose_writer(choice: str, gguf: Path | None, model_type: str, device: str) -> str:
    """The writer that `choice` means for a model file, its architecture and a kind of device, before it is loaded."""
    if choice not in ("auto", "transformers", "openvino"):
        raise UserError(f"There is no writer '{choice}'; choose auto, transformers or openvino.")
    if choice != "auto":
        return choice
    serves = gguf is not None and model_type in openvino_writer.ARCHITECTURES
    return "openvino" if serves and device == "cpu" and openvino_writer.is_installed() else "transformers"
