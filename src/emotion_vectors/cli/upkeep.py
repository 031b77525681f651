"""`emotion-vectors plan`, `status` and `clean`: before, during and after a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from emotion_vectors import settings
from emotion_vectors.cli.options import Device, Neutral, Sets, Stories, changes_of

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def plan(
    preset: Annotated[
        str | None,
        typer.Option(help="Preset: demo, screen, paper, planted or toy; default demo, or planted for a planted model."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="As for run or bench, or a config.json; weights are not loaded.")
    ] = None,
    stimuli: Annotated[
        str | None, typer.Option(help="Stimulus pack: `ours`, or the folder or address of another one.")
    ] = None,
    stories: Stories = None,
    neutral: Neutral = None,
    set_: Sets = None,
    rates: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rates of this machine, from `bench --out FILE`.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Estimate what a run needs: texts, prompts, tokens, disk, memory and, with --rates, hours."""
    from emotion_vectors.stimuli import load_pack
    from emotion_vectors.upkeep.planning import plan_run

    chosen = _settings(preset, model, stimuli, set_, stories_from=stories, neutral_from=neutral)
    found = plan_run(chosen, load_pack(chosen.stimuli), device, rates)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    table = Table(
        title=f"{chosen.model}: {found['layers']} layers of width {found['width']}, {found['parameters']:,} parameters"
    )
    table.add_column("what")
    table.add_column("how much", justify="right")
    for name, value in found["items"].items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    table.add_row("disk, about", _size(found["disk_bytes"]))
    where = "" if found["devices"] == 1 else f" (the first of {found['devices']} devices)"
    table.add_row(f"memory{where}, at least", _size(found["memory_bytes"]))
    if found["offloaded"]:
        table.add_row("of it, in the CPU's memory", "what doesn't fit")
    for job, value in (found["seconds"] or {}).items():
        table.add_row(
            f"{job}, hours" if job != "all" else "together, hours",
            "not measured" if value is None else f"{value / 3600:.2f}",
        )
    Console().print(table)
    if found["seconds"] is None:
        print(
            "For a time estimate, measure this machine first: emotion-vectors bench --quick --out rates.json, then plan --rates rates.json."
        )
    else:
        print(f"The rates were measured with {found['rates_of']}; the rates of another model are not a guide.")


def status(
    run_folder: Run,
    preset: Annotated[str | None, typer.Option(help="Compare with what this preset would run.")] = None,
    model: Annotated[str | None, typer.Option(help="Compare with another model.")] = None,
    stimuli: Annotated[str | None, typer.Option(help="Compare with another pack.")] = None,
    set_: Sets = None,
    as_json: Json = False,
) -> None:
    """Show how far a run is, what was dropped, time and disk; with settings, what they would change. Writes nothing."""
    from emotion_vectors.upkeep.status import run_status

    wanted = None
    if preset or model or stimuli or set_:
        from emotion_vectors.opening import identity_of

        wanted = identity_of(_settings(preset, model, stimuli, set_))
    found = run_status(run_folder, wanted)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        _print_status(found)


def clean(
    run_folder: Run,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,
) -> None:
    """Remove files of a finished run that can be computed again; record, vectors, texts, tables and report stay."""
    from emotion_vectors.upkeep.cleaning import clean_run

    found = clean_run(run_folder, dry_run)
    done = "Would remove" if dry_run else "Removed"
    print(f"{done} {found['files']:,} files, {_size(found['bytes'])}; {_size(found['kept_bytes'])} stay.")


def _settings(
    preset: str | None, model: str | None, stimuli: str | None, sets: list[str] | None, **more: str | None
) -> settings.Settings:
    changes = changes_of({"model": model, "stimuli": stimuli, **more}, sets)
    return settings.change(settings.preset(preset or settings.usual_preset(model)), **changes)


def _print_status(found: dict[str, Any]) -> None:
    console = Console()
    table = Table(title=found["path"])
    for column in ("stage", "state", "parts", "time", "done"):
        table.add_column(column, justify="left" if column in ("stage", "state") else "right")
    for name, stage in found["stages"].items():
        total = stage["parts_of"]
        parts = (
            f"{stage['parts']:,}" + (f" of {total:,}" if total is not None else "") if stage["parts"] or total else ""
        )
        units = f"{stage['units']:,.0f} {stage['unit']}" if stage["units"] else ""
        state = f"{stage['state']}: {stage['why']}" if stage["why"] else stage["state"]
        table.add_row(name, state, parts, f"{stage['seconds']:,.0f} s" if stage["seconds"] else "", units)
    console.print(table)
    for name, reasons in found["dropped"].items():
        listed = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items()) or "none"
        print(f"Dropped {name}: {listed}.")
    print(
        f"{found['seconds']:,.0f} s in all; {_size(found['bytes'])} on disk, {_size(found['bytes_of_parts'])} of it parts."
    )
    if found["used_by"]:
        print(f"In use by process {found['used_by']}.")
    if found["cleaned"]:
        print(f"Cleaned: {found['cleaned']:,} files of finished stages were removed.")
    print("Finished." if found["finished"] else "Not finished; run the same command again to resume.")
    if not found["finished"] and all(found["stages"][name]["state"] == "done" for name in ("vectors", "calibration")):
        print("Its vectors are made: read, steer, explore and export take this folder already.")
    if "changed" in found:
        changed = found["changed"]
        if not changed["settings"]:
            print("These are the settings of this run.")
        for stage, names in changed["stages"].items():
            print(f"{stage} would be run again: {', '.join(names)} differ{'s' if len(names) == 1 else ''}.")


def _size(count: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
