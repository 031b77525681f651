"""How far a run is, what it has cost, and what other settings would change; nothing is written or locked."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from emotion_vectors.corpus.filters import SPARE
from emotion_vectors.errors import UserError, first_line
from emotion_vectors.store.records import TABLE_FAULTS
from emotion_vectors.store.run_folder import RunFolder, differing, existing, owner
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.store.stage_table import LATER, ORDER, STORIES_PER_SHARD, downstream, reached_by


def run_status(path: Path, wanted: JsonObject | None = None) -> JsonObject:
    """What there is to know about the run folder at `path`.

    Stages with state (done, unfinished, stale, open), finished parts, seconds and facts; texts dropped by reason; bytes on
    disk; the process that uses it. `wanted` is the identity of a run with other settings (`opening.identity_of`): then
    `changed` says what differs and which stages would have to be run. Raises `UserError` for what is not a run folder.
    """
    run = existing(path)
    stages = {name: _stage(run, name) for name in ORDER if name not in LATER or run.done(name) or run.lacks(name)}
    identity = run.identity()
    found: JsonObject = {
        "path": str(path), "schema": identity["schema"], "model_sha256": identity["model"]["sha256"],
        "finished": all(stage["state"] == "done" for stage in stages.values()), "used_by": owner(path), "stages": stages,
        "seconds": sum(stage["seconds"] for stage in stages.values()), "dropped": _dropped(path, stages),
        "bytes": _bytes(path), "bytes_of_parts": _bytes(path / "parts"), "cleaned": len(run.cleaned()),
    }  # fmt: skip
    if wanted is not None:
        found["changed"] = changed(identity, wanted)
    return found


def changed(found: JsonObject, wanted: JsonObject) -> JsonObject:
    """What differs between two identities, and the stages that would be run for the second, each with the reason."""
    names, again = differing(found, wanted), {}
    for name in names:
        part, _, field = name.partition(".")
        if part == "settings":
            reached = reached_by(field)
        else:
            reached = downstream({"stories", "neutral"}) if part == "writer" else list(ORDER)
        for stage in reached:
            again.setdefault(stage, []).append(name)
    return {"settings": names, "stages": {stage: again[stage] for stage in ORDER if stage in again}}


def _stage(run: RunFolder, name: str) -> JsonObject:
    record = run.marker(name) or {}
    folder = run.parts(name)
    parts = sum(1 for file in folder.glob("*") if file.suffix in (".parquet", ".safetensors")) if folder.is_dir() else 0
    why = run.fault(name)
    if why is None:
        state = "done"
    elif record:
        state = "stale"
    else:
        state = "unfinished" if parts else "open"
    return {
        "state": state, "why": why or "", "parts": parts, "parts_of": _parts_of(run, name), "seconds": float(record.get("seconds", 0.0)),
        "units": record.get("units"), "unit": record.get("unit"), "facts": record.get("facts", {}),
    }  # fmt: skip


def _parts_of(run: RunFolder, name: str) -> int | None:
    """How many parts a stage has in all, where that is known before it is done: reading the stories."""
    if name != "activations" or not run.done("stories"):
        return None
    kept = pl.read_parquet(run / "stories.parquet", columns=["kept"])["kept"].sum()
    return -(-int(kept) // STORIES_PER_SHARD)


def _dropped(path: Path, stages: dict[str, JsonObject]) -> dict[str, dict[str, int]]:
    """Texts by the reason for which they were dropped, of the finished tables."""
    found = {}
    for name in ("stories", "neutral"):
        table = path / f"{name}.parquet"
        if table.is_file() and stages[name]["state"] == "done":
            try:
                reasons = pl.read_parquet(table, columns=["dropped"])["dropped"]
            except TABLE_FAULTS as error:
                raise UserError(f"Can't read {table}: {first_line(error)}; run the same command again.") from error
            counts = reasons.filter((reasons != "") & (reasons != SPARE)).value_counts(sort=True)
            found[name] = dict(counts.iter_rows())
    return found


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else 0
