"""Toy runs that cost less, for tests that look at files and errors and not at the experiment."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from faults import SMALL

from emotion_vectors import pipeline, settings
from emotion_vectors.report import page

HUB_TOKEN = "hf_" + "q7Zp" * 8  # in the environment of the runs that tests share: no file of theirs may hold it
CHOSEN = settings.change(settings.toy(), **SMALL)  # of the fixture `small_run`


@contextmanager
def without_page() -> Iterator[None]:
    """Runs in here draw no figures and write no page, which is a quarter of a toy run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "write_report", lambda *_: [])
        yield


@contextmanager
def without_pictures() -> Iterator[None]:
    """Pages in here have their figures' data and sentences but no pictures, which are half of a page's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page.vl_convert, "vegalite_to_svg", lambda *_, **__: "<svg/>")
        patch.setattr(page.vl_convert, "svg_to_png", lambda *_, **__: b"")
        yield
