"""Texts and chats from files, one at a time: .txt, .jsonl, .parquet, and logs of Inspect (.eval, .json; see `inspect_logs`).

A .txt file is one text. A line of .jsonl, or a row of .parquet, has `text` (a string) or `messages` (a list of messages in the
OpenAI format) and perhaps `id`; where it has both, the messages are read. Files are untrusted: sizes are limited, and what is not in
this form is a `Bad` with its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.store.records import TABLE_FAULTS
from emotion_vectors.store.run_folder import file_digest
from emotion_vectors.transcripts.inspect_logs import LOGS, samples_of
from emotion_vectors.transcripts.items import Bad, Item, Wrong, item_of

FORMATS = (".txt", ".jsonl", ".ndjson", ".parquet", *LOGS)
LOG_NAME = re.compile(r"\d{4}-\d\d-\d\dT.*\.json")  # Inspect's own names; a folder of logs may hold other .json files
MOST_BYTES = 16 * 2**20  # of a line or a .txt file
ROWS_AT_ONCE = 512


class Survey(NamedTuple):
    """What the files hold: number of texts, the bad ones (`bad` counts them, `first_bad` shows some), and hashes.

    `beside` counts the chats whose line or row has a text beside the messages, which is not read. `columns` are the names that the
    items carry to the table, `utf8` the bytes of what is to be read.
    """

    texts: int
    bad: int
    first_bad: tuple[Bad, ...]
    sha256: dict[str, str]
    beside: int = 0
    columns: tuple[str, ...] = ()
    utf8: int = 0


def survey(files: Sequence[Path], skip_bad: bool, column: str = "text") -> Survey:
    """Go through all files before anything is read; the first bad line is a `UserError` unless `skip_bad`.

    `column` is where the texts are (see `read_items`).
    """
    texts, bad, beside, utf8, shown = 0, 0, 0, 0, []
    hashes = {str(path): _digest(path) for path in files}
    columns: dict[str, None] = {}
    for item in read_items(files, column):
        if isinstance(item, Item):
            texts += 1
            beside += item.beside
            utf8 += _utf8(item)
            columns |= dict.fromkeys(name for name, _ in item.carried)
        elif skip_bad:
            bad += 1
            shown = [*shown, item] if len(shown) < 20 else shown
        else:
            raise UserError(f"{item}: {item.why}; fix it, or skip such lines with --skip-bad.")
    if not texts:
        raise UserError(f"There is no text to read in {', '.join(map(str, files[:3]))}.")
    return Survey(texts, bad, tuple(shown), hashes, beside, tuple(columns), utf8)


def _utf8(item: Item) -> int:
    """Bytes of the text of an item; of a part that is not text, none."""
    texts = [item.content] if isinstance(item.content, str) else [one.get("content") for one in item.content]
    parts = [part for text in texts for part in (text if isinstance(text, list) else [text])]
    words = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return sum(len(one.encode("utf-8", "surrogatepass")) for one in words if isinstance(one, str))


def unfolded(paths: Sequence[Path]) -> list[Path]:
    """The files of `paths`, each once; a folder stands for the logs of Inspect in it and below, by name."""
    found: dict[Path, None] = {}
    for path in paths:
        here = [path]
        if path.is_dir():
            here = sorted(one for one in path.rglob("*") if one.suffix == ".eval" or LOG_NAME.fullmatch(one.name))
            if not here:
                raise UserError(
                    f"The folder {path} contains no Inspect logs (.eval, or .json under Inspect's names); give files."
                )
        found |= dict.fromkeys(here)
    return list(found)


def read_items(files: Sequence[Path], column: str = "text") -> Iterator[Item | Bad]:
    """The texts and chats of all files, in order; memory holds a few hundred.

    `column` is where the texts of .jsonl and .parquet files are; with another one than `text` nothing else of a row is read but its id.
    """
    for path in files:
        kind = path.suffix.lower()
        if kind in LOGS:
            rows: Iterator[tuple[int, Any]] = (
                (n, Wrong(one) if isinstance(one, str) else one) for n, one in samples_of(path)
            )
        else:
            rows = _parquet(path, column) if kind == ".parquet" else _text(path) if kind == ".txt" else _lines(path)
        for number, row in rows:
            try:
                if isinstance(row, Wrong):
                    raise row
                yield item_of(str(path), number, row if kind in (".txt", *LOGS) else _renamed(row, column))
            except Wrong as wrong:
                yield Bad(str(path), number, str(wrong))


def _digest(path: Path) -> str:
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path} can't be read; give {', '.join(FORMATS[:-1])} or {FORMATS[-1]} files.")
    if not path.is_file():
        raise UserError(f"There is no file {path}; check the path.")
    try:
        return file_digest(path)
    except OSError as error:
        raise UserError(f"Can't read {path}: {error.strerror or error}.") from error


def _text(path: Path) -> Iterator[tuple[int, Any]]:
    if path.stat().st_size > MOST_BYTES:
        yield 1, Wrong(f"it is larger than {MOST_BYTES // 2**20} MiB")
        return
    try:
        yield 1, {"text": path.read_text(encoding="utf-8-sig")}
    except ValueError:
        yield 1, Wrong("it is not UTF-8 text")


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    with open(path, "rb") as handle:
        number = 0
        while line := handle.readline(MOST_BYTES + 1):
            number += 1
            if len(line) > MOST_BYTES:
                while line and not line.endswith(b"\n"):
                    line = handle.readline(MOST_BYTES)
                yield number, Wrong(f"it is longer than {MOST_BYTES // 2**20} MiB")
                continue
            if not line.strip():
                continue
            try:
                yield (
                    number,
                    json.loads(line.decode("utf-8-sig")),
                )  # files that were joined have a mark at every beginning
            except (ValueError, RecursionError) as error:
                yield number, Wrong(f"it is not JSON ({first_line(error)[:100]})")


def _renamed(row: Any, column: str) -> Any:
    """A row with the text of `column` as its `text`."""
    if column == "text" or not isinstance(row, dict):
        return row
    if row.get(column) is None:
        raise Wrong(f"it has no {column}")
    return {"text": row[column], "id": row.get("id")}


def _parquet(path: Path, column: str) -> Iterator[tuple[int, Any]]:
    try:
        frame = pl.scan_parquet(path, glob=False)
        wanted = ("text", "messages", "id") if column == "text" else (column, "id")
        columns = [name for name in dict.fromkeys(wanted) if name in frame.collect_schema()]
        if column != "text" and column not in columns:
            raise UserError(f"{path} has no column {column}; it has {', '.join(frame.collect_schema().names()[:10])}.")
        if column == "text" and not {"text", "messages"} & set(columns):
            raise UserError(
                f"{path} has no column text or messages (lists of objects with role and content); rename the column."
            )
        start = 0
        while len(batch := frame.select(columns).slice(start, ROWS_AT_ONCE).collect()):
            yield from enumerate(batch.iter_rows(named=True), start=start + 1)
            start += len(batch)
    except TABLE_FAULTS as error:
        raise UserError(f"Can't read {path}: {first_line(error)[:200]}; write the parquet file again.") from error
