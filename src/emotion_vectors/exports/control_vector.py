"""GGUF control vectors: what llama.cpp loads with `--control-vector` and what repeng writes.

One file is one direction: 1-d float32 tensors `direction.N`, and the keys `general.architecture` = "controlvector",
`controlvector.model_hint`, `controlvector.layer_count`. llama.cpp adds `direction.N` to the output of block N, counted from
0 (`build_cvec` at the end of block `il`, with the data for `il` at offset (il - 1) x d), and never at block 0; repeng numbers
its layers in the same way. So our layer l is `direction.l`, and layer 0 has no place in such a file.

Files are read by the strict reader of `lm.gguf_header`.
"""

from __future__ import annotations

import json
import math
import re
import struct
from pathlib import Path
from typing import NamedTuple

import gguf
import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.exports.choice import Direction
from emotion_vectors.lm.gguf_header import Cursor, Damaged, Texts
from emotion_vectors.store import atomic

ARCHITECTURE = "controlvector"
FLOATS = {0: np.dtype("<f4"), 1: np.dtype("<f2")}
# In these model types llama.cpp loads the file and adds nothing, in builds before its pull request 20653 (March 2026) or still (PLaMo 2).
SILENT = ("qwen3_5", "qwen3next", "plamo2")
MOST_KEYS, MOST_TENSORS, LONGEST_TEXT = 1000, 4096, 1 << 20


class ControlVector(NamedTuple):
    """A control vector as read: its keys that are texts or numbers, and `direction.N` (d,) float32 by N.

    N is negative where the file counts from the last block (-1), as older versions of repeng do; see `from_the_front`.
    left_out: whether it had a `direction.0`. llama.cpp never adds that one, and repeng means another place by it (a file of all
    its layers has it), so nobody can say what it steers.
    """

    keys: dict[str, str | float]
    layers: dict[int, np.ndarray]
    left_out: bool = False


def silence(model_hint: str) -> str:
    """One sentence where builds of llama.cpp are known that ignore control vectors for this model type, else ""."""
    if not model_hint.startswith(SILENT):
        return ""
    return (
        "Some builds of llama.cpp load a control vector for this kind of model and add nothing, without any message; compare answers with "
        "and without it at temperature 0 (docs/exports.md)."
    )


def from_the_front(path: Path, found: ControlVector, blocks: int) -> ControlVector:
    """`found` with layers -1 and below as blocks counted from 0: repeng means by them what Python does, so -1 is the last of `blocks`.

    Raises `UserError` for a layer beyond the model's first block and for one that is there under both numbers.
    """
    if min(found.layers) > 0:
        return found
    layers: dict[int, np.ndarray] = {}
    for number, vector in found.layers.items():
        layer = number if number > 0 else blocks + number
        if layer < 0:
            raise UserError(
                f"{path} has a direction.{number}, but the model has {blocks} blocks; give the model it is from."
            )
        if layer in layers:
            raise UserError(
                f"{path} has two directions for block {layer}, one counted from the end; leave one of them out."
            )
        layers[layer] = vector
    first = layers.pop(0, None)
    if not layers:
        raise UserError(f"{path} has a direction for block 0 alone, which llama.cpp never adds; export other layers.")
    return found._replace(layers=layers, left_out=found.left_out or first is not None)


