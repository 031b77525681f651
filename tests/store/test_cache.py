"""The cache folder is where it is asked for, and one process at a time fills a part of it."""

import threading

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.store.cache import cache_folder, locked


def test_given_goes_before_the_environment_and_that_before_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("EMOTION_VECTORS_CACHE", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "emotion-vectors"
    monkeypatch.setenv("EMOTION_VECTORS_CACHE", str(tmp_path / "set"))
    assert cache_folder() == tmp_path / "set" and cache_folder(tmp_path / "given") == tmp_path / "given"
    assert (tmp_path / "given").is_dir()


def test_a_place_that_can_t_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="set EMOTION_VECTORS_CACHE"):
        cache_folder(tmp_path / "file" / "below")


def test_a_second_one_waits_for_the_first(tmp_path):
    order, held = [], threading.Event()

    def second():
        held.wait(10)
        with locked(tmp_path / "lock"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(tmp_path / "lock"):
        held.set()
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
