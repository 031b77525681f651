"""`emotion-vectors examples`: the strongest passages of each emotion in text that nobody wrote for this."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from emotion_vectors.cli.options import STOPPED, Adapter, Device, Quantize, Quiet
from emotion_vectors.cli.read import load_reader, vectors_for, window_of
from emotion_vectors.errors import UserError


def examples(
    vectors: Annotated[
        str, typer.Argument(metavar="RUN", help="Run folder, vectors.safetensors file or Hugging Face id.")
    ],
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Texts: .parquet, .jsonl or .txt files.", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FOLDER", help="Output folder for the page, the table and the record; can be resumed."
        ),
    ] = Path("examples"),
    text_column: Annotated[
        str, typer.Option(metavar="NAME", help="Column of the texts in .parquet and .jsonl files.")
    ] = "text",
    emotions: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Emotions, separated by commas; default all.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="Passages per emotion.")] = 10,
    norms: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Lexicon: .csv, .tsv or .jsonl with columns word and valence; default the 82 words of the Glasgow norms in this package.",
        ),
    ] = None,
    stimuli: Annotated[
        str,
        typer.Option(
            help="Stimulus pack with valence labels and synonyms: `ours`, or the folder or address of another one."
        ),
    ] = "ours",
    model: Annotated[
        str | None, typer.Option(help="Model to read with; default the one that the vectors come from.")
    ] = None,
    adapter: Adapter = None,
    quantize: Quantize = None,
    layer: Annotated[int | None, typer.Option(help="Layer to read at, from 0; default the analysis layer.")] = None,
    window: Annotated[
        int | None,
        typer.Option(min=64, help="Maximum tokens read at once; default 512, or the model's context if that is less."),
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Count damaged lines and continue.")] = False,
    device: Device = "auto",
    tokens_per_batch: Annotated[
        int, typer.Option(min=1, help="Maximum tokens in a batch; does not change results.")
    ] = 4096,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all cores.")] = None,
    quiet: Quiet = False,
) -> None:
    """Find the strongest passages of each emotion in any amount of text, the emotion's words in them, and agreement with a lexicon."""
    import torch

    from emotion_vectors.natural.agreement import lexicon
    from emotion_vectors.natural.command import write_examples
    from emotion_vectors.natural.job import FILES, WINDOW, Order, Reader, files_in_order
    from emotion_vectors.natural.page import sentences
    from emotion_vectors.progress import Reporter
    from emotion_vectors.stimuli.pack import load_pack
    from emotion_vectors.transcripts.sources import survey, unfolded

    if threads:
        torch.set_num_threads(threads)
    reporter = Reporter(quiet)
    loaded, names, chosen = vectors_for(vectors, emotions, layer)
    if out.is_file():
        raise UserError(f"{out} is a file; --out needs a folder.")
    rated, pack = lexicon(norms), load_pack(stimuli)
    held = survey(unfolded(files), skip_bad, text_column)  # a bad line is told before the model is loaded
    lm, calibration = load_reader(loaded, model, quantize, adapter, device, reporter)
    order = Order(
        files_in_order(held), names, chosen, window_of(lm, window, WINDOW), top, rated, pack.synonyms, text_column, skip_bad
    )  # fmt: skip
    try:
        record = write_examples(
            order, Reader(loaded, lm, calibration, tokens_per_batch), pack.valence, out, reporter, held
        )
    except KeyboardInterrupt:
        Console(stderr=True).print(STOPPED)
        raise typer.Exit(130) from None
    said = Console(stderr=True, highlight=False)
    for sentence in ([record.caution] if record.caution else []) + sentences(record):
        said.print(sentence, markup=False, soft_wrap=True)
    print(f"Passages: {out / FILES[1]}")
