"""One written report per size for all tests of this folder: drawing takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from report.asking import check, write_report
from report.record import build


class Written(NamedTuple):
    """A record, the folder it was reported into, the files that were written and the page's text."""

    record: dict[str, Any]
    folder: Path
    files: list[Path]
    page: str


@pytest.fixture(scope="session")
def written(once: Callable[..., Path]) -> Callable[[str], Written]:
    """`written(size)`: the report of a record of that size, drawn once for all processes."""

    def of(size: str) -> Written:
        record = build(size)

        def make(folder: Path) -> None:
            files = write_report(folder / "run", record)
            (folder / "files.txt").write_text("\n".join(map(str, files)), encoding="utf-8")

        folder = once(f"report-{size}", make)
        files = [Path(line) for line in (folder / "files.txt").read_text(encoding="utf-8").splitlines()]
        return Written(record, folder / "run", files, files[0].read_text(encoding="utf-8"))

    return of


@pytest.fixture(scope="session")
def full(written: Callable[[str], Written]) -> Written:
    """171 emotions, 64 activities, 35 steered emotions."""
    return written("full")


@pytest.fixture(scope="session")
def toy(written: Callable[[str], Written]) -> Written:
    """12 emotions, 6 of them steered."""
    return written("toy")


@pytest.fixture(scope="session")
def right() -> dict[str, Any]:
    """A full record that contradicts itself nowhere; tests change copies of it."""
    record = build("full")
    check(record)
    return record
