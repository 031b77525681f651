"""A run as three processes on one folder, one of which is killed and started again: the numbers of a run in one process."""

import json
import subprocess
import time
from pathlib import Path

import polars as pl
import pytest
from faults import VOLATILE, toy_command
from safetensors.numpy import load_file
from small import CHOSEN

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.pipeline import help_experiment, run_experiment
from emotion_vectors.store.run_folder import open_run

TABLES = (
    "stories",
    "neutral",
    "choices",
    "steering",
    "scenarios",
    "numeric",
    "scores",
    "correlations",
    "feels",
    "answers",
)


def same_numbers(one: Path, other: Path) -> None:
    """Everything that a run writes, to the bit."""
    records = [json.loads((folder / "results.json").read_text()) for folder in (one, other)]
    for name in records[0]:
        assert name in (*VOLATILE, "doctor") or records[0][name] == records[1][name], name
    for name in TABLES:
        assert (one / f"{name}.parquet").read_bytes() == (other / f"{name}.parquet").read_bytes(), name
    tensors = [load_file(folder / "vectors.safetensors") for folder in (one, other)]
    assert all((values == tensors[1][name]).all() for name, values in tensors[0].items())


def start(out: Path, index: int) -> subprocess.Popen:
    command = [*toy_command(out), "--quiet", "--shard", f"{index}/3"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.slow
def test_three_shards_give_what_one_process_gives_though_one_is_killed(small_run, tmp_path):
    out = tmp_path / "run"
    running = {index: start(out, index) for index in (3, 2, 1)}
    try:
        deadline = time.monotonic() + 200
        while not list(out.glob("parts/steering-*/*.safetensors")) and time.monotonic() < deadline:
            time.sleep(0.02)
        running[2].kill()
        running[2].wait()
        written = {path: path.stat().st_mtime_ns for path in out.glob("parts/steering-*/*.safetensors")}
        assert written and not (out / "results.json").exists()
        running[2] = start(out, 2)
        said = {index: process.communicate(timeout=200)[0] for index, process in running.items()}
        assert {index: process.returncode for index, process in running.items()} == dict.fromkeys(running, 0), said
    finally:
        for process in running.values():
            process.kill()
    assert "Shard 3/3 is done; shard 1 writes the report." in said[3] and "report.html" in said[1]
    assert all(path.stat().st_mtime_ns == when for path, when in written.items()), "a finished part was made again"
    same_numbers(out, small_run[0])
    # A helper that comes late has nothing to do, and one process finds the run finished.
    quiet = settings.Runtime(device="cpu", quiet=True, threads=1)
    help_experiment(CHOSEN, out, settings.Runtime(device="cpu", quiet=True, threads=1, shard=(2, 3)))
    assert run_experiment(CHOSEN, out, quiet)["criteria"] == small_run[1]["criteria"]


def test_while_a_shard_works_on_a_folder_nobody_else_may(tmp_path):
    with open_run(tmp_path / "run", {"settings": {}}, (1, 2)), open_run(tmp_path / "run", {"settings": {}}, (2, 2)):
        for shard in ((1, 1), (1, 2), (2, 2)):
            with (
                pytest.raises(UserError, match=r"Another run .* is using"),
                open_run(tmp_path / "run", {"settings": {}}, shard),
            ):
                pass
    with (
        open_run(tmp_path / "run", {"settings": {}}, (2, 2)),
        pytest.raises(UserError, match="Another run"),
        open_run(tmp_path / "run", {"settings": {}}),
    ):
        pass
    with open_run(tmp_path / "run", {"settings": {}}):
        pass


def test_every_shards_parts_are_in_the_tables(toy_run):
    """The toy preset is cut into enough parts that three shards share them."""
    names = [path.name for path in toy_run[0].glob("parts/steering-*/*.safetensors")]
    assert len(names) >= 6
    assert pl.read_parquet(toy_run[0] / "steering.parquet")["condition"].n_unique() > 20
