"""`emotion-vectors explore`: runs as a web page on this machine."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.console import Console

from emotion_vectors.cli.options import Adapter, Device, Quantize


def explore(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Run folders (finished or not) or vectors files, or their addresses."),
    ],
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on; default the first free one from 7860.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; anything but this machine needs a password.")
    ] = "127.0.0.1",
    password: Annotated[
        str | None,
        typer.Option(envvar="EMOTION_VECTORS_PASSWORD", help="Password for every visitor; any user name is accepted."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where to find the model of the runs, if it has moved.")
    ] = None,
    adapter: Adapter = None,
    quantize: Quantize = None,
    device: Device = "auto",
) -> None:
    """Look at runs in the browser: read texts, steer answers, preferences, a map of the vectors, stories, verdicts."""
    # Models come from this machine's disk; the hub is not asked.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from emotion_vectors.explorer.models import Models
    from emotion_vectors.explorer.serve import serve
    from emotion_vectors.store.remote import folder_at, is_remote, local_copy

    # An address that ends like this is a vectors file; any other is the folder of a run.
    alone = [is_remote(run) and run.endswith(".safetensors") for run in runs]
    try:
        serve(
            [local_copy(run) if file else folder_at(run) for run, file in zip(runs, alone, strict=True)],
            host,
            port,
            password,
            Models(model, device, quantize, adapter),
        )
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped.")
        raise typer.Exit(130) from None
