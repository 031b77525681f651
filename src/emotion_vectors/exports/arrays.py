"""npz: emotions x layers x d with names, as plain numpy arrays that `numpy.load(..., allow_pickle=False)` opens.

Written: `vectors` (e, l, d) float32, `emotions` (e,) and `layers` (l,) that name its axes, `residual_norm` (l,), and the
texts `units`, `kind`, `model`, `model_sha256`. Read: the same, or a file with one array of three dimensions and no names.
"""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic
from emotion_vectors.vectors.file import EmotionVectors

UNITS = "residual stream; multiply a unit vector by strength x residual_norm of its layer to steer"
MOST_BYTES = 16 << 30
SHORTEST_RATIO = (
    1100  # deflate can't shrink bytes more than about 1,032 times: a file that says so is damaged or a trap
)


class Arrays(NamedTuple):
    """An npz as read: `vectors` (e, l, d) float32, and the names of its axes where the file gives them."""

    vectors: np.ndarray
    emotions: tuple[str, ...] | None
    layers: tuple[int, ...] | None


def write(path: Path, vectors: EmotionVectors, emotions: list[str], layers: list[int]) -> None:
    """Write the chosen emotions and layers of `vectors`, of the kind that `EmotionVectors.at` hands out."""
    rows = [vectors.emotions.index(emotion) for emotion in emotions]
    arrays: dict[str, Any] = {
        "vectors": np.stack([vectors.at(layer)[rows] for layer in layers], axis=1).astype(np.float32),
        "emotions": np.array(emotions, dtype=np.str_),
        "layers": np.array(layers, dtype=np.int64),
        "residual_norm": vectors.residual_norm[layers].astype(np.float32),
        "analysis_layer": np.array(vectors.layer),
        "units": np.array(UNITS),
        "kind": np.array(vectors.kind),
        "model": np.array(str(vectors.header.get("model", ""))),
        "model_sha256": np.array(str(vectors.header.get("model_sha256", ""))),
    }
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    atomic.write_bytes(path, data.getvalue())


def read(path: Path) -> Arrays:
    """Read an npz of vectors; sizes are checked before anything is unpacked, and nothing is unpickled."""
    try:
        with open(path, "rb") as handle:
            if handle.read(6) == np.lib.format.MAGIC_PREFIX:
                raise ValueError("it is one bare array; save it with np.savez(FILE, vectors=..., emotions=...)")
        with zipfile.ZipFile(path) as archive:
            wanted = {item.filename.removesuffix(".npy"): item for item in archive.infolist()}
            if len(wanted) > 1000:
                raise ValueError("too many arrays")
            cubes = [name for name, item in wanted.items() if len(_header(archive, item)[0]) == 3]
            name = "vectors" if "vectors" in wanted else cubes[0] if len(cubes) == 1 else None
            if name is None:
                raise ValueError(f"it has {len(cubes)} arrays of emotions x layers x d and none is named 'vectors'")
            cube = _array(archive, wanted[name], "f", 3).astype(np.float32)
            names = _array(archive, wanted["emotions"], "US", 1) if "emotions" in wanted else None
            layers = _array(archive, wanted["layers"], "iuf", 1) if "layers" in wanted else None
            emotions = None if names is None else tuple(_name(name) for name in names)
            numbers = None if layers is None else tuple(_layer(layer) for layer in layers)
    except OSError as error:
        raise UserError(f"Can't read {path}: {error.strerror or error}; check the path.") from error
    except Exception as error:  # zipfile, zlib and numpy raise whatever a damaged file provokes
        raise UserError(
            f"{path} is not an npz of emotions x layers x d ({_short(error)}); see docs/exports.md."
        ) from error
    if 0 in cube.shape or not np.isfinite(cube).all():
        raise UserError(f"{path} has no vectors, or values that are not finite; get the file again.")
    if (emotions is not None and len(emotions) != cube.shape[0]) or (
        numbers is not None and len(numbers) != cube.shape[1]
    ):
        raise UserError(f"{path} has {cube.shape} vectors but other numbers of names or layers; get the file again.")
    return Arrays(cube, emotions, numbers)


def _header(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape, type and size in bytes of an array, from its header alone."""
    if not item.filename.endswith(".npy") or item.file_size > MOST_BYTES:
        raise ValueError("a member is not an array or too large")
    if item.file_size > SHORTEST_RATIO * max(item.compress_size, 1):
        raise ValueError("a member claims to unpack to more than it can")
    with archive.open(item) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError("an unknown version of npy")
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read_header(member)
        size = math.prod(shape) * kind.itemsize
        if kind.hasobject:
            raise ValueError(
                f"'{item.filename.removesuffix('.npy')}' holds Python objects, which are never unpickled; save names as "
                "np.array(names, dtype=str) and vectors as numbers"
            )
        if min(shape, default=0) < 0 or size != item.file_size - member.tell():
            raise ValueError("an array's size does not fit its header")
    return shape, kind, size


def _array(archive: zipfile.ZipFile, item: zipfile.ZipInfo, kinds: str, dimensions: int) -> np.ndarray:
    shape, kind, _ = _header(archive, item)
    if kind.kind not in kinds or len(shape) != dimensions:
        raise ValueError(f"'{item.filename}' has {len(shape)} dimensions of type {kind.name}")
    with archive.open(item) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _name(name: str | bytes) -> str:
    """A name as text, whether it was saved as text or as bytes."""
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)


def _layer(layer: float) -> int:
    """A layer's number, whether it was saved as a whole number or as a float that is one."""
    if layer != int(layer):
        raise ValueError(f"the layer {layer} is not a whole number")
    return int(layer)


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
