"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change one setting; may be repeated.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
