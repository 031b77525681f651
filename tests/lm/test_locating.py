"""The hash covers every file that is read."""

import pytest

from emotion_vectors.lm.model import locate
from lm.saved import saved


@pytest.mark.parametrize(
    "file", ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"]
)
def test_the_hash_covers_every_file_that_is_read(tmp_path, file):
    saved(tmp_path)
    before = locate(str(tmp_path)).sha256
    (tmp_path / "README.md").write_text("not read")
    assert locate(str(tmp_path)).sha256 == before
    path = tmp_path / file
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b" ")
    assert locate(str(tmp_path)).sha256 != before
