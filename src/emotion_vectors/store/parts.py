"""Finished pieces of a stage, each with its checksum beside it: a damaged one is noticed, said, and made again.

The checksum is written after the part. A part without one counts as sound: it is of an older version, or the run was killed between
the two; parts are whole or absent in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import file_digest

ENDING = ".sha256"


def seal(part: Path) -> None:
    """Write the checksum of a part that is there."""
    atomic.write_text(_seal_of(part), file_digest(part) + "\n")


def is_sound(part: Path, say: Callable[[str], None]) -> bool:
    """Whether the part is there and as it was written; a damaged one is removed, and `say` is told."""
    if not part.is_file():
        return False
    written = _seal_of(part)
    if not written.is_file() or written.read_text(encoding="utf-8", errors="replace").strip() == file_digest(part):
        return True
    say(
        f"The part {part.parent.name}/{part.name} is damaged (another checksum than when it was written); it is made again."
    )
    part.unlink()
    written.unlink()
    return False


def _seal_of(part: Path) -> Path:
    return part.with_name(part.name + ENDING)
