"""Files and run folders elsewhere, at any address that fsspec opens: s3://, gs://, abfs://, hf://, memory://.

A run works in a copy here and sends what is new to its address, every half minute and at its end, markers after the files that
they are about. So a killed run continues here from its copy, and on another machine from what was sent. An object store has no locks: a
note says whose the address is, and another run is refused while that note is fresh.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.store import atomic
from emotion_vectors.store.cache import cache_folder
from emotion_vectors.store.locking import locked

SEND_EVERY = 30.0  # seconds
FRESH = 300.0  # seconds for which a note of another machine counts
NOTE, SENT, KEYS = ".owner.json", ".sent.json", ".keys.json"


def is_remote(name: str) -> bool:
    """Whether `name` is an address (`s3://bucket/run`) and no path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*(::[A-Za-z0-9+.-]+)*://", name) is not None


def local_copy(url: str, cache: Path | None = None) -> Path:
    """The file at `url`, brought into the cache folder where it is not there as it is now. `UserError` where it can't be read."""
    files, path = _open(url)
    place = cache_folder(cache) / "remote" / _short(url.rpartition("/")[0])
    target = place / PurePosixPath(path).name
    note = target.with_name(f".{target.name}.key")
    with _told(f"Can't read {url}", "check the address and the access to it"), _alone(place):
        files.invalidate_cache()
        key = str(files.ukey(path))  # changes with the content: a run asks for the same file several times
        if not target.is_file() or not note.is_file() or note.read_text(encoding="utf-8") != key:
            _bring(files, path, target)
            atomic.write_text(note, key)
    return target


def no_parts(name: str) -> bool:
    """Whether a file of a run is not a finished piece of a stage, which only that run needs."""
    return not name.startswith("parts/")


def local_folder(url: str, cache: Path | None = None, wanted: Callable[[str], bool] = no_parts) -> Path:
    """A copy in the cache folder of the folder at `url`, as it is there now, without hidden files.

    Only what is new there is brought, and only names that are `wanted`: by default all but a run's `parts/`.
    `UserError` where nothing is there or it can't be read.
    """
    files, path = _open(url)
    place = cache_folder(cache) / "remote" / _short(url)
    folder = place / PurePosixPath(path).name  # a run is called by its folder's name
    with _told(f"Can't read {url}", "check the address and the access to it"), _alone(place):
        files.invalidate_cache()
        there = [name for name in _found(files, path, url) if not _is_hidden(name) and wanted(name)]
        if not there:
            raise UserError(f"There is no folder at {url}, or an empty one; check the address.")
        notes = folder / KEYS
        before = atomic.read_object(notes) if notes.is_file() else {}
        keys = {name: str(files.ukey(f"{path}/{name}")) for name in there}
        for name, key in keys.items():
            if before.get(name) != key or not (folder / name).is_file():
                _bring(files, f"{path}/{name}", folder / name)
        for name in before.keys() - keys.keys():
            (folder / name).unlink(missing_ok=True)
        atomic.write_json(notes, keys)
    return folder


def folder_at(name: str | os.PathLike[str]) -> Path:
    """The folder called `name`: a path as it is, an address as a copy in the cache folder."""
    return local_folder(str(name)) if is_remote(str(name)) else Path(name)


def exists(url: str) -> bool:
    """Whether there is a file at `url`."""
    files, path = _open(url)
    with _told(f"Can't look at {url}", "check the address and the access to it"):
        return bool(files.isfile(path))


