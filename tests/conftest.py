"""One finished run of the toy preset, made once on a machine and shared by every test that only looks at it."""

import gc
import json
import os
import shutil
from functools import cache
from pathlib import Path

import pytest
from calling import Caller

# Minutes each: begun last, they would leave the other processes without work.
LONGEST = (
    "test_pipeline.py",
    "test_notebooks.py",
    "test_faults.py",
    "test_on_ray.py",
    "test_a_new_user.py",
    "test_shards.py",
    "test_extending.py",
    "test_lacking.py",
    "test_openvino_writer.py",
    "test_uncompiled.py",
    "test_families.py",
    "test_adopted.py",
    "test_status.py",
    "test_remote.py",
    "test_browser.py",
)
# Fixtures of many seconds: a finished run, and pages with all of their figures.
LONG = frozenset({"toy_run", "small_run", "planted_run", "full", "toy", "drawn"})


def pytest_configure():
    """What is loaded while tests are collected stays: the garbage collector needn't look at it, neither now nor later."""
    gc.disable()


def pytest_collection_finish():
    import typer.main
    import typer.testing

    # Making the command with all its verbs takes a tenth of a second, and tests call it many hundreds of times.
    typer.main.get_command = typer.testing._get_command = cache(typer.main.get_command)  # pyright: ignore[reportPrivateImportUsage]
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items):
    """The longest files first; the others stay in their order. What needs a toy run or a page with all of its figures is slow,
    and so are the benchmark and the cases of public reports, which are whole commands."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        is_whole = item.get_closest_marker("case") or item.path.parent.name == "bench"
        if is_whole or LONG.intersection(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """`once(name, make)`: the folder that `make(folder)` filled, once for all processes of this test run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder_of(name, make) -> Path:
        from filelock import FileLock

        folder, done = shared / f"once-{name}", shared / f"once-{name}.done"
        with FileLock(shared / f"once-{name}.lock"):
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return folder_of


def finished(once, tmp_path_factory, name, settings_of, page):
    """Folder and record of a toy run, made once; each process has a copy: a run is locked while something continues it."""

    def make(folder):
        from contextlib import nullcontext

        from small import HUB_TOKEN, without_page

        from emotion_vectors.pipeline import run_experiment
        from emotion_vectors.settings import Runtime

        with pytest.MonkeyPatch.context() as patch, nullcontext() if page else without_page():
            patch.setenv("HF_TOKEN", HUB_TOKEN)
            quiet = Runtime(device="cpu", quiet=True, threads=1)
            run_experiment(settings_of(), folder / "run", quiet, command="emotion-vectors run --preset toy")

    out = shutil.copytree(once(name, make) / "run", tmp_path_factory.mktemp(name) / "run")
    return out, json.loads((out / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def toy_run(once, tmp_path_factory):
    """Folder and record of a finished toy run; a test must leave the folder as it is."""

    def chosen():
        from emotion_vectors.settings import toy

        return toy()

    return finished(once, tmp_path_factory, "toy", chosen, page=True)


@pytest.fixture(scope="session")
def small_run(once, tmp_path_factory):
    """The same with fewer steered conditions and without a page, for tests that hold whole runs against each other."""

    def chosen():
        from small import CHOSEN

        return CHOSEN

    return finished(once, tmp_path_factory, "small", chosen, page=False)


@pytest.fixture(scope="session")
def of_notebook(once):
    """`of_notebook(name)`: the folder of the run of a notebook, made once by the command that stands in it."""

    def run_of(name) -> Path:
        notebooks = pytest.importorskip("notebooks", reason="needs nbformat and nbclient", exc_type=ImportError)
        book = notebooks.load(notebooks.FOLDER / f"{name}.ipynb")

        def make(folder):
            from small import without_page

            # The self-checks have tests of their own: 56 prompts here, for 240.
            with without_page(), pytest.MonkeyPatch.context() as patch:
                patch.setattr("emotion_vectors.doctor.bench.PER_CATEGORY", 1)
                notebooks.make_run(book, folder)

        [run] = once(f"notebook-{name}", make).iterdir()
        return run

    return run_of


@pytest.fixture(scope="session")
def planted_run(of_notebook, tmp_path_factory):
    """Folder and record of a run of the planted model: the one that a notebook shows."""
    out = shutil.copytree(of_notebook("figure_from_a_record"), tmp_path_factory.mktemp("planted") / "run")
    return out, json.loads((out / "results.json").read_text(encoding="utf-8"))


@pytest.fixture
def call(capsys):
    """The command line in this process; see `calling.Caller`."""
    return Caller(capsys)
