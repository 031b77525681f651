"""The collector's limits, seen from outside: by `gc` itself and in a process of its own."""

import gc
import subprocess
import sys

import pytest

from emotion_vectors import load_model, startup


@pytest.fixture
def limits(monkeypatch):
    """What is to be done at the end of the process; Python's own limits come back after the test."""
    at_exit, before = [], gc.get_threshold()
    monkeypatch.setattr("atexit.register", at_exit.append)
    gc.set_threshold(123, 4, 5)
    yield at_exit
    startup._usual.clear()
    gc.set_threshold(*before)


def test_the_usual_limits_are_back_where_a_model_is_loaded(limits):
    startup.begin()
    assert gc.get_threshold()[0] > 10_000 and limits == [gc.freeze]
    load_model("planted", device="cpu")
    assert gc.get_threshold() == (123, 4, 5)


def test_what_is_loaded_is_not_looked_through_again(limits):
    startup.begin()
    kept, frozen = [[] for _ in range(1000)], gc.get_freeze_count()
    startup.loaded()
    assert gc.get_freeze_count() >= frozen + len(kept)


def test_the_library_leaves_the_collector_alone(limits, monkeypatch):
    monkeypatch.setattr(gc, "freeze", lambda: pytest.fail("objects of the user's program are theirs"))
    load_model("planted", device="cpu")
    assert gc.get_threshold() == (123, 4, 5) and not limits


@pytest.mark.slow
def test_the_command_does_what_it_is_to_do():
    code = "import gc\nfrom emotion_vectors.__main__ import main\ntry: main()\nfinally: print(gc.get_threshold()[0])"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) > 10_000
