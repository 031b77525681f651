"""A folder counts as whole only while each file is what was sealed."""

import os

import pytest

from emotion_vectors.store.kept import SEAL, is_whole, seal


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.bin").write_bytes(b"1234")
    (tmp_path / "sub" / "b.txt").write_text("text")
    seal(tmp_path)
    return tmp_path


def test_a_sealed_folder_is_whole_also_where_times_changed(folder):
    assert is_whole(folder)
    os.utime(folder / "a.bin", ns=(1, 1))
    assert is_whole(folder)


@pytest.mark.parametrize(
    "damage", ["same length", "shorter", "gone", "no seal", "seal of nothing", "seal of something else"]
)
def test_damage_is_seen(folder, damage):
    if damage == "same length":
        (folder / "a.bin").write_bytes(b"1235")
        os.utime(folder / "a.bin", ns=(1, 1))
    elif damage == "shorter":
        (folder / "a.bin").write_bytes(b"123")
    elif damage == "gone":
        (folder / "sub" / "b.txt").unlink()
    elif damage == "no seal":
        (folder / SEAL).unlink()
    else:
        (folder / SEAL).write_text("{}" if damage == "seal of nothing" else "[1, 2]")
    assert not is_whole(folder)
