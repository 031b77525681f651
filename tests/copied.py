"""A copy of the package that a test may change, and its command line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from faults import SMALL_WORDS

import emotion_vectors

CONTRIBUTING = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def copied_package(folder):
    """The package once more, in `folder`."""
    copy = folder / "emotion_vectors"
    shutil.copytree(Path(emotion_vectors.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def run_copy(folder, *words, timeout=300):
    """The command line of the copy in `folder`; it must end well."""
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "emotion_vectors", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr


def toy_run_of_copy(folder, *words):
    """The folder of a toy run that the copy in `folder` made, with more words on its command line."""
    out = folder / "run"
    run_copy(folder, "run", "--preset", "toy", "--threads", "1", "--quiet", *SMALL_WORDS, *words, "--out", str(out))
    return out
