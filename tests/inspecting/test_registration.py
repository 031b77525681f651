"""The package names the entry point."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from emotion_vectors.inspecting import registration  # what the entry point of an installed package loads

inspect_ai = pytest.importorskip("inspect_ai")


def test_the_package_names_the_entry_point():
    about = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    [(_, module)] = about["entry-points"]["inspect_ai"].items()
    assert import_module(module) is registration
    assert any(wanted.startswith("inspect_ai") for wanted in about["optional-dependencies"]["inspect"])
