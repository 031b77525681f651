"""A file in pieces is hashed whole, and an earlier conversion is not used."""

import hashlib
import shutil

import pytest

from emotion_vectors import UserError
from emotion_vectors.lm import weights
from emotion_vectors.lm.model import locate
from lm.gguf_worlds import world
from lm.gguf_writing import difference, loaded
from lm.tiny_gguf import tiny_gguf

TEXT = "The thing is that 12 or 345 others went in, and another hour there was nothing. "


def test_a_split_file_is_read_and_hashed_whole(tmp_path):
    whole = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama")
    tiny_gguf(tmp_path / "s.gguf", world("llama"), "llama", split=10)
    parts = sorted(tmp_path.glob("s-0*.gguf"))
    assert len(parts) == 3
    assert difference(parts[0], world("llama"), tmp_path) < 1e-5
    assert locate(str(parts[2]), tmp_path)[1:3] == locate(str(parts[0]), tmp_path)[1:3], "whichever part is named"
    digests = [hashlib.sha256(part.read_bytes()).hexdigest() for part in parts]
    assert weights.gguf_sha256(parts[0]) == hashlib.sha256("".join(f"{one}\n" for one in digests).encode()).hexdigest()
    assert weights.gguf_sha256(whole) == hashlib.sha256(whole.read_bytes()).hexdigest()
    parts[1].rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"s-00002-of-00003\.gguf is missing"):
        loaded(parts[0], tmp_path)
    shutil.copy(parts[2], parts[1])
    with pytest.raises(UserError, match="not part 2 of 3"):
        loaded(parts[0], tmp_path)
    with pytest.raises(UserError, match="give the parts their names back"):
        loaded(parts[0].rename(tmp_path / "renamed.gguf"), tmp_path)


def test_a_conversion_of_an_earlier_version_is_not_used(tmp_path):
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama")
    old = tmp_path / f"converted-{weights.gguf_sha256(path)[:16]}"
    old.mkdir()
    (old / "config.json").write_text("{}")
    assert difference(path, world("llama"), tmp_path) < 1e-5
