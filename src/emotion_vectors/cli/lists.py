"""`emotion-vectors settings` and `emotion-vectors stimuli verify`: what there is, and what a pack holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from emotion_vectors import settings


def show_settings(preset: Annotated[str, typer.Argument(help="demo, screen, paper, planted or toy.")] = "demo") -> None:
    """List every setting of a preset, with its value and meaning."""
    chosen = settings.preset(preset)
    table = Table("setting", preset, "meaning")
    for name, field in settings.Settings.model_fields.items():
        table.add_row(name, str(getattr(chosen, name)), field.description)
    Console().print(table)


def verify(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a stimulus pack.")]) -> None:
    """Check which lists of a pack equal the published ones, which differ, and what is malformed."""
    from emotion_vectors.stimuli import verify_pack

    checks = verify_pack(folder)
    table = Table("list", "items", "status", "SHA-256", "remark")
    for check in checks:
        table.add_row(check.name, str(check.count), check.status, (check.sha256 or "")[:12], check.message)
    Console().print(table)
    if any(check.status == "malformed" for check in checks):
        raise typer.Exit(2)
