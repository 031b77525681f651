"""One finished run of the toy preset, made once and shared by every test that only looks at it."""

import pytest
from calling import Caller

from emotion_vectors import settings
from emotion_vectors.pipeline import run_experiment

# Minutes each: begun last, they would leave the other processes without work.
LONGEST = (
    "test_pipeline.py",
    "test_faults.py",
    "test_lacking.py",
    "test_writers.py",
    "test_adopted.py",
    "test_upkeep.py",
    "test_remote.py",
    "test_browser.py",
)


def pytest_collection_modifyitems(items):
    """The longest files first; the others stay in their order."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory):
    """Folder and record of a finished toy run; a test must leave the folder as it is."""
    out = tmp_path_factory.mktemp("toy") / "run"
    quiet = settings.Runtime(device="cpu", quiet=True, threads=1)
    return out, run_experiment(settings.toy(), out, quiet, command="emotion-vectors run --preset toy")


@pytest.fixture
def call(capsys):
    """The command line in this process; see `calling.Caller`."""
    return Caller(capsys)
