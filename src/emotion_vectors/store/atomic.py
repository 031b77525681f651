"""Files that are either whole or absent: write beside, fsync, rename.

`write_json`, `write_text`, `write_bytes`, `write_parquet` and `write_tensors` all go through
`write_bytes`/`replace_file`, so a reader never sees a half-written file, whatever kills the writer.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import safetensors.numpy

from emotion_vectors.errors import UserError
from emotion_vectors.store.schema import JsonObject


def replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file in the folder of `path`, flush it to disk, then rename it to `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise UserError(f"Can't write {path}: {reason}; free space or choose another --out.") from error
    finally:
        if temporary.exists():
            temporary.unlink()


def is_leftover(name: str) -> bool:
    """Whether a file of this name is what `replace_file` was writing; kill -9 may leave it."""
    return re.fullmatch(r"\..+\.\d+\.tmp", name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in `folder` and below; nobody may be writing there."""
    for file in folder.rglob(".*.tmp"):
        if is_leftover(file.name) and file.is_file():
            file.unlink()


def _reason(error: Exception) -> str | None:
    """What the system says; None where it said nothing. Where a disk gets full in the middle, polars raises an error that quotes it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    number = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(number[1])) if number else None


def _sync_folder(folder: Path) -> None:
    # Without this the rename itself can be lost on power failure; not every platform can open a folder.
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    replace_file(path, lambda temporary: _write_all(temporary, data))


def _write_all(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON; NaN and infinity are refused, because JSON has none."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that this package wrote; a damaged one is a `UserError`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"Can't read {path}: {error}; delete it (or the run folder) and run again.") from error


def read_object(path: Path) -> JsonObject:
    """As `read_json`, for a file that holds an object; anything else in it is a `UserError`."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise UserError(f"{path} is damaged (it is not an object); delete it (or the run folder) and run again.")
    return found


ROWS_PER_GROUP = 4096  # of a parquet file: who reads some rows holds no more than their groups in memory


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write a table as parquet (zstd)."""
    replace_file(path, lambda temporary: frame.write_parquet(temporary, row_group_size=ROWS_PER_GROUP))


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
    """Write named arrays as safetensors with an optional text header."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    data = safetensors.numpy.save(contiguous, dict(metadata) if metadata else None)
    write_bytes(path, data)
