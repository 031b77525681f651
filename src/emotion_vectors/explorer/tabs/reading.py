"""Reads a text for the read and the stories tab: the model's lock, and what is kept for the visitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.tabs.shared import Explorer
from emotion_vectors.explorer.views import read as view

if TYPE_CHECKING:
    from emotion_vectors.vectors.reading import Reading


def read(explorer: Explorer, name: str, text_or_messages: str | list[dict[str, str]], layer: int) -> Reading:
    """All emotions of a run at every token, at all layers if they fit in memory; holds the model's lock."""
    run = explorer.run(name)
    loaded = explorer.models.of(run)
    vectors = run.vectors
    if vectors is None:
        raise UserError(
            "This run has no vectors yet; choose another run, or run the same command again to continue it."
        )
    written = text_or_messages if isinstance(text_or_messages, str) else "".join(m["content"] for m in text_or_messages)
    layers = view.layers_to_read(len(written), len(vectors.emotions), len(vectors.raw), layer)
    with loaded.lock:
        return vectors.read(loaded.lm, text_or_messages, layers=layers)
