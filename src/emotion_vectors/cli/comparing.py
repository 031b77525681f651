"""`emotion-vectors compare` and `screen`: several runs beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from emotion_vectors import settings
from emotion_vectors.cli.options import (
    STOPPED,
    Device,
    Neutral,
    Quantize,
    Quiet,
    Sets,
    Stories,
    changes_of,
    command_line,
)


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Folders or addresses of finished runs.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Output folder for the page, the table and the record.")
    ],
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples and permutations.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples and permutations.")] = 0,
) -> None:
    """Compare finished runs: verdicts, vectors, geometry, preferences, self-checks and speed, on one page."""
    from emotion_vectors.comparing import compare_runs
    from emotion_vectors.store.remote import folder_at

    compare_runs([folder_at(run) for run in runs], out, resamples, seed)
    print(f"Comparison: {out / 'comparison.html'}")


def screen(
    models: Annotated[
        list[str],
        typer.Option("--models", help="Model, as for run; may be repeated, or give several names separated by spaces."),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Output folder: a run folder for each model, and the page.")
    ],
    preset: Annotated[str, typer.Option(help="Preset: demo, screen, paper, planted or toy.")] = "screen",
    stimuli: Annotated[
        str | None, typer.Option(help="Stimulus pack: `ours`, or the folder or address of another one.")
    ] = None,
    stories: Stories = None,
    neutral: Neutral = None,
    quantize: Quantize = None,
    set_: Sets = None,
    device: Device = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all cores.")] = None,
    allow_failed_checks: Annotated[
        bool, typer.Option("--allow-failed-checks", help="Record failed self-checks and continue.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Run the same experiment on several models in turn and compare them; models that fail are listed.

    If it was interrupted, run the command again to resume. The exit code is 1 if a model failed.
    """
    names = [name for given in models for name in given.split() if name]
    given = {"stimuli": stimuli, "stories_from": stories, "neutral_from": neutral, "quantize": quantize}
    changes = changes_of(given, set_)
    runtime = settings.Runtime(device, threads=threads, quiet=quiet, allow_failed_checks=allow_failed_checks)
    console = Console(stderr=True, highlight=False)
    try:
        from emotion_vectors.comparing.screening import (
            screen_models,  # takes seconds, in which somebody may press Ctrl-C
        )

        compared, failed = screen_models(
            names, preset, changes, out, runtime, command_line(), lambda said: console.print(said, markup=False, soft_wrap=True)
        )  # fmt: skip
    except KeyboardInterrupt:
        console.print(STOPPED)
        raise typer.Exit(130) from None
    if compared:
        print(f"Comparison: {out / 'comparison.html'}")
    if failed:
        raise typer.Exit(1)
