"""What the tests of this folder share."""

import shutil

import pytest


@pytest.fixture
def copied(toy_run, tmp_path):
    return shutil.copytree(toy_run[0], tmp_path / "run")
