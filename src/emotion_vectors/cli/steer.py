"""`emotion-vectors steer`: write unsteered, steered and under a random direction, side by side."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from emotion_vectors.cli.finding import Finding, require_findable, tell
from emotion_vectors.cli.options import Adapter, Device, Quantize
from emotion_vectors.cli.shown import plain_text

if TYPE_CHECKING:
    from emotion_vectors.vectors.writing import Comparison


def steer(
    source: Annotated[str, typer.Argument(metavar="RUN", help="Run folder, or a vectors file.")],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="The user's message; - reads standard input.")],
    emotion: Annotated[
        list[str],
        typer.Option("--emotion", metavar="NAME=STRENGTH", help="In units of the mean residual norm; may be repeated."),
    ],
    find_strength: Annotated[
        bool,
        typer.Option(
            "--find-strength",
            help="Write no answers: measure for each --emotion (a name is enough) up to which strength answers stay whole.",
        ),
    ] = False,
    layers: Annotated[
        str | None,
        typer.Option(help="Layers that share the strength: `12`, `10-14,20` or `all`; default the analysis layer."),
    ] = None,
    tokens: Annotated[Literal["all", "prompt", "response"], typer.Option(help="Which tokens are steered.")] = "all",
    model: Annotated[str | None, typer.Option(help="Default: the model that the vectors were made from.")] = None,
    adapter: Adapter = None,
    quantize: Quantize = None,
    system: Annotated[str, typer.Option(metavar="TEXT", help="System text before the prompt.")] = "",
    max_tokens: Annotated[
        int | None,
        typer.Option(min=1, max=4096, help="Maximum tokens of a text; default 80, or 40 with --find-strength."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Texts of each kind, with consecutive seeds; default 1, or 2 with --find-strength."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the texts and of the random direction.")] = 0,
    temperature: Annotated[float, typer.Option(min=0.01, max=5, help="Sampling temperature.")] = 0.8,
    greedy: Annotated[bool, typer.Option("--greedy", help="Always take the likeliest token.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with everything.")] = False,
    device: Device = "auto",
) -> None:
    """Write an answer unsteered, steered, and with a random direction of the same length, side by side."""
    from emotion_vectors.vectors.named import parse_numbers

    strengths = parse_numbers(emotion, bare=1.0 if find_strength else None)
    said = read_prompt(sys.stdin.read()) if prompt == "-" else prompt

    from emotion_vectors.lm.sampling import Sampling
    from emotion_vectors.vectors.file import EmotionVectors
    from emotion_vectors.vectors.layers import parse_layers
    from emotion_vectors.vectors.loading import load_model_of
    from emotion_vectors.vectors.writing import check, compare_writing

    vectors = EmotionVectors.load(source)
    chosen = [vectors.layer] if layers is None else parse_layers(layers, len(vectors.raw), vectors.layers)
    check(vectors, said, strengths, chosen)  # a mistake is told before the model is loaded
    if find_strength:
        require_findable(strengths, chosen)
    remedy = "add --model to write with other weights"
    lm = load_model_of(vectors.header, device, model, quantize, adapter, others=True, remedy=remedy, say=_say)
    sampling = Sampling(0 if greedy else temperature, max_new_tokens=max_tokens or (40 if find_strength else 80))
    if find_strength:
        how = Finding(said, system, chosen[0], tokens, sampling, samples or 2, seed)
        tell(vectors, lm, strengths, how, as_json, _say)
        return
    found = compare_writing(
        vectors,
        lm,
        said,
        strengths,
        layers=chosen,
        tokens=tokens,
        system=system,
        sampling=sampling,
        samples=samples or 1,
        seed=seed,
    )
    if as_json:
        print(json.dumps(found.as_dict(), indent=1))
    else:
        show(found)


def _say(sentence: str) -> None:
    print(plain_text(sentence), file=sys.stderr)


def read_prompt(text: str) -> str:
    """A prompt from a file or pipe without the one line break that ends a file, so that it says what it would on the command line."""
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _own(reliability: float | None) -> str:
    return "" if reliability is None else f" (reliability {reliability:.2f})"


def show(found: Comparison) -> None:
    """The texts in three columns; what the model wrote is data and never becomes markup or a terminal escape."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    strengths = ", ".join(f"{name} {value:+g}{_own(found.reliability[name])}" for name, value in found.emotions.items())
    where = f"layer{'s' * (len(found.layers) > 1)} {', '.join(map(str, found.layers))}"
    norm = ", ".join(f"{value:.3g}" for value in found.residual_norm)
    head = (
        f"{found.model}, {where}, {found.tokens} tokens: {strengths} times the mean residual norm ({norm})"
        f"{', shared over the layers' if len(found.layers) > 1 else ''}; seed {found.seed}, "
        f"{'greedy' if found.temperature == 0 else f'temperature {found.temperature:g}'}"
    )
    console.print(Text(plain_text(head)))
    if found.caution:
        console.print(Text(found.caution, style="yellow"))
    if found.opening:
        console.print(
            Text(
                plain_text(f"The template leaves the answer unopened; every text begins after {found.opening!r}."),
                style="dim",
            )
        )
    table = Table("unsteered", "steered", "random direction", box=box.SIMPLE_HEAD, expand=True, padding=(0, 1))
    for column in table.columns:
        column.ratio = 1
        column.overflow = "fold"
    for rows in zip(*(found.of(kind) for kind in ("unsteered", "steered", "random")), strict=True):
        table.add_row(*(Text(plain_text(row.text)) for row in rows))
        table.add_row(
            *(
                Text(
                    f"[{row.log_probability:.2f} nats a token, {100 * row.repeated:.0f} % repeats]"
                    if row.log_probability is not None
                    else "[no text]",
                    style="dim",
                )
                for row in rows
            ),
            end_section=True,
        )
    console.print(table)
    console.print(Text("nats a token: mean log probability under the unsteered model", style="dim"))
    for warning in found.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))
