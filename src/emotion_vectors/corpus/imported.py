"""Read a corpus that somebody else wrote: parquet, jsonl, or a data set of the Hugging Face hub, row by row.

In: a file with the columns emotion, topic (may be missing) and text (or story, stories, content, or a column that is named; a list
there is several texts). Out: rows of text, checked and in their order, a few at a time. A corpus is untrusted: sizes are limited,
nothing is executed.
"""

from __future__ import annotations

import codecs
import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import polars as pl

from emotion_vectors.corpus import shipped
from emotion_vectors.corpus.sources import TEXT_COLUMNS, Source
from emotion_vectors.errors import UserError, first_line
from emotion_vectors.store.records import TABLE_FAULTS, storable

STORY_COLUMNS = ("emotion", "topic", "text")
NEUTRAL_COLUMNS = ("topic", "text")
VALENCE = "valence"  # a column of a corpus whose emotions are kept
MAY_LACK = ("topic", VALENCE)
MOST_ROWS = 5_000_000
# The longest story that is read: some 4,000 tokens. Anything longer is not a story but a mistake in the file.
MOST_CHARACTERS = 20_000
MOST_LINE_BYTES = 2**20
ROWS_AT_ONCE = 4096
MOST_NAME, MOST_NAMES = 60, 12

Unknown = Literal["refuse", "skip", "keep"]
"""What becomes of rows about an emotion that the pack does not have."""


class Row(NamedTuple):
    """One text as it stands in the corpus; `number` is its row or line, from 1. Valence: as given, "" where it is not."""

    number: int
    emotion: str
    topic: str
    text: str
    valence: str = ""


def read_corpus(source: Source, columns: Sequence[str] = STORY_COLUMNS) -> Iterator[Row]:
    """The texts of a corpus in their order, `columns` read and checked ("topic" and "valence" may be missing in the file).

    Memory holds a few thousand rows at a time. Raises `UserError` with the row's number for the first bad one.
    """
    texts, column = 0, ""
    for number, row in raw_rows(source, columns):
        if not isinstance(row, dict):
            raise UserError(f"{source.name}, row {number}: it is not an object with {', '.join(columns)}.")
        column = column or text_column(source, row)
        for one in _checked(source.name, number, row, columns, column):
            texts += 1
            if texts > MOST_ROWS:
                raise UserError(f"{source.name} has more than {MOST_ROWS:,} rows; split it or take a part of it.")
            yield one


