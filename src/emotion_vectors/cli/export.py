"""`emotion-vectors export`: the vectors in other tools' formats."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from emotion_vectors.errors import UserError


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="Folder of a finished run, a vectors.safetensors file, or the address of one."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="A file with the format's ending, or a folder.")],
    format: Annotated[
        str,
        typer.Option(help="safetensors, npz, gguf, steering-vectors, lm-eval, easysteer, vllm-lens or huggingface."),
    ] = "safetensors",
    emotion: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SHARE", help="Part of one mixed direction; may be repeated. For steering formats."),
    ] = None,
    emotions: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Only these emotions, separated by commas.")
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="`12`, `10-14,20` or `all`; default the analysis layer for steering formats.")
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            help="What a scale of 1 adds in the other tool, in mean residual norms; default 1. For steering formats."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    push_to_hub: Annotated[
        str | None, typer.Option(metavar="ID", help="Upload the huggingface folder to this repository.")
    ] = None,
) -> None:
    """Write the vectors for another tool: llama.cpp and repeng (gguf), steering-vectors, lm-eval, EasySteer, vllm-lens, numpy or the hub."""
    from emotion_vectors.exports import export_vectors, hub
    from emotion_vectors.exports.writing import silence
    from emotion_vectors.vectors.file import EmotionVectors
    from emotion_vectors.vectors.named import parse_names, parse_numbers

    if push_to_hub and format != "huggingface":
        raise UserError("--push-to-hub uploads the repository folder of --format huggingface; choose that format.")
    names = [] if emotions is None else parse_names(emotions)
    mix = parse_numbers(emotion or [], bare=1.0, example="calm=0.5")
    files = export_vectors(source, format, out, mix, names, layers, strength, overwrite)
    if said := EmotionVectors.load(source, calibrated=False).caution():
        print(said, file=sys.stderr)
    if ignored := silence(source, format):
        print(ignored, file=sys.stderr)
    print(f"Written: {files[0]}" if len(files) == 1 else f"Written: {len(files)} files in {files[0].parent}")
    if push_to_hub:
        print(f"Uploaded: {hub.push(out, push_to_hub)}")
