"""`emotion-vectors bench`: check what was asked, load the model, run the jobs, and put the record together."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from emotion_vectors.bench import jobs, machine, samples, shape, writing
from emotion_vectors.bench.growth import GROWING, growth
from emotion_vectors.bench.outcome import JOBS, not_measured
from emotion_vectors.bench.samples import Case, Sizes
from emotion_vectors.errors import UserError, nearest
from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime, Settings
from emotion_vectors.stimuli.pack import load_pack
from emotion_vectors.store import atomic
from emotion_vectors.store.schema import JsonObject

SCHEMA = 1
MEASURES = {
    "writing": writing.writing, "extraction": jobs.extraction, "preferences": jobs.preferences, "steering": jobs.steering,
}  # fmt: skip


def run_bench(
    settings: Settings,
    runtime: Runtime = Runtime(),
    wanted: str = ",".join(JOBS),
    quick: bool = False,
    out: Path | None = None,
    sizes: Sizes | None = None,
) -> JsonObject:
    """Time the jobs `wanted` (names separated by commas) and return the record; `out` gets it as JSON.

    `quick` takes small samples and no growth; `sizes` are amounts of your own. Raises `UserError` for an unknown job, a
    place that can't be written (both before any work), and a fast path whose numbers are not those of the plain loop.
    """
    names = parse_jobs(wanted)
    if out is not None:
        check_writable(out)
    if runtime.threads:
        torch.set_num_threads(runtime.threads)
    reporter = Reporter(runtime.quiet)
    pack = load_pack(settings.stimuli)
    reporter.say(f"Loading {settings.model} ...")
    lm = shape.load(settings, runtime)
    amounts = sizes or (samples.QUICK if quick else samples.ON_GPU if lm.device.type == "cuda" else samples.FULL)
    case = Case(lm, pack, settings, runtime, amounts, reporter)
    if case.layer >= lm.n_layers:
        raise UserError(f"There is no layer {case.layer} in {lm.name}; layers go from 0 to {lm.n_layers - 1}.")
    record: JsonObject = {"schema": SCHEMA, "quick": quick, "jobs": {}, "machine": machine.describe(lm)}
    for name in JOBS:
        if name in names:
            record["jobs"][name] = MEASURES[name](case)
            record["jobs"][name] |= machine.utilisation(lm, record["jobs"][name])
        else:
            record["jobs"][name] = not_measured(name, "not among the jobs asked for")
    record["growth"] = _growth(case, names, quick)
    if out is not None:
        atomic.write_json(out, record)
    return record


def _growth(case: Case, names: tuple[str, ...], quick: bool) -> JsonObject:
    found: JsonObject = {}
    for job in GROWING:
        if quick or job not in names:
            reason = "left out by --quick" if quick else "not among the jobs asked for"
            found |= {job: None, f"{job}_reason": reason}
        else:
            found[job] = growth(case.settings, case.runtime, job, case.reporter)
    return found


def parse_jobs(wanted: str) -> tuple[str, ...]:
    """The jobs in `wanted`, names separated by commas; an unknown one is a `UserError` with the nearest that exists."""
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        if name not in JOBS:
            raise UserError(f"There is no job '{name}' to time; {nearest(name, JOBS)}")
    if not names:
        raise UserError(f"--jobs names no job; choose from {', '.join(JOBS)}.")
    return tuple(job for job in JOBS if job in names)


def check_writable(out: Path) -> None:
    """Refuse a place for the record that can't be written, before any work is done."""
    if out.is_dir():
        raise UserError(f"{out} is a folder; give --out the name of a JSON file.")
    probe = out.with_name(f".{out.name}.{os.getpid()}.probe")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"Can't write {out}: {error.strerror or error}; choose another --out.") from error
