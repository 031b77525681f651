"""A run's folder: whose it is, which stages are done, and that only one process writes to it.

run.json          settings, hashes of model and pack, writer; written first
stages/NAME.json  written last when a stage is done: seconds, units, and the SHA-256 of its files
parts/            finished pieces of long stages, from which a killed run resumes
cleaned.json      which files of finished stages `emotion-vectors clean` removed, with their SHA-256
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic, locking
from emotion_vectors.store.schema import SCHEMA, JsonObject, check_schema
from emotion_vectors.store.stage_table import ASKED_BY, LATER, NEEDS, STAGES, asks

CLEANED = "cleaned.json"
MOST_SECONDS = 1e12  # of a stage: more is damage
CHECKED = "doctor"  # the stage of the self-checks
IMPORTING = "import-"  # of a folder of parts: rows of a corpus that is being read
# What may be in a folder by the time a corpus is refused.
EARLY = (
    "run.json", "stages", "parts", "doctor.json", "stories.parquet", "story_prompts.parquet", "neutral.parquet", "neutral_prompts.parquet",
)  # fmt: skip
LOCK = ".lock"
BESIDE = (LOCK, ".shards")  # what may be there before the run has begun


class RunFolder:
    """An open run folder; make one with `open_run`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def parts(self, stage: str) -> Path:
        """Folder for the finished pieces of a stage; another one when what the stage is made from has changed."""
        return self.path / "parts" / (f"{stage}-{self.inputs(stage)[:12]}" if NEEDS.get(stage) else stage)

    def inputs(self, stage: str) -> str:
        """Fingerprint of the files that a stage is computed from."""
        markers = {name: self.marker(name) for name in NEEDS.get(stage, ())}
        # A stage that came later and was not run leaves the fingerprint of the folders without it as it was.
        counted = (marker for name, marker in markers.items() if marker or name not in LATER)
        return fingerprint([marker and marker["files"] for marker in counted])

    def marker(self, stage: str) -> JsonObject | None:
        """What a stage left when it was finished, whether or not it still counts; None where it never was.

        Raises `UserError` for a damaged one, and for one that names files outside the folder.
        """
        path = self.path / "stages" / f"{stage}.json"
        if not path.exists():
            return None
        found = atomic.read_object(path)
        wanted = {"inputs": str, "files": dict, "facts": dict, "seconds": int | float, "unit": str}
        fits = all(isinstance(found.get(key), kind) for key, kind in wanted.items())
        if not fits or not abs(found["seconds"]) < MOST_SECONDS or not _are_inside(found["files"]):
            raise UserError(f"{path} is damaged; delete it and run the same command again to repeat that stage.")
        return found

    def identity(self) -> JsonObject:
        """Whose run it is: settings, hashes of model and pack, writer. A damaged one is a `UserError`."""
        path = self.path / "run.json"
        found = atomic.read_object(path)
        check_schema(found.get("schema"), str(self.path), self.path)
        kinds = {"settings": dict, "model": dict, "stimuli": dict, "writer": dict}
        if not all(isinstance(found.get(key), kind) for key, kind in kinds.items()) or "sha256" not in found["model"]:
            raise UserError(f"{path} is damaged, so it is not known what the run is; run again with another --out.")
        return found

    def done(self, stage: str) -> JsonObject | None:
        """The record of a finished stage whose files and inputs are all as they were, else None.

        A file that was removed by cleaning counts as it was.
        """
        return None if self.fault(stage) is not None else self.marker(stage)

    def lacks(self, stage: str) -> bool:
        """Whether a stage is still to be run; not one that nobody asked for, or that came later than a run that was finished without it."""
        if stage in ASKED_BY:
            return asks(self.identity()["settings"], stage) and self.done(stage) is None
        if stage in LATER and self.marker(stage) is None and self.done("analysis"):
            return False
        return self.done(stage) is None

    def fault(self, stage: str) -> str | None:
        """Why a stage counts as not done, "" where it never was; None for one that is done."""
        record = self.marker(stage)
        if record is None:
            return ""
        if record["inputs"] != self.inputs(stage):
            return f"what it is made from was made again ({', '.join(NEEDS.get(stage, ()))})"
        for name, digest in record["files"].items():
            file = self.path / name
            if not file.is_file():
                if self.cleaned().get(name) != digest:
                    return f"{name} is missing"
            elif file_digest(file) != digest:
                return f"{name} was changed after it was finished"
        return None

    def cleaned(self) -> dict[str, str]:
        """The files of finished stages that were removed to save space: SHA-256 by name."""
        marker = self.path / CLEANED
        files = atomic.read_object(marker).get("files") if marker.exists() else {}
        if not isinstance(files, dict) or not _are_inside(files):
            raise UserError(f"{marker} is damaged; delete it, and what was removed counts as missing.")
        return files

    def refuse_cleaned(self, stage: str) -> None:
        """Raise `UserError` where files are gone that `stage`, which has to be run, would be made from."""
        gone = [name for name in self.cleaned() if not (self.path / name).is_file()]
        # Where the activations are stale too, they are made again before anything needs them.
        if gone and self.done("activations"):
            raise UserError(
                f"{self.path} was cleaned, and its stage '{stage}' would have to be made again from what was removed; run in a "
                f"new folder (--stories {self.path / 'stories.parquet'} uses its stories again)."
            )

    def finish(
        self, stage: str, files: Sequence[str], seconds: float, units: float, unit: str, **facts: Any
    ) -> JsonObject:
        """Mark a stage as done; `files` are the names, relative to the folder, of what it wrote."""
        record = {
            "seconds": round(seconds, 2), "units": units, "unit": unit, "rate": round(units / seconds, 2) if seconds > 0.01 else None,
            "inputs": self.inputs(stage), "facts": facts, "files": {name: file_digest(self.path / name) for name in files},
        }  # fmt: skip
        atomic.write_json(self.path / "stages" / f"{stage}.json", record)
        return record


