"""The cache folder is where it is asked for."""

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.store.cache import cache_folder


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
