"""Damaged packs."""

from __future__ import annotations

from pathlib import Path

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.stimuli import load_pack


def complaint(folder: Path) -> str:
    """The sentence of the `UserError` that the folder raises; one line, with a full stop only at its end."""
    with pytest.raises(UserError) as caught:
        load_pack(folder)
    sentence = str(caught.value)
    assert sentence.endswith(".") and not sentence.endswith("..") and "\n" not in sentence
    return sentence
