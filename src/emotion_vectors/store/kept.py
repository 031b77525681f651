"""Folders of the cache that are used again only while they are what was written.

A seal lists each file with its size, time and SHA-256. Hashing gigabytes at every start would cost more than the cache saves, so a
file of the same size and time counts as the same; any other is hashed.
"""

from __future__ import annotations

import json
from pathlib import Path

from emotion_vectors.store.run_folder import file_digest

SEAL = "sealed.json"


def seal(folder: Path) -> None:
    """Write down what is in `folder`, as its last file."""
    files = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        found = path.stat()
        files[path.relative_to(folder).as_posix()] = [found.st_size, found.st_mtime_ns, file_digest(path)]
    (folder / SEAL).write_text(json.dumps(files), encoding="utf-8")


def is_whole(folder: Path) -> bool:
    """Whether `folder` has a seal and every file is what the seal says."""
    try:
        files = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        return bool(files) and all(_is_same(folder / name, *told) for name, told in files.items())
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _is_same(path: Path, size: int, time: int, sha256: str) -> bool:
    found = path.stat()
    return found.st_size == size and (found.st_mtime_ns == time or file_digest(path) == sha256)