@contextmanager
def at_hand(
    out: str,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Iterator[Path]:
    """The run folder `out` as a folder here: itself, or a working copy of what is `wanted` of an address, kept in step with it."""
    if not is_remote(out):
        yield Path(out)
        return
    mirror = Mirror(out, cache_folder(cache) / "runs" / _short(out))
    mirror.begin(wanted)
    say(f"The run at {out} is kept in {mirror.folder} while it is worked on.")
    ended = threading.Event()
    thread = threading.Thread(target=_keep_sending, args=(mirror, ended, say), daemon=True)
    thread.start()
    try:
        yield mirror.folder
    finally:
        ended.set()
        thread.join()
        mirror.send()
        mirror.release()


class Mirror:
    """A run's working copy `folder` and its address."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url.rstrip("/"), folder
        self._files, self._path = _open(self.url)
        self._me = {"host": socket.gethostname(), "pid": os.getpid()}

    def begin(self, wanted: Callable[[str], bool] = lambda _: True) -> None:
        """Take the address and bring here what is there, `wanted` and not here. `UserError` where another run is using it."""
        with _told(f"Can't use {self.url}", "check the address and the access to it"):
            self._files.invalidate_cache()
            there = _found(self._files, self._path, self.url)
            self._take(NOTE in there)
            if "run.json" in there and (self.folder / "run.json").is_file():
                mine = atomic.read_json(self.folder / "run.json")
                if json.loads(self._files.cat_file(f"{self._path}/run.json")) != mine:
                    shutil.rmtree(self.folder)  # a copy of another run that was there before
            sent = self._sent()
            for name, size in there.items():
                target = self.folder / name
                if _is_hidden(name) or not wanted(name) or (target.is_file() and target.stat().st_size == size):
                    continue
                _bring(self._files, f"{self._path}/{name}", target)
                sent[name] = _state(target)
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic.write_json(self.folder / SENT, sent)

    def send(self) -> None:
        """Send what is new here, the oldest first: a marker comes after its files."""
        with _told(
            f"Can't write to {self.url}",
            f"what was computed is in {self.folder}, and running the same command again continues from there",
        ):
            self._note()
            sent = self._sent()
            found = [file for file in self.folder.rglob("*") if file.is_file()]
            new = [
                (file.stat().st_mtime_ns, name, file)
                for file in found
                if not _is_hidden(name := file.relative_to(self.folder).as_posix()) and sent.get(name) != _state(file)
            ]
            for _, name, file in sorted(new):
                state = _state(file)
                self._files.put_file(str(file), f"{self._path}/{name}")
                sent[name] = state
            if new:
                atomic.write_json(self.folder / SENT, sent)

    def release(self) -> None:
        """Leave the address to others."""
        with _told(f"Can't write to {self.url}", "check the access to it"):
            self._files.rm_file(f"{self._path}/{NOTE}")

    def _take(self, noted: bool) -> None:
        if noted:
            note = json.loads(self._files.cat_file(f"{self._path}/{NOTE}"))
            here = note.get("host") == self._me["host"]
            alive = _is_alive(int(note.get("pid", 0))) if here else time.time() - float(note.get("time", 0)) < FRESH
            if alive and not (here and note.get("pid") == self._me["pid"]):
                raise UserError(
                    f"Another run (process {note.get('pid')} on {note.get('host')}) is using {self.url}; wait "
                    f"{'' if here else f'({FRESH / 60:.0f} minutes after it was killed) '}or choose another --out."
                )
        self._note()

    def _note(self) -> None:
        self._files.pipe_file(f"{self._path}/{NOTE}", json.dumps(self._me | {"time": time.time()}).encode())

    def _sent(self) -> dict[str, list[int]]:
        file = self.folder / SENT
        return atomic.read_object(file) if file.is_file() else {}


def _keep_sending(mirror: Mirror, ended: threading.Event, say: Callable[[str], None]) -> None:
    while not ended.wait(SEND_EVERY):
        try:
            mirror.send()
        except UserError as error:
            say(f"{error} Trying again.")  # the last time, at the end, it is an error


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process at a time copies to `place`: the workers of a machine would all bring the same weights."""
    place.mkdir(parents=True, exist_ok=True)
    with locked(place / ".lock"):
        yield


def _found(files: Any, path: str, url: str) -> dict[str, int]:
    """Sizes by name of the files in the folder at an address; a name that would leave the folder is a `UserError`."""
    found = {}
    for file, facts in files.find(path, detail=True).items():
        name = PurePosixPath(file.removeprefix(path).lstrip("/"))
        if name.is_absolute() or ".." in name.parts:
            raise UserError(f"{url} has a file {file!a}, which is outside of it; give another address.")
        found[name.as_posix()] = int(facts["size"])
    return found


def _bring(files: Any, path: str, target: Path) -> None:
    """Download a file, whole or not at all. What the store raises stays as it is; a full disk is a `UserError`."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        files.get_file(path, str(temporary))
        atomic.replace_file(target, lambda place: os.replace(temporary, place))
    finally:
        temporary.unlink(missing_ok=True)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _state(file: Path) -> list[int]:
    return [file.stat().st_mtime_ns, file.stat().st_size]


def _short(url: str) -> str:
    return hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:20]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def _open(url: str) -> tuple[Any, str]:
    import fsspec

    try:
        files, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(
            f"{url} can't be opened ({first_line(error)}); install what its kind of address needs (s3: pip install s3fs)."
        ) from error
    return files, str(path).rstrip("/")


@contextmanager
def _told(what: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each kind of store raises errors of its own
        raise UserError(f"{what}: {type(error).__name__} {first_line(error)}; {remedy}.") from error
