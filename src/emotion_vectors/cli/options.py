"""Options that several verbs share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from emotion_vectors.errors import UserError

Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change one setting; may be repeated.")
]
Device = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda, cuda:N or mps; cuda:0,cuda:1 spreads one model over several GPUs, and a cpu at the end takes what doesn't fit."
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
Stories = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Use these stories: `ours`, parquet, jsonl, a Hugging Face data set or one file of it, owner/name:path/file.parquet "
        "(stories_from).",
    ),
]
Neutral = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Use these neutral texts, in the same formats as --stories (neutral_from)."),
]
STOPPED = "Stopped; run the same command again to resume."
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def command_line() -> str:
    """The command as it was given, for records."""
    return shlex.join(["emotion-vectors", *sys.argv[1:]])


def changes_of(named: Mapping[str, Any], sets: list[str] | None) -> dict[str, Any]:
    """What somebody asked to change: options that were given (not None), and after them what `--set` says."""
    return {name: value for name, value in named.items() if value is not None} | parse_assignments(sets or [])


def parse_assignments(assignments: list[str]) -> dict[str, str]:
    """`["a=1", "b=x"]` as `{"a": "1", "b": "x"}`; anything else is a `UserError`."""
    pairs = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.strip():
            raise UserError(
                f"'--set {assignment}' does not have the form name=value; write for example --set topics=10."
            )
        pairs[name.strip()] = value.strip()
    return pairs
