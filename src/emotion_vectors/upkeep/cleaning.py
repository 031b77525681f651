"""Make a finished run small: what can be computed again goes, the record, the vectors, the texts and the tables stay."""

from __future__ import annotations

import shutil
from pathlib import Path

from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import CLEANED, RunFolder, existing, file_digest, open_existing
from emotion_vectors.store.schema import JsonObject

# Big, and needed by no other verb than `run`: parts of stages, activations, and vectors of single stories and of controls.
FOLDERS = ("parts", "story_vectors")
FILES = (
    "activations.safetensors", "readings.safetensors", "responses.safetensors", "speakers.safetensors", "control_vectors.safetensors",
    "jacobian.safetensors",
)  # fmt: skip


def clean_run(path: Path, dry_run: bool = False) -> JsonObject:
    """Remove what `FOLDERS` and `FILES` name; returns {"files": number, "bytes": freed, "kept_bytes": left}.

    The run folder notes what was removed, so that the same `run` command still finds it finished. `dry_run` only counts.
    Raises `UserError` for a folder that is not a run, one that is in use, and a run that is not finished.
    """
    run = existing(path)
    if not run.done("analysis"):
        raise UserError(
            f"{path} is not finished, and cleaning would lose what it has; run the same command again to finish it, or delete the folder."
        )
    if dry_run:
        return _counted(path, _removable(path))
    with open_existing(path) as run:
        files = _removable(path)
        found = _counted(path, files)
        _note(run, files)
        for file in files:
            file.unlink()
        for name in FOLDERS:
            shutil.rmtree(path / name, ignore_errors=True)
    return found


def _removable(path: Path) -> list[Path]:
    inside = [file for name in FOLDERS for file in sorted((path / name).rglob("*")) if file.is_file()]
    return [*inside, *(path / name for name in FILES if (path / name).is_file())]


def _counted(path: Path, files: list[Path]) -> JsonObject:
    freed = sum(file.stat().st_size for file in files)
    every = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return {"files": len(files), "bytes": freed, "kept_bytes": every - freed}


def _note(run: RunFolder, files: list[Path]) -> None:
    """Written before anything goes: a run that was killed in the middle of cleaning is a cleaned one."""
    markers = [run.marker(file.stem) for file in (run / "stages").glob("*.json")]
    of_stages = {name for marker in markers if marker for name in marker["files"]}
    names = {str(file.relative_to(run.path)) for file in files} & of_stages
    atomic.write_json(
        run / CLEANED, {"files": run.cleaned() | {name: file_digest(run / name) for name in sorted(names)}}
    )
