"""Read a corpus that somebody else wrote: parquet, jsonl, or a data set of the Hugging Face hub, row by row.

In: a file with the columns emotion, topic (may be missing) and text. Out: rows of text, checked and in their order, a few
at a time, and the hash by which a run knows its corpus. A corpus is untrusted: sizes are limited, nothing is executed.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from emotion_vectors.corpus import shipped
from emotion_vectors.corpus.neutral import dialogue
from emotion_vectors.corpus.sources import Source
from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm.writers.base import storable
from emotion_vectors.store.records import TABLE_FAULTS

STORY_COLUMNS = ("emotion", "topic", "text")
NEUTRAL_COLUMNS = ("topic", "text")
MOST_ROWS = 5_000_000
# The longest story that is read: some 4,000 tokens. Anything longer is no story but a mistake in the file.
MOST_CHARACTERS = 20_000
MOST_LINE_BYTES = 2**20
ROWS_AT_ONCE = 4096
MOST_NAME = 60


class Row(NamedTuple):
    """One text as it stands in the corpus; `number` is its row or line, from 1."""

    number: int
    emotion: str
    topic: str
    text: str


def read_corpus(source: Source, columns: Sequence[str] = STORY_COLUMNS) -> Iterator[Row]:
    """The rows of a corpus in their order, `columns` read and checked ("topic" may be missing in the file).

    Memory holds a few thousand rows at a time. Raises `UserError` with the row's number for the first bad one.
    """
    for number, row in raw_rows(source, columns):
        yield _checked(source.name, number, row, columns)


def raw_rows(source: Source, columns: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """The rows of a corpus with their numbers, from 1, unchecked; of a parquet file only the `columns` that it has."""
    if source.ours:
        rows = _our_stories(source) if "emotion" in columns else _our_neutral_texts(source)
    elif source.path is None:
        rows = _dataset_rows(source)
    elif source.path.suffix.lower() == ".parquet":
        rows = _parquet_rows(source.path, columns)
    else:
        rows = _json_rows(source.path)
    for number, row in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise UserError(f"{source.name} has more than {MOST_ROWS:,} rows; split it or take a part of it.")
        yield number, row


class Emotions:
    """Which emotion of the pack a corpus means by a name; case, underscores and spaces around it don't matter."""

    def __init__(self, known: Sequence[str], skip_unknown: bool) -> None:
        """`known`: the pack's emotions. skip_unknown: leave rows of other emotions out, and count them by name."""
        self._known = {_plain(name): name for name in known}
        self._skip = skip_unknown
        self.skipped = 0

    def find(self, source: Source, row: Row) -> str | None:
        """The pack's emotion of a row; None where it is unknown and to be left out, `UserError` where it isn't."""
        found = self._known.get(_plain(row.emotion))
        if found is None and not self._skip:
            close = difflib.get_close_matches(_plain(row.emotion), self._known, n=1, cutoff=0.0)
            raise UserError(
                f"{source.name}, row {row.number}: the pack has no emotion '{_shown(row.emotion)}' (the nearest is "
                f"'{self._known[close[0]]}'); rename it, or leave such rows out with --skip-unknown-emotions."
            )
        self.skipped += found is None
        return found


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _our_stories(source: Source) -> Iterator[Any]:
    for path in shipped.story_files()[: source.first]:
        yield from _json_rows(path)


def _our_neutral_texts(source: Source) -> Iterator[Any]:
    for row in islice(_json_rows(shipped.FOLDER / shipped.NEUTRAL), source.first):
        yield {"topic": row["question"], "text": dialogue(row["question"], row["answer"])}


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    try:
        frame = pl.scan_parquet(path, glob=False)
        schema = frame.collect_schema()
        wanted = [name for name in columns if name in schema]
        if schema.get("kept") == pl.Boolean:
            # A run's own table: what that run dropped, or did not need, is no part of its corpus.
            frame = frame.filter("kept")
        start = 0
        while len(batch := frame.select(wanted).slice(start, ROWS_AT_ONCE).collect()):
            start += len(batch)
            yield from batch.iter_rows(named=True)
    except TABLE_FAULTS as error:
        raise UserError(f"Can't read the corpus {path}: {_line(error)}; write the parquet file again.") from error


def _json_rows(path: Path) -> Iterator[Any]:
    with open(path, "rb") as handle:
        number = 0
        while line := handle.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(line) > MOST_LINE_BYTES:
                raise UserError(f"{path.name}, line {number}: it is longer than {MOST_LINE_BYTES:,} bytes; shorten it.")
            try:
                yield json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                raise UserError(
                    f"{path.name}, line {number}: it is no JSON ({_line(error)}); each line needs one object with emotion, "
                    "topic and text."
                ) from error


def _dataset_rows(source: Source) -> Iterator[Any]:
    import datasets  # pyright: ignore[reportMissingImports]

    try:
        # Code of a data set is not run: its files are read as they are.
        yield from datasets.load_dataset(source.name, split="train", revision=source.revision, streaming=True)
    except UserError:
        raise
    except Exception as error:  # a download can fail in the errors of many libraries
        raise UserError(f"Can't read the data set {source.name}: {_line(error)}") from error


def _checked(name: str, number: int, row: Any, columns: Sequence[str]) -> Row:
    values = {"emotion": "", "topic": "", "text": ""}
    if not isinstance(row, dict):
        raise UserError(f"{name}, row {number}: it is no object with {', '.join(columns)}.")
    for column in columns:
        value = row.get(column)
        if value is None and column == "topic":
            continue
        if not isinstance(value, str):
            found = "is missing" if value is None else f"is no text but {type(value).__name__}"
            raise UserError(
                f"{name}, row {number}: the column '{column}' {found}; a corpus needs {', '.join(columns)}."
            )
        if len(value) > MOST_CHARACTERS:
            raise UserError(
                f"{name}, row {number}: its {column} has {len(value):,} characters, more than {MOST_CHARACTERS:,}; shorten it."
            )
        values[column] = storable(value)
    return Row(number, values["emotion"], values["topic"].strip(), values["text"])


def _shown(text: str) -> str:
    return text if len(text) <= MOST_NAME else text[: MOST_NAME - 1] + "…"


def _line(error: Exception) -> str:
    return first_line(error)[:200]
