"""Packs to test with: a copy of ours that may be damaged, and the published one where somebody has put it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from emotion_vectors.stimuli import Pack, load_pack

CHECKOUT = Path(__file__).resolve().parents[2]
OUR_DATA = Path(str(resources.files("emotion_vectors.stimuli"))) / "data" / "ours"


def find_published() -> Path | None:
    """The published pack: EMOTION_VECTORS_PAPER_PACK, or shared/paper_pack in or beside the checkout."""
    named = os.environ.get("EMOTION_VECTORS_PAPER_PACK")
    places = [Path(named)] if named else [root / "shared" / "paper_pack" for root in (CHECKOUT, CHECKOUT.parent)]
    return next((place for place in places if (place / "pack.json").is_file()), None)


@pytest.fixture
def published_folder() -> Path:
    """The published pack; the test is skipped where it isn't there, because it may not be shipped."""
    folder = find_published()
    if folder is None:
        pytest.skip("the published stimuli are not on this machine (set EMOTION_VECTORS_PAPER_PACK to their folder)")
    return folder


@pytest.fixture
def our_copy(tmp_path: Path) -> Path:
    """A copy of our pack in a folder of its own."""
    folder = tmp_path / "pack"
    shutil.copytree(OUR_DATA, folder)
    return folder


@pytest.fixture
def change_list() -> Callable[[Path, str, Callable[[Any], Any]], None]:
    """A function that replaces the JSON value of one list of a folder by what another function makes of it."""

    def change(folder: Path, name: str, alter: Callable[[Any], Any]) -> None:
        path = folder / f"{name}.json"
        value = alter(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")

    return change


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack()
