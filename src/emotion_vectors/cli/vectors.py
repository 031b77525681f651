"""`emotion-vectors vectors`: vectors of one's own concepts, from labelled texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from emotion_vectors.cli.options import Adapter, Device, Quantize, Quiet
from emotion_vectors.cli.shown import plain_text
from emotion_vectors.errors import UserError

if TYPE_CHECKING:
    from emotion_vectors.lm.model import LanguageModel
    from emotion_vectors.vectors.file import EmotionVectors

LENS = 8  # tokens shown of each vector


def vectors(
    texts: Annotated[
        str,
        typer.Argument(
            metavar="TEXTS", help="Labelled texts: .jsonl, .parquet, or a Hugging Face data set.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Vectors file to write; its name ends in .safetensors.")
    ],
    model: Annotated[str, typer.Option(help="Model to read the texts with, as for run.")] = "embedded",
    adapter: Adapter = None,
    quantize: Quantize = None,
    neutral: Annotated[
        str, typer.Option(metavar="FILE", help="Neutral texts: `ours`, or a file with a column text.")
    ] = "ours",
    neutral_texts: Annotated[
        int, typer.Option(min=3, max=200, help="How many of our neutral texts, evenly spread; a file is read whole.")
    ] = 40,
    label_column: Annotated[
        str, typer.Option(metavar="NAME", help="Column of the labels; its name says what they are (persona).")
    ] = "label",
    text_column: Annotated[
        str, typer.Option(metavar="NAME", help="Column of the texts; a cell may hold a list of them.")
    ] = "text",
    first_token: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Token of each text at which pooling starts; default 50 if every text has 100 tokens or more, else 0.",
        ),
    ] = None,
    layer: Annotated[
        int | None, typer.Option(min=0, help="Analysis layer, from 0; default two thirds of the depth.")
    ] = None,
    neutral_variance: Annotated[
        float, typer.Option(min=0, max=0.99, help="Share of the neutral variance that is projected out.")
    ] = 0.5,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the random halves and labels that measure the reliability.")
    ] = 0,
    device: Device = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all cores.")] = None,
    quiet: Quiet = False,
) -> None:
    """Make vectors of your own concepts, personas or traits from texts with labels; read, steer, explore and export take the file."""
    from emotion_vectors.corpus.labelled import LABEL, labelled_rows
    from emotion_vectors.corpus.labelled import neutral_texts as read_neutral
    from emotion_vectors.progress import Reporter
    from emotion_vectors.vectors.labelled import labelled

    if out.suffix != ".safetensors" or out.is_dir():
        raise UserError(f"{out} does not end in .safetensors; write for example --out personas.safetensors.")
    given = labelled(labelled_rows(texts, label_column, text_column))
    plain, name = read_neutral(neutral, neutral_texts)

    import torch

    from emotion_vectors.lm.model import load_model
    from emotion_vectors.vectors.making import check_neutral, make

    check_neutral(plain)
    if threads:
        torch.set_num_threads(threads)
    reporter = Reporter(quiet)
    repeated = f" ({given.repeated} repeated ones left out)" if given.repeated else ""
    reporter.say(f"{len(given.texts)} texts of {len(given.names)} labels{repeated}; {len(plain)} neutral texts.")
    concept = "concept" if label_column == LABEL else label_column
    try:
        with reporter.stage(f"Loading {model}", 1, "model") as stage:
            lm = load_model(model, device, quantize=quantize, adapter=adapter)
            stage.advance()
        made = make(
            lm, given, plain, first_token=first_token, layer=layer, neutral_variance=neutral_variance, concept=concept, seed=seed,
            about={"neutral": name}, reporter=reporter,
        )  # fmt: skip
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped; nothing was written.")
        raise typer.Exit(130) from None
    made.save(out)
    _show(made, lm)
    print(f"Vectors: {out} ({len(made)} x {concept}; analysis layer {made.layer} of {len(made.raw)}).")


def _show(made: EmotionVectors, lm: LanguageModel) -> None:
    """A row for each label: its texts, how far it agrees with itself, the tokens that it promotes; then the caution, if any."""
    found = made.reliability
    start = made.header["first_token"]
    table = Table("label", "texts", "r of halves", "promotes", box=None, padding=(0, 2, 0, 0))
    for row, name in enumerate(made):
        r = found.r[row] if found else None
        promoted = " ".join(
            plain_text(one.token.strip() or repr(one.token)) for one in made.lens(name, lm, LENS).promoted
        )
        table.add_row(
            Text(plain_text(name)), str(made.header["texts"][row]), "-" if r is None else f"{r:.2f}", Text(promoted)
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"Pooled from token {start} of each text on; {made.header['neutral_components'][made.layer]} neutral components removed."
    )
    if caution := made.caution():
        console.print(Text(f"Warning: {caution}", style="yellow"))
