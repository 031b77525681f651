"""Locks that processes on one folder share. The kernel lets go of them when a process ends, however it ends: none is ever stale."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from emotion_vectors.errors import UserError


def take(lock: TextIO) -> str | None:
    """Hold a lock file that is open for appending, with this process's number in it, or give that of the process that holds it ("unknown" where it can't be told).

    A file system without locks is a `UserError`.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        lock.seek(0)
        return lock.read().strip() or "unknown"
    except OSError as error:
        raise UserError(
            f"{lock.name} can't be locked: {error.strerror}; choose a folder on another file system."
        ) from error
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return None


def holder(path: Path) -> str | None:
    """Number of the process that holds the lock file `path` ("unknown" where it can't be told), None where none does."""
    try:
        lock = open(path)  # noqa: SIM115
    except OSError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return lock.read().strip() or "unknown"
    return None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for an exclusive lock on `path` and hold it, so that two runs don't fill the cache at once."""
    with open(path, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
