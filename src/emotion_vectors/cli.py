"""The command `emotion-vectors`. Each verb is one call; there is no logic here."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from emotion_vectors import __version__, settings
from emotion_vectors.errors import UserError

if TYPE_CHECKING:
    from emotion_vectors.doctor import Check

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Does a language model represent emotions, can they be read, and do they drive what it does?",
)
stimuli_app = typer.Typer(no_args_is_help=True, help="Look at stimulus packs.")
app.add_typer(stimuli_app, name="stimuli")

Out = Annotated[Path, typer.Option("--out", help="The run's folder; a finished run there is not computed again.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change one setting; may be repeated.")
]

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]


@app.command()
def run(
    out: Out,
    preset: Annotated[str, typer.Option(help="demo, screen, paper or toy.")] = "demo",
    model: Annotated[str | None, typer.Option(help="Hugging Face id, local folder, GGUF file, or `embedded`.")] = None,
    stimuli: Annotated[str | None, typer.Option(help="`ours` or the folder of another pack.")] = None,
    layer: Annotated[int | None, typer.Option(help="Analysis layer, from 0; default two thirds of the depth.")] = None,
    emotions: Annotated[
        str | None, typer.Option(help="Emotions to steer: spread, strongest or all (the setting steered_emotions).")
    ] = None,
    set_: Sets = None,
    device: Device = "auto",
    tokens_per_batch: Annotated[
        int, typer.Option(min=1, help="Most tokens in a batch; does not change results.")
    ] = 4096,
    stories_per_batch: Annotated[
        int, typer.Option(min=1, help="Stories written at once; does not change results.")
    ] = 256,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all cores.")] = None,
    quiet: Quiet = False,
    allow_failed_checks: Annotated[
        bool, typer.Option("--allow-failed-checks", help="Record failed self-checks and go on.")
    ] = False,
    stories: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Use these stories: parquet, jsonl or a Hugging Face data set (stories_from)."
        ),
    ] = None,
    neutral: Annotated[
        str | None, typer.Option(metavar="FILE", help="Use these neutral texts, likewise (neutral_from).")
    ] = None,
    skip_unknown_emotions: Annotated[
        bool, typer.Option("--skip-unknown-emotions", help="Leave out stories about emotions that the pack has not.")
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="OpenAI-compatible server for writer=server; default $EMOTION_VECTORS_SERVER."
        ),
    ] = None,
    server_concurrency: Annotated[
        int, typer.Option(min=1, help="Texts asked of the server at once; does not change results.")
    ] = 8,
) -> None:
    """Run the whole experiment and print the verdicts and the path of the report."""
    from emotion_vectors.pipeline import run_experiment

    given = {
        "model": model, "stimuli": stimuli, "layer": layer, "steered_emotions": emotions, "stories_from": stories,
        "neutral_from": neutral, "skip_unknown_emotions": skip_unknown_emotions or None,
    }  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None} | settings.parse_assignments(
        set_ or []
    )
    chosen = settings.change(settings.preset(preset), **changes)
    runtime = settings.Runtime(
        device, tokens_per_batch, stories_per_batch, threads, quiet, allow_failed_checks=allow_failed_checks,
        server_url=server, server_concurrency=server_concurrency,
    )  # fmt: skip
    try:
        record = run_experiment(chosen, out, runtime, command=_command())
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped; the same command goes on where it was.")
        raise typer.Exit(130) from None
    print_verdicts(record)
    print(f"Report: {out / 'report.html'}")


@app.command()
def doctor(
    model: Annotated[str, typer.Option(help="Hugging Face id, local folder, GGUF file, or `embedded`.")] = "embedded",
    stimuli: Annotated[str, typer.Option(help="`ours` or the folder of another pack.")] = "ours",
    set_: Sets = None,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Check that the instrument measures what it should on this model and pack; exit code 1 where it does not."""
    from emotion_vectors.doctor import stopping
    from emotion_vectors.pipeline import examine_model

    changes = {"model": model, "stimuli": stimuli} | settings.parse_assignments(set_ or [])
    checks = examine_model(settings.change(settings.Settings(), **changes), settings.Runtime(device, quiet=quiet))
    print_checks(checks)
    if stopping(checks):
        raise typer.Exit(1)


