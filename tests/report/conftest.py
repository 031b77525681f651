"""One written report per size for all tests of this folder: drawing takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .asking import check, write_report
from .record import build


class Written(NamedTuple):
    """A record, the folder it was reported into, the files that were written and the page's text."""

    record: dict[str, Any]
    folder: Path
    files: list[Path]
    page: str


def _write(size: str, folder: Path) -> Written:
    record = build(size)
    files = write_report(folder, record)
    return Written(record, folder, files, files[0].read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """171 emotions, 64 activities, 35 steered emotions."""
    return _write("full", tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """12 emotions, 6 of them steered."""
    return _write("toy", tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def right() -> dict[str, Any]:
    """A full record that contradicts itself nowhere; tests change copies of it."""
    record = build("full")
    check(record)
    return record
