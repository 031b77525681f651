"""`emotion-vectors run`: the whole experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from emotion_vectors import settings
from emotion_vectors.cli.options import (
    STOPPED,
    Adapter,
    Device,
    Neutral,
    Quantize,
    Quiet,
    Sets,
    Stories,
    changes_of,
    command_line,
)
from emotion_vectors.cli.shown import print_verdicts
from emotion_vectors.errors import UserError
from emotion_vectors.progress import Reporter

Out = Annotated[
    str,
    typer.Option(
        metavar="FOLDER", help="The run's folder or an address (s3://...); a finished run is not computed again."
    ),
]


def run(
    out: Out,
    preset: Annotated[
        str | None,
        typer.Option(help="Preset: demo, screen, paper, planted or toy; default demo, or planted for a planted model."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Hugging Face id, local folder, GGUF file, an address (s3://...) of one, `embedded`, or a control: `planted`, "
            "`planted-none`."
        ),
    ] = None,
    adapter: Adapter = None,
    quantize: Quantize = None,
    stimuli: Annotated[
        str | None, typer.Option(help="Stimulus pack: `ours`, or the folder or address of another one.")
    ] = None,
    layer: Annotated[int | None, typer.Option(help="Analysis layer, from 0; default two thirds of the depth.")] = None,
    steered: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH", help="Emotions to steer: spread, strongest or all (the setting steered_emotions)."
        ),
    ] = None,
    set_: Sets = None,
    device: Device = "auto",
    tokens_per_batch: Annotated[
        int, typer.Option(min=1, help="Maximum tokens in a batch; does not change results.")
    ] = 4096,
    stories_per_batch: Annotated[
        int, typer.Option(min=1, help="Stories written at once; does not change results.")
    ] = 256,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all cores.")] = None,
    quiet: Quiet = False,
    allow_failed_checks: Annotated[
        bool, typer.Option("--allow-failed-checks", help="Record failed self-checks and continue.")
    ] = False,
    stories: Stories = None,
    neutral: Neutral = None,
    vectors: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Test these vectors instead of the run's own: a vectors file or a run (vectors_from)."
        ),
    ] = None,
    skip_unknown_emotions: Annotated[
        bool, typer.Option("--skip-unknown-emotions", help="Skip imported stories whose emotion is not in the pack.")
    ] = False,
    emotions_from: Annotated[
        str | None,
        typer.Option(
            metavar="pack|corpus",
            help="Emotions of imported stories: only the pack's, or all of the stories' (emotions_from).",
        ),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column of the imported texts, if it is not text, story, stories or content (text_column).",
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="OpenAI-compatible server for writer=server; default $EMOTION_VECTORS_SERVER."
        ),
    ] = None,
    server_concurrency: Annotated[
        int, typer.Option(min=1, help="Texts requested from the server at once; does not change results.")
    ] = 8,
    until: Annotated[
        Literal["vectors"] | None,
        typer.Option(
            help="Stop when the vectors are made; the same command without this option continues in the same folder."
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Work as process I of N on the same --out, for example in a Slurm array; process 1 leads.",
        ),
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Spread the work: `ray` or `ray:ADDRESS` of a Ray cluster.")
    ] = None,
) -> None:
    """Run the whole experiment and print the verdicts and the path of the report.

    The preset demo uses the stories in this package; with screen and paper the model writes its own.
    `--stories ours` uses them with any preset, and `--set stories_from=none` makes the model write.
    """
    given = {
        "model": model, "stimuli": stimuli, "layer": layer, "steered_emotions": steered, "stories_from": stories,
        "neutral_from": neutral, "vectors_from": vectors, "skip_unknown_emotions": skip_unknown_emotions or None,
        "emotions_from": emotions_from, "text_column": text_column, "quantize": quantize, "adapter": adapter,
    }  # fmt: skip
    changes = changes_of(given, set_)
    usual = settings.preset(preset or settings.usual_preset(model))
    chosen = settings.change(usual, **changes)
    try:
        from emotion_vectors.corpus.checking import check_inputs
        from emotion_vectors.idle import without_effect

        if not (Path(out) / "stages" / "stories.json").exists():
            check_inputs(chosen)
        for sentence in without_effect(chosen, usual, changes):
            Reporter(quiet).say(sentence)
        if server is not None and chosen.writer != "server":
            Reporter(quiet).say(
                "--server has no effect: the writer is not a server; add --set writer=server --set server_model=NAME."
            )
        # Takes seconds, in which somebody may press Ctrl-C.
        from emotion_vectors.pipeline import help_experiment, run_experiment
        from emotion_vectors.scale.shards import parse_shard
        from emotion_vectors.store.remote import at_hand, is_remote

        runtime = settings.Runtime(
            device, tokens_per_batch, stories_per_batch, threads, quiet, allow_failed_checks=allow_failed_checks,
            server_url=server, server_concurrency=server_concurrency, shard=parse_shard(shard or "1/1"), on=on,
            until=until,
        )  # fmt: skip
        if runtime.shard[1] > 1 and is_remote(out):
            raise UserError("--shard needs a folder that all shards can see, not an address.")
        with at_hand(out, say=Reporter(quiet).say) as folder:
            if runtime.shard[0] > 1:
                help_experiment(chosen, folder, runtime)
                print(f"Shard {shard} is done; shard 1 writes the {until or 'report'}.")
                return
            record = run_experiment(chosen, folder, runtime, command=command_line())
    except KeyboardInterrupt:
        Console(stderr=True).print(STOPPED)
        raise typer.Exit(130) from None
    if until is not None:
        print(f"Vectors: {out.rstrip('/')}/vectors.safetensors; the same command without --until continues the run.")
        return
    print_verdicts(record)
    print(f"Report: {out.rstrip('/')}/report.html")
