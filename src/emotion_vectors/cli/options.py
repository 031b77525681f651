"""Options that several verbs share."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated, Literal

import typer

Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change one setting; may be repeated.")
]
Device = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda, cuda:N or mps; several GPUs for one model as cuda:0,cuda:1, and with cpu for what doesn't fit."
    ),
]
Quantize = Annotated[
    Literal["4bit", "8bit"] | None,
    typer.Option(help="Quantise the weights when the model is loaded: 4bit or 8bit (needs the extra `quantized`)."),
]
Adapter = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Adapter of the model from fine-tuning with peft: folder or Hugging Face id (needs the extra `adapters`).",
    ),
]
STOPPED = "Stopped; the same command goes on where it was."
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]


def command_line() -> str:
    """The command as it was given, for records."""
    return shlex.join(["emotion-vectors", *sys.argv[1:]])
