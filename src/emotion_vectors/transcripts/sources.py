"""Texts and chats from files, one at a time: .txt, .jsonl, .parquet, and logs of Inspect (.eval, .json; see `inspect_logs`).

A .txt file is one text. A line of .jsonl, or a row of .parquet, has `text` (a string) or `messages` (a list of messages in the
OpenAI format) and perhaps `id`; where it has both, the messages are read. Files are untrusted: sizes are limited, and what is not in
this form is a `Bad` with its place.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm.chat_format import CARRIED, NoMessageError, Said, read_message
from emotion_vectors.lm.thinking import FIELDS
from emotion_vectors.store.records import TABLE_FAULTS, storable
from emotion_vectors.store.run_folder import file_digest
from emotion_vectors.transcripts.inspect_logs import LOGS, samples_of

FORMATS = (".txt", ".jsonl", ".ndjson", ".parquet", *LOGS)
LOG_NAME = re.compile(r"\d{4}-\d\d-\d\dT.*\.json")  # Inspect's own names; a folder of logs may hold other .json files
MOST_BYTES = 16 * 2**20  # of a line or a .txt file
MOST_CHARACTERS = 4_000_000  # of a text or a chat: about a million tokens
MOST_MESSAGES = 10_000  # of a chat
MOST_ID = 200
ROWS_AT_ONCE = 512

Chat = list[dict[str, Any]]


class Item(NamedTuple):
    """One text or chat. `number` is its line or row, from 1; `empty` are the messages without anything, which `content` leaves out.

    `places` are the numbers, from 0, that the messages of `content` have in the file. `beside`: there is a text beside the messages.
    `carried`: what goes into the table beside the scores, by column: a log's epoch and scores.
    """

    source: str
    number: int
    id: str | None
    content: str | Chat
    places: tuple[int, ...]
    empty: tuple[tuple[int, str], ...]
    characters: int
    beside: bool = False
    carried: tuple[tuple[str, int | str], ...] = ()

    @property
    def contents(self) -> tuple[str, ...]:
        """The text, or the text of each message of `content`."""
        return (self.content,) if isinstance(self.content, str) else tuple(one["content"] for one in self.content)


class Bad(NamedTuple):
    """A line or row that is in no form that can be read, and why."""

    source: str
    number: int
    why: str

    def __str__(self) -> str:
        kind = Path(self.source).suffix.lower()
        place = "row" if kind == ".parquet" else "sample" if kind in LOGS else "line"
        return self.source if kind == ".txt" or not self.number else f"{self.source}, {place} {self.number}"


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


class _Wrong(Exception):
    """Why a line is bad."""


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
            raise UserError(f"{item}: {item.why}; mend it, or leave such lines out with --skip-bad.")
    if not texts:
        raise UserError(f"There is no text to read in {', '.join(map(str, files[:3]))}.")
    return Survey(texts, bad, tuple(shown), hashes, beside, tuple(columns), utf8)


def _utf8(item: Item) -> int:
    """Bytes of the text of an item; of a part that is no text, none."""
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
                    f"The folder {path} holds no logs of Inspect (.eval, or .json by Inspect's names); give files."
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
                (n, _Wrong(one) if isinstance(one, str) else one) for n, one in samples_of(path)
            )
        else:
            rows = _parquet(path, column) if kind == ".parquet" else _text(path) if kind == ".txt" else _lines(path)
        for number, row in rows:
            try:
                if isinstance(row, _Wrong):
                    raise row
                yield _item(str(path), number, row if kind in (".txt", *LOGS) else _renamed(row, column))
            except _Wrong as wrong:
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
        yield 1, _Wrong(f"it is larger than {MOST_BYTES // 2**20} MiB")
        return
    try:
        yield 1, {"text": path.read_text(encoding="utf-8-sig")}
    except ValueError:
        yield 1, _Wrong("it is no UTF-8 text")


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    with open(path, "rb") as handle:
        number = 0
        while line := handle.readline(MOST_BYTES + 1):
            number += 1
            if len(line) > MOST_BYTES:
                while line and not line.endswith(b"\n"):
                    line = handle.readline(MOST_BYTES)
                yield number, _Wrong(f"it is longer than {MOST_BYTES // 2**20} MiB")
                continue
            if not line.strip():
                continue
            try:
                yield (
                    number,
                    json.loads(line.decode("utf-8-sig")),
                )  # files that were joined have a mark at every beginning
            except (ValueError, RecursionError) as error:
                yield number, _Wrong(f"it is no JSON ({first_line(error)[:100]})")


def _renamed(row: Any, column: str) -> Any:
    """A row with the text of `column` as its `text`."""
    if column == "text" or not isinstance(row, dict):
        return row
    if row.get(column) is None:
        raise _Wrong(f"it has no {column}")
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


def _item(source: str, number: int, row: Any) -> Item:
    if not isinstance(row, dict):
        raise _Wrong("it is no object with text or messages")
    text, messages = row.get("text"), row.get("messages")
    if text is None and messages is None:
        raise _Wrong("it has neither text nor messages")
    if messages is None or (messages == [] and text):
        if not isinstance(text, str):
            raise _Wrong(f"its text is no string but {type(text).__name__}")
        if not text.strip():
            raise _Wrong("its text is empty")
        content, places, empty = storable(text), (0,), ()
        size = len(content)
    else:
        content, places, empty, size = _chat(messages)
    if size > MOST_CHARACTERS:
        raise _Wrong(f"it has {size:,} characters, more than {MOST_CHARACTERS:,}")
    beside = not isinstance(content, str) and isinstance(text, str) and bool(text.strip())
    carried = tuple(
        (storable(name), storable(one) if isinstance(one, str) else one) for name, one in row.get("carried", ())
    )
    return Item(source, number, _name(row.get("id")), content, places, empty, size, beside, carried)


def _name(given: Any) -> str | None:
    """An id as text. A column of whole numbers in which one is missing comes as 17.0, a missing one as NaN."""
    if given is None or (isinstance(given, float) and math.isnan(given)):
        return None
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, int) and abs(given) >= 10**MOST_ID:
        raise _Wrong("its id is too long")
    if isinstance(given, bytes):
        given = _of_bytes(given)
    if isinstance(given, datetime.date | datetime.time):
        given = given.isoformat()
    if isinstance(given, bool) or not isinstance(
        given, str | int | float | decimal.Decimal | datetime.timedelta | uuid.UUID
    ):
        raise _Wrong(f"its id is no text, number or date but {type(given).__name__}")
    return storable(str(given))[:MOST_ID]


def _of_bytes(given: bytes) -> str:
    """Bytes as the text that they spell; 16 that spell none as a UUID, others in hexadecimal."""
    try:
        if (text := given.decode("utf-8")).isprintable():
            return text
    except UnicodeDecodeError:
        pass
    return str(uuid.UUID(bytes=given)) if len(given) == 16 else given[:MOST_ID].hex()


def _chat(messages: Any) -> tuple[Chat, tuple[int, ...], tuple[tuple[int, str], ...], int]:
    """Messages with something in them, their places, the others, and how many characters there are."""
    if isinstance(messages, str):  # how some parquet files keep lists
        try:
            messages = json.loads(messages)
        except (ValueError, RecursionError):
            raise _Wrong("its messages are no list but text that is no JSON") from None
    if not isinstance(messages, list) or not messages:
        raise _Wrong("its messages are no list with a message in it")
    if len(messages) > MOST_MESSAGES:
        raise _Wrong(f"it has {len(messages):,} messages, more than {MOST_MESSAGES:,}")
    chat, places, empty, size, words = [], [], [], 0, False
    for place, message in enumerate(messages):
        message = _clean_all(message)
        try:
            said = read_message(message)
        except NoMessageError as wrong:
            raise _Wrong(f"message {place + 1} {wrong}") from None
        size += len(said.content) + sum(map(len, said.thoughts))
        words = words or bool(said.content.strip())
        if said.content.strip() or said.thoughts or said.other_parts or said.carried.get("tool_calls"):
            chat.append(_kept(message, said))
            places.append(place)
        else:
            empty.append((place, said.role))
    if not words:
        raise _Wrong("none of its messages has a text")
    return chat, tuple(places), tuple(empty), size


def _kept(message: Mapping[str, Any], said: Said) -> dict[str, Any]:
    """What of a message is used: a list of text parts as one text."""
    content = message.get("content")
    if not isinstance(content, str) and not said.other_parts and not said.thoughts:
        content = said.content
    fields = {name: message[name] for name in (*CARRIED, *FIELDS) if message.get(name) is not None}
    return {"role": said.role, "content": content, **fields}


def _clean_all(value: Any) -> Any:
    """Every text in a value from JSON, cleaned."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(name)): _clean_all(inner) for name, inner in value.items()}
    return [_clean_all(inner) for inner in value] if isinstance(value, list) else value
