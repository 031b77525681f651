"""What people say of the words: mean ratings of valence and arousal.

Two lists come with the package; a third one may be a file of the user's, which is read and never copied anywhere.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emotion_vectors.errors import UserError, first_line

SCALES = ("valence", "arousal")
SHIPPED = ("russell_mehrabian", "glasgow")
MAX_BYTES = 100_000_000


class Norms(NamedTuple):
    """Ratings of words, lower case, by scale; a scale that a list lacks is absent. Units are the list's own."""

    name: str
    source: str
    licence: str
    ratings: Mapping[str, Mapping[str, float]]

    def of(self, emotions: Sequence[str], *scales: str) -> tuple[np.ndarray, np.ndarray]:
        """Rows (m,) of the emotions that have all these scales, and their ratings (m, scales)."""
        tables = [self.ratings.get(scale, {}) for scale in scales]
        rows = [row for row, emotion in enumerate(emotions) if all(emotion.lower() in table for table in tables)]
        values = [[table[emotions[row].lower()] for table in tables] for row in rows]
        return np.array(rows, dtype=np.intp), np.array(values, dtype=np.float64).reshape(len(rows), len(scales))


@cache
def shipped() -> tuple[Norms, ...]:
    """The lists that come with the package."""
    folder = resources.files("emotion_vectors.stimuli").joinpath("data", "norms")
    found = []
    for name in SHIPPED:
        content = json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8"))
        ratings = {
            scale: {word: float(values[column]) for word, values in content["rows"].items()}
            for column, scale in enumerate(content["columns"])
        }
        found.append(Norms(content["name"], content["source"], content["licence"], ratings))
    return tuple(found)


def read_norms(path: Path) -> Norms:
    """The ratings in a .csv, .tsv or .jsonl file with a column `word` and a column `valence`, `arousal` or both.

    Raises `UserError` for a file that isn't there or has another form, for a rating that is not a finite number and for a word that is
    there twice with different ratings.
    """
    ratings: dict[str, dict[str, float]] = {}
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(
                f"{path} is larger than {MAX_BYTES // 10**6} MB; keep the columns word, valence and arousal."
            )
        for number, row in _rows(path):
            word = row.get("word")
            if not isinstance(word, str) or not word.strip():
                raise UserError(f"{path}, row {number}: there is no word; the columns are word, valence and arousal.")
            for scale in (scale for scale in SCALES if row.get(scale) not in (None, "")):
                value = _rating(path, number, scale, row[scale])
                if ratings.setdefault(scale, {}).setdefault(word.strip().lower(), value) != value:
                    raise UserError(f"{path}, row {number}: '{word}' appears twice with different ratings; keep one.")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"Can't read the norms {path}: {first_line(error)}.") from error
    if not ratings:
        raise UserError(f"{path} has no rating; it needs a column `word` and a column `valence`, `arousal` or both.")
    return Norms(path.name, "a file of the user's", "not known; its ratings are not copied", ratings)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """The rows of the file with their numbers, their columns in lower case."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        if path.suffix == ".jsonl":
            for number, line in enumerate(handle, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise UserError(
                        f"{path}, row {number}: this is not a JSON object ({first_line(error)})."
                    ) from error
                if not isinstance(row, dict):
                    raise UserError(f"{path}, row {number}: this is not a JSON object.")
                yield number, {str(key).lower(): value for key, value in row.items()}
        elif path.suffix in (".csv", ".tsv"):
            table = csv.reader(handle, delimiter="\t" if path.suffix == ".tsv" else ",")
            head = [name.strip().lower() for name in next(table, [])]
            if "word" not in head:
                raise UserError(
                    f"{path} has no column `word` in its first row; the columns are word, valence and arousal."
                )
            for number, cells in enumerate(table, 2):
                if cells:
                    yield number, dict(zip(head, cells, strict=False))
        else:
            raise UserError(f"{path} is not a .csv, .tsv or .jsonl file; give norms in one of these forms.")


def _rating(path: Path, number: int, scale: str, given: object) -> float:
    try:
        value = float(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise UserError(
            f"{path}, row {number}: the {scale} {given!r} is not a number; give a number or leave it empty."
        )
    return value