@contextmanager
def open_run(path: Path, identity: JsonObject, shard: tuple[int, int] = (1, 1)) -> Iterator[RunFolder]:
    """Open or begin the run folder of `identity` (settings, model and pack hashes) and lock it while in use.

    A folder that belongs to other settings, is not a run folder, can't be written or is in use is a `UserError`, and
    nothing in it is changed; one in which a run was refused before it made anything gets the new settings. Shard 1 of several begins the folder; each of the others has a lock of its own there.
    """
    check_place(path)
    index, count = shard
    with _locked(path, "choose another --out", LOCK if index == 1 else f"{LOCK}-{index}"):
        if count == 1:
            _refuse_shards(path)
        marker = path / "run.json"
        found = atomic.read_object(marker) if marker.exists() else None
        if found is None or (count == 1 and found != identity and _is_blank(path, found, identity)):
            (path / "stages" / f"{CHECKED}.json").unlink(missing_ok=True)
            atomic.write_json(marker, identity)
        elif count == 1 and _asks_more(found, identity):
            atomic.write_json(marker, identity)
        else:
            _compare(path, found, identity)
        if count == 1:  # the other shards may be writing
            atomic.remove_leftovers(path)
        yield RunFolder(path)


def existing(path: Path) -> RunFolder:
    """The run folder at `path` to look at, whatever its settings; nothing is locked or written.

    Raises `UserError` for what is not a run folder, and for one of another form.
    """
    if not (path / "run.json").is_file():
        raise UserError(f"{path} is not a run folder (it has no run.json); give the --out of `emotion-vectors run`.")
    check_schema(atomic.read_object(path / "run.json").get("schema"), str(path), path)
    return RunFolder(path)


@contextmanager
def open_existing(path: Path) -> Iterator[RunFolder]:
    """As `existing`, locked while in use: a folder that a run is using is a `UserError` with that process's number."""
    run = existing(path)
    with _locked(path, "make the folder writable"):
        yield run


def owner(path: Path) -> str | None:
    """Number of the process that is using the run folder ("unknown" where it can't be told), None where none is."""
    return locking.holder(path / LOCK)


