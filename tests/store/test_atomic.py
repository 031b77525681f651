"""Files are whole or absent."""

import json
import resource
import signal

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic


def test_every_kind_is_read_back(tmp_path):
    atomic.write_json(tmp_path / "a.json", {"x": [1, 2.5, "ü"]})
    atomic.write_parquet(tmp_path / "a.parquet", pl.DataFrame({"x": [1, 2]}))
    atomic.write_tensors(tmp_path / "a.safetensors", {"x": np.arange(6.0).reshape(2, 3).T}, {"k": "v"})
    assert atomic.read_json(tmp_path / "a.json") == {"x": [1, 2.5, "ü"]}
    assert pl.read_parquet(tmp_path / "a.parquet")["x"].to_list() == [1, 2]
    assert (load_file(tmp_path / "a.safetensors")["x"] == np.arange(6.0).reshape(2, 3).T).all()


def test_a_failing_writer_leaves_the_old_file_and_no_rubbish(tmp_path):
    atomic.write_text(tmp_path / "a.txt", "old")

    def half(path):
        path.write_text("ne")
        raise RuntimeError("died")

    with pytest.raises(RuntimeError):
        atomic.replace_file(tmp_path / "a.txt", half)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError):
        atomic.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "\xff"])
def test_damaged_json_is_one_sentence(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"a\.json"):
        atomic.read_json(tmp_path / "a.json")


def test_an_unwritable_place_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="Can't write"):
        atomic.write_text(tmp_path / "file" / "a.txt", "x")


def test_json_is_plain(tmp_path):
    atomic.write_json(tmp_path / "a.json", {"a": 1})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"a": 1}


def test_a_table_that_the_disk_has_no_room_for_is_one_sentence(tmp_path):
    """Wherever the disk gets full: polars raises errors of its own there. Here no file may grow beyond a size."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=20_000), "text": rng.integers(0, 1 << 60, 20_000).astype(str)})
    path = tmp_path / "table.parquet"
    atomic.write_parquet(path, frame)
    whole = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    usual = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for most in [0, 1, 3, 4, 5, *range(100, len(whole), len(whole) // 30), len(whole) - 1]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
            with pytest.raises(UserError, match=r"Can't write .*table.parquet: File too large; free space"):
                atomic.write_parquet(path, frame)
            assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == whole
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, usual)
