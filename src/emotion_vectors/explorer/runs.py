"""Open run folders and vectors files for looking at: what is there, what is missing, and what to do. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.lens.record import Lens
from emotion_vectors.record import Record, parse
from emotion_vectors.record.base import ExperimentPart
from emotion_vectors.report.topic import parts_of
from emotion_vectors.store.records import RECORD, TABLE_FAULTS, is_as_written, read_record
from emotion_vectors.topics import TOPICS
from emotion_vectors.vectors.file import EmotionVectors

SUFFIX = ".safetensors"

P = TypeVar("P", bound=ExperimentPart)


@dataclass(frozen=True)
class Run:
    """A run, or a vectors file alone, as it is on disk now; parts that it has not (yet) are None."""

    name: str
    path: Path
    record: Record | None = None
    vectors: EmotionVectors | None = None
    stages: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())

    @property
    def alone(self) -> bool:
        """Whether it is a vectors file without a run."""
        return self.path.suffix == SUFFIX and not self.path.is_dir()

    def lacks(self, what: str, remedy: str) -> tuple[str, str]:
        """Two sentences for a tab that shows nothing: there is no `what` yet, and the `remedy` in an unfinished run."""
        if self.alone:
            return f"A vectors file has no {what}.", "Only runs have them; Read, Steer and Map work with the file."
        return f"There are no {what} yet.", remedy

    @property
    def model(self) -> str | None:
        """What the run's model was loaded from, or None where no file says it yet."""
        if self.record is not None:
            return str(self.record.setting("model"))
        return str(self.vectors.header["model"]) if self.vectors and "model" in self.vectors.header else None

    @property
    def asked(self) -> dict[str, Any]:
        """The run's model with its quantisation and adapter, as settings or the vectors' header name them."""
        if self.record is not None:
            return dict(self.record.settings)
        return self.vectors.header if self.vectors else {}

    @property
    def model_sha256(self) -> str | None:
        """SHA-256 of the weights that the vectors belong to."""
        if self.record is not None:
            return self.record.model.sha256
        return self.vectors.header.get("model_sha256") if self.vectors else None

    @property
    def valence(self) -> dict[str, str | None]:
        """positive or negative of each emotion, or None, where the record says it."""
        lens = self.part(Lens)
        return {row.emotion: row.valence for row in lens.emotions} if lens else {}

    def part(self, kind: type[P]) -> P | None:
        """What an experiment of the finished run found."""
        return self.record.part(kind) if self.record else None

    def table(self, name: str) -> pl.DataFrame | None:
        """The parquet table `name` of the run, or None where the run has not got that far."""
        path = self.path / f"{name}.parquet"
        if not path.is_file():
            return None
        try:
            return _read(path, path.stat().st_mtime_ns)
        except TABLE_FAULTS as error:
            raise UserError(f"Can't read {path.name} of {self.name}: {error}; run the experiment again.") from error


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> pl.DataFrame:
    """A table, kept in memory until its file changes: every filter and every page of a long list asks for it again."""
    return pl.read_parquet(path)


def names(folders: list[Path]) -> dict[str, Path]:
    """A name for each run folder or vectors file: its own, with its parents' where two are called the same.

    Raises `UserError` for what is neither.
    """
    if not folders:
        raise UserError("Give the folder of at least one run: emotion-vectors explore runs/demo.")
    named: dict[str, Path] = {}
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        alone = folder.suffix == SUFFIX and folder.is_file()
        if not folder.is_dir() and not alone:
            raise UserError(f"There is no folder {folder}; give the folder of a run, or a {SUFFIX} file of vectors.")
        if not alone and not (folder / "run.json").is_file():
            raise UserError(
                f"{folder} is not a run folder (it has no run.json); give the --out of `emotion-vectors run`."
            )
        name, parent = folder.name, folder.parent
        while name in named and parent != parent.parent:
            name, parent = f"{parent.name}/{name}", parent.parent
        named[name] = folder
    return named


def open_run(name: str, path: Path) -> Run:
    """What there is of the run at `path`; damaged or missing parts are told in `problems`, never raised."""
    if path.suffix == SUFFIX and not path.is_dir():
        return _open_file(name, path)
    problems: list[str] = []
    record = vectors = None
    if (path / RECORD).is_file():
        try:
            if not is_as_written(path):
                raise UserError(
                    f"{path / RECORD} is damaged, or was changed after its run, so it is not shown; run the same command again."
                )
            record = parse(read_record(path), parts_of(TOPICS))
        except UserError as error:
            problems.append(str(error))
    else:
        problems.append("This run is not finished: it has no results.json yet. Run the same command again to resume.")
    if (path / "vectors.safetensors").is_file():
        try:
            vectors = EmotionVectors.load(path)
        except UserError as error:
            problems.append(str(error))
    else:
        problems.append(
            "This run has no vectors yet, so texts can't be read or steered with it. They are made after the stories."
        )
    stages = tuple(sorted(file.stem for file in (path / "stages").glob("*.json")))
    return Run(name, path, record, vectors, stages, tuple(problems))


def _open_file(name: str, path: Path) -> Run:
    try:
        return Run(name, path, vectors=EmotionVectors.load(path))
    except UserError as error:
        return Run(name, path, problems=(str(error),))
