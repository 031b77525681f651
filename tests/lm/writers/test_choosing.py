"""A writer is chosen by its name, or refused with what to install."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers import openvino_writer
from emotion_vectors.lm.writers.base import Options
from emotion_vectors.lm.writers.choosing import make_writer
from emotion_vectors.lm.writers.transformers_writer import TransformersWriter


def test_make_writer_chooses_and_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = tiny()
    assert isinstance(make_writer(lm), TransformersWriter)
    assert make_writer(lm, "transformers", Options(7)).batch == 7
    with pytest.raises(UserError, match="choose auto, transformers, openvino, vllm or server"):
        make_writer(lm, "llama.cpp")
    with pytest.raises(UserError, match="GGUF files"):
        monkeypatch.setattr(openvino_writer, "is_installed", lambda: True)
        make_writer(lm, "openvino")
    monkeypatch.setattr(openvino_writer, "is_installed", lambda: False)
    with pytest.raises(UserError, match="pip install openvino-genai"):
        make_writer(lm, "openvino")
    from_gguf = dataclasses.replace(lm, gguf=Path("some.gguf"))
    assert isinstance(make_writer(from_gguf), TransformersWriter)
