"""The cache folder of this package."""

from __future__ import annotations

import os
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
