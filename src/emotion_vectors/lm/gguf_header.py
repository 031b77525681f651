"""The header of a GGUF file: its keys and its table of tensors, read strictly, without any weight.

Every count and length is compared with the size of the file before it is used: a damaged count makes the general reader of
the gguf package loop for ever. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import mmap
import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy as np

from emotion_vectors.errors import UserError

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
LONGEST_TEXT = 1 << 26  # a chat template or a tokenizer as one text
SHARD = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$", re.IGNORECASE)


class Damaged(Exception):
    """The bytes are not what the format says."""


class Cursor:
    """A place in the bytes of a file that refuses to step beyond their end."""

    def __init__(self, data: bytes | mmap.mmap, longest_text: int = LONGEST_TEXT) -> None:
        self.data, self.at, self.longest_text = data, 0, longest_text

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count < 0 or self.at + count > len(self.data):
            raise Damaged("it ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, kind: str) -> Any:
        """The next number, of a type of `struct`."""
        return struct.unpack(f"<{kind}", self.take(struct.calcsize(f"<{kind}")))[0]

    def counts(self) -> tuple[int, int]:
        """What a file begins with: how many tensors and keys it has."""
        if self.take(4) != b"GGUF":
            raise Damaged("it does not begin with GGUF")
        if self.number("I") not in (2, 3):
            raise Damaged("its version of GGUF is unknown")
        return self.number("Q"), self.number("Q")

    def text(self) -> str:
        """The next text."""
        length = self.number("Q")
        if length > self.longest_text:
            raise Damaged("a text in it is too long")
        return self.take(length).decode("utf-8")

    def value(self, kind: int) -> Any:
        """A key's value: a text, a number, a list of numbers; a list of texts gives how many they are."""
        if kind == STRING:
            return self.text()
        if kind in SCALARS:
            return self.number(SCALARS[kind])
        if kind != ARRAY:
            raise Damaged("a key has an unknown type")
        inner, count = self.number("I"), self.number("Q")
        if inner in SCALARS:
            size = struct.calcsize(f"<{SCALARS[inner]}")
            return list(struct.unpack(f"<{count}{SCALARS[inner]}", self.take(size * count)))
        if inner != STRING or count > len(self.data) // 8:
            raise Damaged("an array in it has an unknown type")
        for _ in range(count):
            self.text()
        return Texts(count)


class Texts(int):
    """How many texts a list of texts has."""


class Header(NamedTuple):
    """Keys, and the names of the tensors with the numbers of their types, in the file's order."""

    keys: dict[str, Any]
    tensors: tuple[str, ...]
    types: tuple[int, ...]

    @property
    def architecture(self) -> str:
        """The name that the keys of the model begin with; "" in the later parts of a split model."""
        return str(self.keys.get("general.architecture", ""))


def read_header(path: Path) -> Header:
    """The header of the GGUF file `path`; `UserError` where it is damaged, cut off or no model's."""
    try:
        with open(path, "rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _parsed(Cursor(data))
    except OSError as error:
        raise UserError(f"Can't read {path}: {error.strerror}; check the path.") from error
    except (Damaged, ValueError, struct.error) as error:  # ValueError: an empty file, or a text that is not UTF-8
        raise UserError(f"Can't read {path} as a GGUF model: {error}; is the file complete?") from error


def _parsed(file: Cursor) -> Header:
    n_tensors, n_keys = file.counts()
    if max(n_tensors, n_keys) > len(file.data) // 8:
        raise Damaged("it counts more than it contains")
    keys: dict[str, Any] = {}
    for _ in range(n_keys):
        name = file.text()
        keys[name] = file.value(file.number("I"))
    names, types = [], []
    for _ in range(n_tensors):
        names.append(file.text())
        file.take(8 * file.number("I"))  # its shape
        types.append(file.number("I"))
        file.take(8)  # where it is
    return Header(keys, tuple(names), tuple(types))


def shards(path: Path) -> list[Path]:
    """All files of the model that `path` belongs to: itself, or the NAME-00001-of-0000N.gguf of a split one, in order.

    Raises `UserError` where one of them is missing or belongs elsewhere.
    """
    count = read_header(path).keys.get("split.count", 0)
    if not isinstance(count, int) or count <= 1:
        return [path]
    named = SHARD.match(path.name)
    if named is None or int(named["count"]) != count:
        raise UserError(
            f"{path} is one of {count} parts of a model but is not called NAME-00001-of-{count:05d}.gguf; give the parts their names back."
        )
    found = [path.with_name(f"{named['stem']}-{number:05d}-of-{count:05d}.gguf") for number in range(1, count + 1)]
    missing = [one.name for one in found if not one.is_file()]
    if missing:
        raise UserError(
            f"The model of {path.name} has {count} parts, and {', '.join(missing[:3])} is missing from its folder."
        )
    for number, one in enumerate(found):
        keys = read_header(one).keys
        if (keys.get("split.no"), keys.get("split.count")) != (number, count):
            raise UserError(f"{one} is not part {number + 1} of {count}, as its name says; download the parts again.")
    return found


def join(parts: list[Path], target: Path) -> None:
    """Write the parts of a split model into one file, bytes of the tensors as they are."""
    first = gguf.GGUFReader(parts[0])
    writer = gguf.GGUFWriter(target, first.fields["general.architecture"].contents())
    try:
        for key, field in first.fields.items():
            if key.startswith(("GGUF.", "split.")) or key == "general.architecture":
                continue
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(key, field.contents(), field.types[0], sub_type=inner)
        for part in parts:
            for tensor in gguf.GGUFReader(part).tensors:
                writer.add_tensor(tensor.name, np.asarray(tensor.data), raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()