def raw_rows(source: Source, columns: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """The rows of a corpus with their numbers, from 1, unchecked; of a parquet file only the `columns` that it has."""
    if source.ours:
        rows = _our_stories(source) if "emotion" in columns else _our_neutral_texts(source)
    elif source.path is None:
        rows = enumerate(_dataset_rows(source), start=1)
    elif source.path.suffix.lower() == ".parquet":
        rows = enumerate(_parquet_rows(source, columns), start=1)
    else:
        rows = _json_rows(source.path, columns)
    yield from rows


def text_column(source: Source, found: Iterable[str]) -> str:
    """The column with the texts among those `found`: the one that was named, else the only one with a usual name ("text" first).

    Raises `UserError` where there is none, or several that could be meant.
    """
    names = [str(name) for name in found]
    held = [name for name in source.text_columns if name in names]
    if not held:
        wanted, *others = source.text_columns
        also = f" (and so are {', '.join(others)})" if others else ""
        raise UserError(
            f"{source.name}: the column '{wanted}' is missing{also}; it has {', '.join(map(_shown, names[:MOST_NAMES])) or 'no column'}: "
            "name the one with the texts with --text-column NAME."
        )
    if len(held) > 1 and held[0] in TEXT_COLUMNS[1:]:
        raise UserError(
            f"{source.name} has the columns {' and '.join(held)}; say which contains the texts with --text-column NAME."
        )
    return held[0]


class Emotions:
    """Which emotion a corpus means by a name; case, underscores and spaces around it don't matter."""

    def __init__(self, known: Sequence[str], unknown: Unknown = "refuse") -> None:
        """`known`: the pack's emotions. unknown: refuse other names, leave their rows out (skip), or keep them as emotions."""
        self._known = {_plain(name): name for name in known}
        self._unknown = unknown
        self.skipped: Counter[str] = Counter()  # rows by name

    def find(self, source: Source, row: Row) -> str | None:
        """The emotion of a row; None where it is unknown and to be left out, `UserError` where it isn't."""
        name = _plain(row.emotion)
        found = self._known.get(name)
        if found is not None:
            return found
        if self._unknown == "refuse":
            close = difflib.get_close_matches(name, self._known, n=1, cutoff=0.0)
            raise UserError(
                f"{source.name}, row {row.number}: the pack has no emotion '{_shown(row.emotion)}' (the nearest is "
                f"'{self._known[close[0]]}'); rename it, leave such rows out with --skip-unknown-emotions, or keep them as emotions of "
                "the run with --emotions-from corpus."
            )
        if self._unknown == "skip":
            self.skipped[_shown(name)] += 1
            return None
        if not name or len(name) > MOST_NAME or not name.isprintable():
            raise UserError(
                f"{source.name}, row {row.number}: '{_shown(row.emotion)}' is not the name of an emotion; give a word or two."
            )
        self._known[name] = name
        return name


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _our_stories(source: Source) -> Iterator[tuple[int, Any]]:
    for path in shipped.story_files()[: source.first]:
        yield from _json_rows(path, STORY_COLUMNS)


def _our_neutral_texts(source: Source) -> Iterator[tuple[int, Any]]:
    for number, row in islice(_json_rows(shipped.FOLDER / shipped.NEUTRAL, ("question", "answer")), source.first):
        yield number, {"topic": row["question"], "text": shipped.dialogue(row["question"], row["answer"])}


def _parquet_rows(source: Source, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    path = source.path
    assert path is not None
    try:
        frame = pl.scan_parquet(path, glob=False)
        schema = frame.collect_schema()
        texts = text_column(source, schema)
        wanted = list(dict.fromkeys([*(name for name in columns if name in schema and name != "text"), texts]))
        if schema.get("kept") == pl.Boolean:
            # A run's own table: what that run dropped, or did not need, is not part of its corpus; a null is nobody's decision.
            frame = frame.filter(pl.col("kept").fill_null(True))
        start = 0
        while len(batch := frame.select(wanted).slice(start, ROWS_AT_ONCE).collect()):
            start += len(batch)
            yield from batch.iter_rows(named=True)
    except TABLE_FAULTS as error:
        raise UserError(f"Can't read the corpus {path}: {_line(error)}; write the parquet file again.") from error


def _json_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """Each line that is not blank, with its number."""
    with open(path, "rb") as handle:
        number = 0
        while line := handle.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(line) > MOST_LINE_BYTES:
                raise UserError(f"{path.name}, line {number}: it is longer than {MOST_LINE_BYTES:,} bytes; shorten it.")
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError) as error:
                raise UserError(
                    f"{path.name}, line {number}: it is not JSON ({_line(error)}); each line needs one object with "
                    f"{', '.join(columns)}."
                ) from error
            yield number, row


def _dataset_rows(source: Source) -> Iterator[Any]:
    import datasets  # pyright: ignore[reportMissingImports]

    try:
        # Code of a data set is not run: its files are read as they are.
        yield from datasets.load_dataset(source.name, split="train", revision=source.revision, streaming=True)
    except UserError:
        raise
    except Exception as error:  # a download can fail in the errors of many libraries
        raise UserError(
            f"Can't read the data set {source.name}: {_line(error)}; to read one file of it, give {source.name}:PATH/FILE.parquet."
        ) from error


def _checked(name: str, number: int, row: dict[str, Any], columns: Sequence[str], texts: str) -> list[Row]:
    """The texts of a row, whose column of that is called `texts`; more than one where the cell holds a list."""
    values = {}
    for column in columns:
        if column != "text":
            value = row.get(column)
            values[column] = "" if value is None and column in MAY_LACK else _text(value, name, number, column, columns)
    cell = row.get(texts)
    found = [_text(one, name, number, texts, columns) for one in (cell if isinstance(cell, list) else [cell])]
    emotion, topic, valence = (values.get(column, "") for column in ("emotion", "topic", VALENCE))
    return [Row(number, emotion, topic.strip(), text, valence) for text in found]


def _text(value: Any, name: str, number: int, column: str, columns: Sequence[str]) -> str:
    if not isinstance(value, str):
        found = "is missing or empty" if value is None else f"is not text but {type(value).__name__}"
        needed = ", ".join(one for one in columns if one != VALENCE)
        raise UserError(f"{name}, row {number}: the column '{_shown(column)}' {found}; a corpus needs {needed}.")
    if len(value) > MOST_CHARACTERS:
        raise UserError(
            f"{name}, row {number}: its {_shown(column)} has {len(value):,} characters, more than {MOST_CHARACTERS:,}; shorten it."
        )
    return storable(value)


def _shown(text: str) -> str:
    return text if len(text) <= MOST_NAME else text[: MOST_NAME - 1] + "…"


def _line(error: Exception) -> str:
    return first_line(error)[:200]
