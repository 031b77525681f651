"""`emotion-vectors import`: other tools' vectors as a vectors file of ours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from emotion_vectors.cli.options import Adapter, Device, Quantize
from emotion_vectors.errors import UserError


def import_(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, or NAME=FILE to name the emotion.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Vectors file to write; its name ends in .safetensors.")
    ],
    format: Annotated[str, typer.Option(help="repeng (GGUF control vectors, also llama.cpp's) or npz.")] = "repeng",
    model: Annotated[str, typer.Option(help="Model that the vectors come from, as for run.")] = "embedded",
    stimuli: Annotated[
        str,
        typer.Option(
            help="Stimulus pack whose neutral questions are read: `ours`, or the folder or address of another one."
        ),
    ] = "ours",
    layer: Annotated[int | None, typer.Option(help="Analysis layer, from 0; default two thirds of the depth.")] = None,
    names: Annotated[
        str | None, typer.Option(metavar="NAMES", help="The emotions of an npz without names, separated by commas.")
    ] = None,
    adapter: Adapter = None,
    quantize: Quantize = None,
    device: Device = "auto",
) -> None:
    """Turn other tools' vectors into a vectors file, to read and steer with."""
    from emotion_vectors.exports.foreign import import_vectors
    from emotion_vectors.lm.model import load_model
    from emotion_vectors.stimuli import load_pack

    if out.suffix != ".safetensors" or out.is_dir():
        raise UserError(f"{out} does not end in .safetensors; write for example --out theirs.safetensors.")
    pack = load_pack(stimuli)
    chosen = [name.strip() for name in (names or "").split(",") if name.strip()]
    lm = load_model(model, device, quantize=quantize, adapter=adapter)
    vectors = import_vectors(files, format, lm, pack, layer, chosen)
    vectors.save(out)
    print(vectors.caution(), file=sys.stderr)
    if vectors.header.get("layers_left_out"):
        print(
            "direction.0 is left out: llama.cpp never adds it, and its place differs between tools. Layers 1 and up are imported."
        )
    print(f"Written: {out} ({len(vectors.emotions)} emotions; analysis layer {vectors.layer}).")