@app.command()
def bench(
    model: Annotated[
        str, typer.Option(help="As for run; `llama-3.1-8b-shape` is a random model of that shape, made on the spot.")
    ] = "embedded",
    jobs: Annotated[
        str, typer.Option(metavar="NAMES", help="What is timed, with commas between.")
    ] = "writing,extraction,preferences,steering",
    quick: Annotated[bool, typer.Option("--quick", help="Small samples, and no growth of time and memory.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write all figures there as JSON.")] = None,
    set_: Sets = None,
    device: Device = "auto",
    tokens_per_batch: Annotated[int, typer.Option(min=1, help="Most tokens in a batch.")] = 4096,
    stories_per_batch: Annotated[int, typer.Option(min=1, help="Stories written at once.")] = 256,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all cores.")] = None,
    quiet: Quiet = False,
) -> None:
    """Time each job against a plain loop and the machine's limit; exit code 2 where the two give other numbers."""
    from emotion_vectors.bench import run_bench
    from emotion_vectors.bench.table import tables

    chosen = settings.change(settings.Settings(), model=model, **settings.parse_assignments(set_ or []))
    runtime = settings.Runtime(device, tokens_per_batch, stories_per_batch, threads, quiet)
    record = run_bench(chosen, runtime, jobs, quick, out)
    for table in tables(record):
        Console().print(table)


@app.command()
def report(run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]) -> None:
    """Make the report and its figures again from a run's record."""
    from emotion_vectors.report.page import write_report
    from emotion_vectors.store.atomic import read_json

    if not (run_folder / "results.json").is_file():
        raise UserError(f"{run_folder} holds no results.json; give the folder of a finished run.")
    record = read_json(run_folder / "results.json")
    write_report(run_folder, record)
    print_verdicts(record)
    print(f"Report: {run_folder / 'report.html'}")


@app.command(name="settings")
def show_settings(preset: Annotated[str, typer.Argument(help="demo, screen, paper or toy.")] = "demo") -> None:
    """List every setting of a preset, with its value and meaning."""
    chosen = settings.preset(preset)
    table = Table("setting", preset, "meaning")
    for name, field in settings.Settings.model_fields.items():
        table.add_row(name, str(getattr(chosen, name)), field.description)
    Console().print(table)


@stimuli_app.command()
def verify(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a stimulus pack.")]) -> None:
    """Say which lists of a pack equal the published ones, which differ, and what is malformed."""
    from emotion_vectors.stimuli import verify_pack

    checks = verify_pack(folder)
    table = Table("list", "items", "status", "SHA-256", "remark")
    for check in checks:
        table.add_row(check.name, str(check.count), check.status, (check.sha256 or "")[:12], check.message)
    Console().print(table)
    if any(check.status == "malformed" for check in checks):
        raise typer.Exit(2)


def print_verdicts(record: dict) -> None:
    """The eleven verdicts as a table."""
    from emotion_vectors.experiments.criteria import number

    table = Table("", "criterion", "value", "bar", "seed's verdict", "verdict", title=f"{record['model']['name']}")
    for criterion in record["criteria"].values():
        value = "" if criterion["value"] is None else number(criterion["value"])
        share = f"{value} of {criterion['of']}" if criterion["of"] else value
        table.add_row(
            criterion["id"],
            criterion["name"],
            share,
            criterion["threshold_text"],
            criterion["seed_verdict"],
            criterion["verdict"],
        )
    Console().print(table)


def print_checks(checks: list[Check]) -> None:
    """The self-checks as a table, and below it what each failed one found."""
    from emotion_vectors.doctor.check import shown

    result = {(True, "stop"): "passed", (True, "warn"): "passed", (False, "stop"): "failed", (False, "warn"): "warning"}
    table = Table("check", "what", "result", "measured", "limit")
    for check in checks:
        row = (check.name, check.title, result[check.passed, check.kind], shown(check.measured), shown(check.limit))
        table.add_row(*row)
    Console().print(table)
    for check in checks:
        if not check.passed:
            Console(highlight=False).print(f"{check.name}: {check.detail}", markup=False, soft_wrap=True)


def _command() -> str:
    return shlex.join(["emotion-vectors", *sys.argv[1:]])


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Does a language model represent emotions, can they be read, and do they drive what it does?"""


def main() -> None:
    """Entry point: a user's mistake is one sentence and exit code 2."""
    try:
        app()
    except UserError as error:
        Console(stderr=True, highlight=False).print(f"Error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
