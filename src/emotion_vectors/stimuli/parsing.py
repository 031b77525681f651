"""Strict reading of a pack's files: every fault is one `UserError` that names the file and the place in it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, NoReturn

from emotion_vectors.errors import UserError

MAX_BYTES = 5_000_000
MAX_TEXT = 2_000
MAX_PROMPT = 20_000
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's categories Cc and Cs


class MissingFileError(UserError):
    """A file that the pack doesn't have."""


class _BadJsonError(ValueError):
    """Something that JSON allows to be written and that no stimulus file may contain."""


@dataclass(frozen=True)
class Place:
    """A spot in a file; every complaint begins with it."""

    file: str
    spot: str = ""

    def item(self, index: int) -> Place:
        """The item at `index` (counted from 0, shown from 1)."""
        return Place(self.file, f"{self.spot}, item {index + 1}")

    def key(self, name: str) -> Place:
        """The value of the key `name`."""
        return Place(self.file, f"{self.spot}, {_shown(name)}")

    def fault(self, problem: str) -> UserError:
        """The error to raise: file, spot and what is wrong there."""
        return UserError(f"{self.file}{self.spot}: {problem}.")


def canonical_hash(value: Any) -> str:
    """SHA-256 (hex) of the canonical form of a JSON value.

    The canonical form is JSON in UTF-8 with sorted keys, no white space between the parts, non-ASCII characters as
    they are, and whole numbers without a decimal point (so 500 and 500.0 are the same number). Text is taken as it
    is: another spelling, other spaces or another order of a list give another hash.
    """
    text = json.dumps(_plain_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain_numbers(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_numbers(part) for part in value]
    return value


def file_place(folder: Traversable, name: str) -> Place:
    """The place to blame for the list `name`: its file."""
    # A folder's name may hold bytes that are not UTF-8; the error must be printable all the same.
    shown = str(folder).encode("utf-8", "backslashreplace").decode("utf-8")
    return Place(f"{shown}/{name}.json")


def read_list_file(folder: Traversable, name: str) -> Any:
    """The JSON value in `name`.json of the folder.

    Raises `MissingFileError` where there is no such file, and `UserError` where it can't be read, is empty, larger
    than 5 MB, not UTF-8, not JSON, or has a key twice or a number that is none.
    """
    place = file_place(folder, name)
    try:
        entry = folder.joinpath(f"{name}.json")
        if not entry.is_file():
            if entry.is_dir():
                raise place.fault("this is a folder; put a JSON file in its place")
            raise MissingFileError(f"{place.file}: the pack has no such file; add it (docs/stimuli.md shows its form).")
        with entry.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise place.fault(f"can't be read ({error.strerror or error})") from error
    if len(data) > MAX_BYTES:
        raise place.fault("the file is larger than 5 MB; a stimulus list is far smaller")
    return _parse_json(data, place)


def _parse_json(data: bytes, place: Place) -> Any:
    if not data.strip():
        raise place.fault("the file is empty; write a JSON value or remove the file")
    try:
        text = data.decode("utf-8-sig")  # editors on Windows put a byte order mark before it
    except UnicodeDecodeError as error:
        raise place.fault(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error
    try:
        return json.loads(text, object_pairs_hook=_object_without_repeats, parse_constant=_refuse_constant)
    except _BadJsonError as error:
        raise place.fault(str(error)) from error
    except json.JSONDecodeError as error:
        raise place.fault(f"line {error.lineno}, column {error.colno} is not JSON ({error.msg})") from error
    except RecursionError as error:
        raise place.fault("the lists are nested too deeply") from error
    except ValueError as error:  # Python refuses to read integers of thousands of digits
        raise place.fault("a number has too many digits") from error


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # json.loads would keep the last of two equal keys without a warning.
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _BadJsonError(f"the key {_shown(key)} appears twice; keep one")
        result[key] = value
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise _BadJsonError(f"{name} is not a JSON number; write a finite one")


def _shown(value: Any) -> str:
    """The value as it may stand in an error: ASCII, quoted, short."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def expect_list(value: Any, place: Place, at_least: int = 1) -> list[Any]:
    """`value` as a list with `at_least` items."""
    if not isinstance(value, list):
        raise place.fault(f"expected a list, found {_kind(value)}")
    if len(value) < at_least:
        raise place.fault(f"the list has {len(value)} items and needs at least {at_least}")
    return value


def expect_object(
    value: Any, place: Place, required: Sequence[str] = (), allowed: Sequence[str] | None = None
) -> dict[str, Any]:
    """`value` as an object that has all `required` keys and none outside `allowed` (any, where that is none)."""
    if not isinstance(value, dict):
        raise place.fault(f"expected an object, found {_kind(value)}")
    for key in required:
        if key not in value:
            raise place.fault(f"the key '{key}' is missing; add it")
    for key in value:
        if allowed is not None and key not in allowed:
            raise place.fault(f"the key {_shown(key)} is unknown; use {', '.join(allowed)}")
    return value


def expect_text(value: Any, place: Place, prompt: bool = False) -> str:
    """`value` as a text that isn't blank, has no stray space at its ends and no control characters.

    Prompts may be longer (20,000 characters instead of 2,000) and may have line breaks and tabs.
    """
    if not isinstance(value, str):
        raise place.fault(f"expected a text, found {_kind(value)}")
    if not value.strip():
        raise place.fault("the text is empty; write one or remove the item")
    if value != value.strip():
        raise place.fault(f"the text {_shown(value)} begins or ends with a space or a line break; remove it")
    limit = MAX_PROMPT if prompt else MAX_TEXT
    if len(value) > limit:
        raise place.fault(f"the text has {len(value)} characters and may have at most {limit}")
    for character in CONTROL.findall(value):
        if not (prompt and character in "\n\t"):
            raise place.fault(f"the text has the control character {_shown(character)}; remove it")
    return value


def expect_number(value: Any, place: Place) -> float:
    """`value` as a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise place.fault(f"expected a number, found {_kind(value)}")
    try:
        number = float(value)
    except OverflowError as error:
        raise place.fault("the number is too large") from error
    if not math.isfinite(number):
        raise place.fault("the number is not finite")
    return number


def expect_texts(value: Any, place: Place, at_least: int = 1) -> tuple[str, ...]:
    """`value` as a list of texts of which no two are equal (apart from case and spaces)."""
    items = expect_list(value, place, at_least)
    texts = tuple(expect_text(item, place.item(index)) for index, item in enumerate(items))
    expect_different(texts, place)
    return texts


def expect_different(texts: Sequence[str], place: Place) -> None:
    """Refuse two texts that are equal apart from case and spaces."""
    first: dict[str, int] = {}
    for index, text in enumerate(texts):
        plain = plain_text(text)
        if plain in first:
            raise place.item(index).fault(f"{_shown(text)} is item {first[plain] + 1} again; remove one of them")
        first[plain] = index


def expect_member(value: Any, place: Place, allowed: Sequence[str] | frozenset[str], where: str) -> str:
    """`value` as a text that is one of `allowed`; `where` says what that is, for the error."""
    text = expect_text(value, place)
    if text not in allowed:
        raise place.fault(f"{_shown(text)} is not {where}")
    return text


def plain_text(text: str) -> str:
    """The text in lower case with single spaces: how duplicates are found."""
    return " ".join(text.casefold().split())


def _kind(value: Any) -> str:
    names = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "null")
