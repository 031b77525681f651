"""`emotion-vectors doctor`: the self-checks alone."""

from __future__ import annotations

from typing import Annotated

import typer

from emotion_vectors import settings
from emotion_vectors.cli.options import Adapter, Device, Quantize, Quiet, Sets, parse_assignments
from emotion_vectors.cli.shown import print_checks


def doctor(
    model: Annotated[
        str,
        typer.Option(
            help="Hugging Face id, local folder, GGUF file, an address (s3://...) of one, `embedded`, or a control: `planted`, "
            "`planted-none`."
        ),
    ] = "embedded",
    adapter: Adapter = None,
    quantize: Quantize = None,
    stimuli: Annotated[
        str, typer.Option(help="Stimulus pack: `ours`, or the folder or address of another one.")
    ] = "ours",
    set_: Sets = None,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Check that the instrument measures what it should on this model and pack; exit code 1 if it does not."""
    from emotion_vectors.doctor import stopping
    from emotion_vectors.pipeline import examine_model

    changes = {
        "model": model,
        "stimuli": stimuli,
        "quantize": quantize,
        "adapter": adapter,
    } | parse_assignments(set_ or [])
    checks = examine_model(settings.change(settings.Settings(), **changes), settings.Runtime(device, quiet=quiet))
    print_checks(checks)
    if stopping(checks):
        raise typer.Exit(1)