def _refuse_shards(path: Path) -> None:
    """Raise `UserError` where a shard still works on the folder."""
    for lock in sorted(path.glob(f"{LOCK}-*")):
        with open(lock, "a+") as handle:
            _take(handle, path)


@contextmanager
def _locked(path: Path, remedy: str, name: str = LOCK) -> Iterator[None]:
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = open(path / name, "a+")  # noqa: SIM115
    except OSError as error:
        raise UserError(f"Can't write to {path}: {error.strerror}; {remedy}.") from error
    with lock:
        _take(lock, path)
        yield


def check_place(path: Path) -> None:
    """Raise `UserError` where `path` is a file, or a folder of something else."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; --out needs a folder.")
    if (
        path.is_dir()
        and not (path / "run.json").exists()
        and any(not (entry.name.startswith(BESIDE) or atomic.is_leftover(entry.name)) for entry in path.iterdir())
    ):
        raise UserError(f"{path} is not empty and is not a run folder; choose another --out.")


def _take(lock: TextIO, path: Path) -> None:
    if (process := locking.take(lock)) is not None:
        raise UserError(f"Another run (process {process}) is using {path}; wait or choose another --out.")


def _is_blank(path: Path, found: JsonObject, wanted: JsonObject) -> bool:
    """Whether nothing is there that took more than the self-checks and the reading of a corpus: the run was refused or stopped then.

    A user who follows a refusal's advice changes a setting and runs the command again, in the same folder.
    """
    stages = {file.stem for file in (path / "stages").glob("*.json")}
    pieces = [folder.name for folder in (path / "parts").glob("*") if not folder.name.startswith(IMPORTING)]
    others = {file.name for file in path.iterdir() if not file.name.startswith(".")} - set(EARLY)
    return found.get("schema") == wanted.get("schema") and stages <= {CHECKED} and not pieces and not others


def _asks_more(found: JsonObject, wanted: JsonObject) -> bool:
    """Whether the wanted run is the one found and a stage more that it did not ask for: what is there is used again."""
    known = found.get("settings") or {}
    new = [stage for stage in STAGES if stage.asked_by and stage.asked_by not in known]
    asked = {f"settings.{stage.asked_by}" for stage in new}
    brought = {name for stage in new for name in stage.brings}
    if known.get("writer") == "auto":  # nothing was written, so no writer is another one
        brought |= {"settings.writer", "settings.server_model", "writer.name"}
    names = set(differing(found, wanted))
    return bool(names & asked) and names <= asked | brought


def _compare(path: Path, found: JsonObject, wanted: JsonObject) -> None:
    if found == wanted:
        return
    check_schema(found.get("schema"), str(path), path, known=wanted.get("schema", SCHEMA))
    raise UserError(
        f"{path} was made with other settings ({', '.join(differing(found, wanted)) or 'its format'}); choose another --out or "
        "delete that folder."
    )


def differing(found: JsonObject, wanted: JsonObject) -> list[str]:
    """Names of what differs between the identities of two runs, as in `settings.strength` and `model.sha256`."""
    names = [
        f"{key}.{name}" if isinstance(wanted[key], dict) else key
        for key in wanted
        for name in (sorted(set(wanted[key]) | set(found.get(key) or {})) if isinstance(wanted[key], dict) else [key])
        if (
            (found.get(key) or {}).get(name) != wanted[key].get(name)
            if isinstance(wanted[key], dict)
            else found.get(key) != wanted[key]
        )
    ]
    return [name for name in names if name != "fingerprint"]


def _are_inside(files: JsonObject) -> bool:
    """Whether names and hashes are what a marker holds: no name leaves the folder."""
    return all(
        isinstance(digest, str) and "\x00" not in name and not Path(name).is_absolute() and ".." not in Path(name).parts
        for name, digest in files.items()
    )


def fingerprint(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`: sorted keys, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # A stranger's file may hold half characters; they are hashed like any other.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file of the run."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
