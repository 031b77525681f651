"""An output and what it was made from: the folder of its pieces, the hash of the vectors, and whether one that is there is of this order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors.calibration import Calibration
from emotion_vectors.vectors.file import EmotionVectors


def parts_path(out: Path) -> Path:
    """The folder of the finished pieces, beside the output."""
    return out.with_name(f".{out.name}.parts")


def record_of(out: Path, record: Path, identity: JsonObject) -> JsonObject:
    """What the file `record` says of the output `out`; `UserError` where it was made from something else than `identity`."""
    found = atomic.read_json(record)
    known = found.get("identity") if isinstance(found, dict) else None
    if not isinstance(known, dict):
        raise UserError(f"{record} is not a record of this command; choose another --out.")
    if known != identity:
        differing = [key for key in identity if known.get(key) != identity[key]]
        raise UserError(f"{out} was made from other input ({', '.join(differing)}); choose another --out or delete it.")
    return found


def vectors_sha256(
    vectors: EmotionVectors, emotions: Sequence[str], layers: Sequence[int], calibration: Calibration | None
) -> str:
    """Hash of everything in the vectors that the scores are made with."""
    columns, parts = [vectors.index(name) for name in emotions], []
    for layer in layers:
        parts += [vectors.at(layer)[columns]]
        parts += [vectors.centre[layer]] if vectors.centre is not None else []
        parts += [calibration.scores[:, :, :, layer]] if calibration is not None else []
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()
