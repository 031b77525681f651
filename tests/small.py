"""Toy runs that cost less, for tests that look at files and errors and not at the experiment."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emotion_vectors import pipeline

# Fewer steered conditions than in the toy preset; every kind of them is still there.
SMALL = {
    "steered_count": 4, "random_directions": 3, "shuffled_vectors": 3, "control_emotions": 4, "random_splits": 1, "sweep_emotions": 1,
    "sweep_strengths": [1.0], "sweep_every": 4, "resamples": 100,
}  # fmt: skip
SMALL_WORDS = tuple(word for name, value in SMALL.items() for word in ("--set", f"{name}={value}"))


@contextmanager
def without_page() -> Iterator[None]:
    """Runs in here draw no figures and write no page, which is a quarter of a toy run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "write_report", lambda *_: [])
        yield
