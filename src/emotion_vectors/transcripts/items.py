"""One text or chat of a file, and what a line, row or sample must be to be one. Files are untrusted: sizes are limited."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from emotion_vectors.lm.chat_format import CARRIED, Chat, ChatMessage, NoMessageError, Said, read_message
from emotion_vectors.lm.thinking import FIELDS
from emotion_vectors.store.records import storable
from emotion_vectors.transcripts.inspect_logs import LOGS

MOST_CHARACTERS = 4_000_000  # of a text or a chat: about a million tokens

MOST_MESSAGES = 10_000  # of a chat

MOST_ID = 200


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
        """The text, or what each message of `content` says: no thoughts, and of a list of parts those that are text."""
        if isinstance(self.content, str):
            return (self.content,)
        return tuple(read_message(one).content for one in self.content)


class Bad(NamedTuple):
    """A line or row that is in no form that can be read, and why."""

    source: str
    number: int
    why: str

    def __str__(self) -> str:
        kind = Path(self.source).suffix.lower()
        place = "row" if kind == ".parquet" else "sample" if kind in LOGS else "line"
        return self.source if kind == ".txt" or not self.number else f"{self.source}, {place} {self.number}"


class Wrong(Exception):
    """Why a line is bad."""


def item_of(source: str, number: int, row: Any) -> Item:
    """The text or chat of a row; `Wrong` where it is none."""
    if not isinstance(row, dict):
        raise Wrong("it is not an object with text or messages")
    text, messages = row.get("text"), row.get("messages")
    if text is None and messages is None:
        raise Wrong("it has neither text nor messages")
    if messages is None or (messages == [] and text):
        if not isinstance(text, str):
            raise Wrong(f"its text is not a string but {type(text).__name__}")
        if not text.strip():
            raise Wrong("its text is empty")
        content, places, empty = storable(text), (0,), ()
        size = len(content)
    else:
        content, places, empty, size = _chat(messages)
    if size > MOST_CHARACTERS:
        raise Wrong(f"it has {size:,} characters, more than {MOST_CHARACTERS:,}")
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
        raise Wrong("its id is too long")
    if isinstance(given, bytes):
        given = _of_bytes(given)
    if isinstance(given, datetime.date | datetime.time):
        given = given.isoformat()
    if isinstance(given, bool) or not isinstance(
        given, str | int | float | decimal.Decimal | datetime.timedelta | uuid.UUID
    ):
        raise Wrong(f"its id is not text, a number or a date but {type(given).__name__}")
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
            raise Wrong("`messages` must be a list, or a JSON list as text") from None
    if not isinstance(messages, list) or not messages:
        raise Wrong("`messages` must be a list with at least one message")
    if len(messages) > MOST_MESSAGES:
        raise Wrong(f"it has {len(messages):,} messages, more than {MOST_MESSAGES:,}")
    chat, places, empty, size, words = [], [], [], 0, False
    for place, message in enumerate(messages):
        message = _clean_all(message)
        try:
            said = read_message(message)
        except NoMessageError as wrong:
            raise Wrong(f"message {place + 1} {wrong}") from None
        size += len(said.content) + sum(map(len, said.thoughts))
        words = words or bool(said.content.strip())
        if said.content.strip() or said.thoughts or said.other_parts or said.carried.get("tool_calls"):
            chat.append(_kept(message, said))
            places.append(place)
        else:
            empty.append((place, said.role))
    if not words:
        raise Wrong("none of its messages has a text")
    return chat, tuple(places), tuple(empty), size


def _kept(message: Mapping[str, Any], said: Said) -> ChatMessage:
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
