"""Finished runs as they are compared: record, vectors, preference scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.preferences.record import StatedPreferences
from emotion_vectors.record import ContradictoryRecord, Record, parse
from emotion_vectors.store.records import RECORD, TABLE_FAULTS, read_record
from emotion_vectors.store.run_folder import RunFolder
from emotion_vectors.vectors.file import EmotionVectors

READINGS = "readings.safetensors"


@dataclass(frozen=True)
class Compared:
    """One finished run under the name that it has on the page."""

    name: str
    path: Path
    record: Record
    vectors: EmotionVectors

    @property
    def same_as(self) -> tuple[str | None, int]:
        """What must be equal for vectors to be compared directly: hash of the weights, without adapter and quantisation, and width."""
        model = self.record.model
        return model.base_sha256 or model.sha256, self.vectors.raw.shape[2]

    def stories(self) -> set[int] | None:
        """Hashes of the kept stories' texts, None where the folder has no stories."""
        kept = self._kept(pl.col("text").hash())
        return None if kept is None else set(kept["text"].to_list())

    @property
    def has_readings(self) -> bool:
        """Whether the activations of the short prompts are still there; cleaning removes them."""
        return (self.path / READINGS).is_file()

    def readings(self) -> dict[str, np.ndarray]:
        """Activations (prompts, layers + 1, d) of the short prompts at the response position, by list. A damaged file is a `UserError`."""
        path = self.path / READINGS
        try:
            found = load_file(path)
            width = ((self.record.model.layers or 0) + 1, self.record.model.hidden_size)
            if any(one.shape[1:] != width or not np.isfinite(one).all() for one in found.values()):
                raise ValueError("other shapes, or values that are not finite")
        except (SafetensorError, ValueError, OSError) as error:
            raise UserError(f"Can't read {path}: {error}; compare a run that is not damaged.") from error
        return found

    def vocabulary(self) -> str | None:
        """SHA-256 of the tokenizer's vocabulary, None where an older run does not say it."""
        marker = RunFolder(self.path).marker("responses")
        return None if marker is None else marker["facts"].get("vocabulary")

    def texts(self) -> list[tuple[str, str]] | None:
        """Emotion and text of each kept story, None where the folder has no stories."""
        kept = self._kept("emotion", "text")
        return None if kept is None else kept.rows()

    def _kept(self, *columns: pl.Expr | str) -> pl.DataFrame | None:
        """These columns of the kept stories; None where the folder has none, `UserError` for a damaged file."""
        path = self.path / "stories.parquet"
        if not path.is_file():
            return None
        try:
            return pl.scan_parquet(path).filter("kept").select(*columns).collect()
        except TABLE_FAULTS as error:
            raise UserError(f"Can't read {path}: {error}; compare a run that is not damaged.") from error

    def preferences(self) -> dict[str, float]:
        """Bradley-Terry score in nats of each activity, by its text."""
        found = self.record.part(StatedPreferences)
        if found is None:
            raise UserError(f"{self.path / RECORD} is damaged: it has no preferences; run that run's command again.")
        return {row.text: float(row.nats) for row in found.activities}


def open_compared(paths: Sequence[Path]) -> list[Compared]:
    """The runs at `paths`, named by their folders (with the parent's name where two are alike).

    Raises `UserError` for fewer than two, for one that is there twice, not finished or damaged.
    """
    folders = [path.resolve() for path in paths]
    if len(folders) < 2:
        raise UserError("Comparing takes two runs or more; name their folders.")
    if len(set(folders)) < len(folders):
        twice = next(path for path in folders if folders.count(path) > 1)
        raise UserError(f"The run {twice.name} is given twice; name each folder once.")
    names = [path.name for path in folders]
    if len(set(names)) < len(names):
        names = [f"{path.parent.name}/{path.name}" for path in folders]
    if len(set(names)) < len(names):
        names = [str(path) for path in folders]
    return [_open(path, name) for path, name in zip(folders, names, strict=True)]


def _open(path: Path, name: str) -> Compared:
    if not (path / "results.json").is_file():
        raise UserError(f"{path} has no results.json; finish that run first.")
    try:
        record = parse(read_record(path), {StatedPreferences.key: StatedPreferences})
    except ContradictoryRecord as error:
        raise UserError(
            f"{path / RECORD} is damaged, or was changed after its run: {error} Run that run's command again."
        ) from error
    return Compared(name, path, record, EmotionVectors.load(path))
