"""Which writer writes: what `auto` means for a model, and the writer made."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers import WRITERS
from emotion_vectors.lm.writers.base import Engine, ModelFacts, Options, Writer, WriterKind


def kind_of(name: str) -> WriterKind:
    """The writer of that name, from the end of its file."""
    return import_module(f"emotion_vectors.lm.writers.{name}_writer").KIND


def make_writer(lm: Any, choice: str = "auto", options: Options = Options()) -> Engine:
    """The writer called `choice` for the loaded model `lm`; "auto" takes what `choose_writer` says."""
    return kind_of(choose_writer(choice, facts_of(lm))).make(lm, options)


def choose_writer(choice: str, model: ModelFacts) -> str:
    """The writer that `choice` means for a model; `UserError` for one that is none or would write with other weights than the model's."""
    if choice not in ("auto", *WRITERS):
        raise UserError(f"There is no writer '{choice}'; choose auto, {', '.join(WRITERS[:-1])} or {WRITERS[-1]}.")
    if choice == "auto":
        return next((name for name in WRITERS[1:] if kind_of(name).is_best(model)), WRITERS[0])
    if model.is_changed and kind_of(choice).reads_files:
        raise UserError(
            f"The writer {choice} reads the model's files, without --quantize and --adapter, so another model would write; use "
            "--set writer=transformers, or existing stories (--stories)."
        )
    return choice


def facts_of(lm: Any) -> ModelFacts:
    """What a loaded model tells those who choose its writer."""
    changed = bool(getattr(lm, "quantize", None) or getattr(lm, "adapter", None))
    return ModelFacts(lm.gguf, lm.model.config.to_dict(), lm.device.type, changed)


def chunks_together(writer: str | Writer) -> int:
    """How many chunks of requests a writer, or the one that a name (never "auto") stands for, wants in one call."""
    return kind_of(writer).chunks_together if isinstance(writer, str) else getattr(writer, "chunks_together", 1)
