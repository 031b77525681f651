"""The cache folder of this package."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emotion_vectors.errors import UserError


def cache_folder(given: Path | None = None) -> Path:
    """Where weights and copies of what is at addresses are kept: `given`, else $EMOTION_VECTORS_CACHE, else ~/.cache/emotion-vectors."""
    folder = given or Path(os.environ.get("EMOTION_VECTORS_CACHE") or Path.home() / ".cache" / "emotion-vectors")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Can't create the cache folder {folder}: {error.strerror}; set EMOTION_VECTORS_CACHE."
        ) from error
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`, so that two runs don't fill the cache at once."""
    with open(path, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
