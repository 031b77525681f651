"""`emotion-vectors bench`: how fast, against plain loops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from emotion_vectors import settings
from emotion_vectors.cli.options import Adapter, Device, Quantize, Quiet, Sets, parse_assignments


def bench(
    model: Annotated[
        str,
        typer.Option(
            help="As for run; `llama-3.1-8b-shape` is a model of that shape with random weights, made on the spot."
        ),
    ] = "embedded",
    adapter: Adapter = None,
    quantize: Quantize = None,
    jobs: Annotated[
        str, typer.Option(metavar="NAMES", help="Jobs to time, separated by commas.")
    ] = "writing,extraction,preferences,steering",
    quick: Annotated[
        bool, typer.Option("--quick", help="Take small samples and skip the growth of time and memory.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write all figures to this JSON file.")
    ] = None,
    set_: Sets = None,
    device: Device = "auto",
    tokens_per_batch: Annotated[int, typer.Option(min=1, help="Maximum tokens in a batch.")] = 4096,
    stories_per_batch: Annotated[int, typer.Option(min=1, help="Stories written at once.")] = 256,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all cores.")] = None,
    quiet: Quiet = False,
) -> None:
    """Time each job against a plain loop and the machine's limit; exit code 2 if the two give different numbers."""
    from emotion_vectors.bench import run_bench
    from emotion_vectors.bench.table import tables

    chosen = settings.change(
        settings.Settings(),
        **{"model": model, "quantize": quantize, "adapter": adapter} | parse_assignments(set_ or []),
    )
    runtime = settings.Runtime(device, tokens_per_batch, stories_per_batch, threads, quiet)
    record = run_bench(chosen, runtime, jobs, quick, out)
    for table in tables(record):
        Console().print(table)
