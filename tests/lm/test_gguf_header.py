"""A damaged header is one sentence."""

import pytest

from emotion_vectors import UserError
from emotion_vectors.lm.gguf_header import read_header
from lm.gguf_worlds import world
from lm.tiny_gguf import tiny_gguf


@pytest.mark.parametrize("at", [0, 4, 8, 16, 30, 200, 3000])
def test_a_damaged_header_is_one_sentence(at, tmp_path):
    data = bytearray(tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama").read_bytes())
    (tmp_path / "cut.gguf").write_bytes(data[:at])
    with pytest.raises(UserError, match="Can't read"):
        read_header(tmp_path / "cut.gguf")
    data[8:16] = b"\xff" * 8
    (tmp_path / "counts.gguf").write_bytes(data)
    with pytest.raises(UserError, match="more than it contains"):
        read_header(tmp_path / "counts.gguf")
