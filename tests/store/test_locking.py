"""Locks: one holder, whose number the others are told; none is left by a process that was killed."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.store import locking

HOLD = """import sys, time
from emotion_vectors.store.locking import take
lock = open(sys.argv[1], "a+")
assert take(lock) is None
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def held(tmp_path):
    """A lock file and the process that holds it."""
    path = tmp_path / ".lock"
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    yield path, process
    process.kill()
    process.communicate()


def test_others_are_told_who_holds_a_lock_and_leave_it_alone(held):
    path, process = held
    for _ in range(2):
        with open(path, "a+") as lock:
            assert locking.take(lock) == str(process.pid)
        assert locking.holder(path) == str(process.pid)


def test_a_killed_process_leaves_no_lock(held):
    path, process = held
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert locking.holder(path) is None
    with open(path, "a+") as lock:
        assert locking.take(lock) is None
        assert path.read_text() == str(os.getpid())


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch):
    def missing(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(locking.fcntl, "flock", missing)
    with open(tmp_path / ".lock", "a+") as lock, pytest.raises(UserError, match="can't be locked: Function not"):
        locking.take(lock)


def test_nobody_holds_what_is_not_there(tmp_path):
    assert locking.holder(tmp_path / ".lock") is None
