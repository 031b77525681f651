"""Reads the answers of the steer tab, so that they can be coloured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emotion_vectors.explorer.runs import Run
from emotion_vectors.explorer.views import steer as view

if TYPE_CHECKING:
    from emotion_vectors.explorer.models import Loaded
    from emotion_vectors.vectors.reading import Reading


class AnswerReader:
    """Reads answers as the unsteered model does, all on one scale: while they are written, and once more when they are whole."""

    def __init__(
        self, loaded: Loaded, run: Run, chats: Sequence[Sequence[dict[str, str]]], emotion: str, layer: int
    ) -> None:
        assert run.vectors is not None  # something was steered with
        self.loaded, self.vectors, self.chats, self.emotion, self.layer = loaded, run.vectors, chats, emotion, layer
        self.readings: list[Reading | None] = [None] * len(chats)

    def read(self, texts: Sequence[str], every: bool = False) -> None:
        """Read the answers so far; `every` emotion, or the shown one alone. Whoever calls it holds the model's lock."""
        names = None if every else [self.emotion]
        self.readings = [
            self.vectors.read(self.loaded.lm, [*chat, {"role": "assistant", "content": one}], names, [self.layer]) if one.strip() else None
            for chat, one in zip(self.chats, texts, strict=True)
        ]  # fmt: skip

    def coloured(self, texts: Sequence[str], brief: bool = False) -> list[str]:
        """The answers as HTML; "" where one was not read."""
        there = [(one, said) for one, said in zip(self.readings, texts, strict=True) if one is not None]
        most = max((view.coloured(one, self.emotion, self.layer, said)[1] for one, said in there), default=1.0)
        return [
            "" if one is None else view.coloured(one, self.emotion, self.layer, said, most, brief)[0]
            for one, said in zip(self.readings, texts, strict=True)
        ]