def write(path: Path, found: Direction, model_hint: str, facts: dict[str, str], first: int = 1) -> None:
    """Write one direction, whole or not at all; `facts` become keys `emotion_vectors.NAME`, which llama.cpp skips.

    `first`: the first layer that the reader can steer, 0 for one that is not llama.cpp.
    """
    if min(found.layers) < first:
        raise UserError("llama.cpp can't steer layer 0: leave it out, for example with --layers 1-4.")

    def fill(temporary: Path) -> None:
        writer = gguf.GGUFWriter(temporary, ARCHITECTURE)
        writer.add_string(f"{ARCHITECTURE}.model_hint", model_hint)
        writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(found.layers))
        writer.add_name(found.name)
        writer.add_string("emotion_vectors.mix", json.dumps(found.mix, ensure_ascii=False))
        for name, value in facts.items():
            writer.add_string(f"emotion_vectors.{name}", value)
        for layer, vector in sorted(found.layers.items()):
            writer.add_tensor(f"direction.{layer}", np.ascontiguousarray(vector, dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    atomic.replace_file(path, fill)


def read(path: Path) -> ControlVector:
    """Read a control vector file of llama.cpp or repeng; anything else or damaged is a `UserError`."""
    try:
        size = path.stat().st_size
        if size > 1 << 30:
            raise UserError(f"{path} has {size / 2**30:.0f} GiB, more than a control vector can have; check the file.")
        return _parse(path.read_bytes())
    except OSError as error:
        raise UserError(f"Can't read {path}: {error.strerror}; check the path.") from error
    except (Damaged, struct.error, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a complete GGUF control vector ({error}); get the file again.") from error


def _parse(data: bytes) -> ControlVector:
    file = Cursor(data, LONGEST_TEXT)
    n_tensors, n_keys = file.counts()
    if n_tensors > MOST_TENSORS or n_keys > MOST_KEYS:
        raise Damaged("it counts too many tensors or keys")
    keys: dict[str, str | float] = {}
    for _ in range(n_keys):
        name = file.text()
        value = file.value(file.number("I"))
        if not isinstance(value, list | Texts):
            keys[name] = value
    if keys.get("general.architecture", ARCHITECTURE) != ARCHITECTURE:
        raise Damaged(f"it contains a {str(keys['general.architecture'])[:40]!r}")
    placed = [_tensor(file) for _ in range(n_tensors)]
    layers = _vectors(data, _start(file.at, keys), placed)
    first = layers.pop(0, None)
    if not layers:
        raise Damaged("it has no direction.N other than direction.0, which llama.cpp never adds")
    return ControlVector(keys, layers, first is not None)


def _tensor(file: Cursor) -> tuple[str, int, int, int]:
    """Name, number of values, type and offset of a tensor."""
    name, dimensions = file.text(), file.number("I")
    if not 1 <= dimensions <= 4:
        raise Damaged("a tensor has no or too many dimensions")
    shape = [file.number("Q") for _ in range(dimensions)]
    if math.prod(shape) != max(shape):
        raise Damaged(f"the tensor {name[:40]!r} is not a single row")
    return name, max(shape), file.number("I"), file.number("Q")


def _start(end_of_header: int, keys: dict[str, str | float]) -> int:
    alignment = keys.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 16:
        raise Damaged("its alignment is not valid")
    return -(-end_of_header // alignment) * alignment


def _vectors(data: bytes, start: int, placed: list[tuple[str, int, int, int]]) -> dict[int, np.ndarray]:
    layers: dict[int, np.ndarray] = {}
    for name, count, kind, offset in placed:
        found = re.fullmatch(r"direction\.(\d{1,4}|-[1-9]\d{0,3})", name)
        if found is None:
            raise Damaged(f"the tensor {name[:40]!r} is not named direction.N")
        if kind not in FLOATS:
            raise Damaged(f"the tensor {name!r} is not float32 or float16")
        first, last = start + offset, start + offset + count * FLOATS[kind].itemsize
        if last > len(data):
            raise Damaged("it ends too early")
        layer = int(found[1])
        if layer in layers:
            raise Damaged(f"the tensor {name!r} appears twice")
        layers[layer] = np.frombuffer(data[first:last], dtype=FLOATS[kind]).astype(np.float32)
        if not np.isfinite(layers[layer]).all():
            raise Damaged(f"the tensor {name!r} has a value that is not finite")
    if not layers:
        raise Damaged("it has no direction.N")
    if len({len(vector) for vector in layers.values()}) > 1:
        raise Damaged("its directions differ in width")
    return layers
