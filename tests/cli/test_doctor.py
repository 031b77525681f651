"""`emotion-vectors doctor`, and what a failed check does to a run: it stops, or is recorded where that is allowed."""

import json
import sys

import pytest
from faults import SMALL_WORDS
from small import without_pictures

from emotion_vectors import cli
from emotion_vectors.doctor.examination import EXAMINATIONS
from emotion_vectors.lm import forward

TOY = ["--preset", "toy", *SMALL_WORDS, "--device", "cpu", "--threads", "1", "--quiet"]
VECTORS = {"vectors_finite", "vectors_centred", "vectors_projected", "reliability", "control_reach"}


def command(monkeypatch, *arguments):
    """Exit code of the command in this process."""
    monkeypatch.setattr(sys, "argv", ["emotion-vectors", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as left:
        cli.main()
    return left.value.code or 0


def plant(monkeypatch):
    """Read the answer by counting mask entries; a run never does, so it gets through if it is let."""
    monkeypatch.setattr(forward.Batch, "last", property(lambda batch: batch.mask.sum(dim=1) - 1))


@pytest.mark.slow
def test_the_table_shows_every_check_and_exits_with_0(monkeypatch, capsys):
    assert command(monkeypatch, "doctor", "--model", "toy", "--quiet") == 0
    shown = capsys.readouterr().out
    assert all(one.name in shown for one in EXAMINATIONS)
    assert "preference_mass: The model hardly answers" in shown


@pytest.mark.slow
def test_a_failed_check_exits_with_1_and_is_explained(monkeypatch, capsys):
    plant(monkeypatch)
    assert command(monkeypatch, "doctor", "--model", "toy", "--set", "dtype=float32", "--quiet") == 1
    shown = capsys.readouterr().out
    assert "failed" in shown and "read_position: The answer is not read at the last token" in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "./nowhere"], "nowhere"), (["--stimuli", "nowhere"], "nowhere"), (["--set", "layer=9"], "layer 9"),
        (["--set", "layr=1"], "layer"), (["--device", "gpu"], "gpu"),
    ],
)  # fmt: skip
def test_mistakes_exit_with_2_and_one_sentence(arguments, says, monkeypatch, capsys):
    model = [] if "--model" in arguments else ["--model", "toy"]
    assert command(monkeypatch, "doctor", *model, *arguments, "--quiet") == 2
    error = capsys.readouterr().err
    assert error.count("Error: ") == 1 and says in error and "Traceback" not in error


@pytest.mark.slow
def test_a_failed_check_stops_a_run_and_is_recorded_where_that_is_allowed(tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    plant(monkeypatch)
    assert command(monkeypatch, "run", *TOY, "--out", out) == 2
    error = capsys.readouterr().err
    assert error.count("Error: ") == 1 and "read_position (measured" in error and "--allow-failed-checks" in error
    assert not (out / "stories.parquet").exists() and not (out / "stages" / "doctor.json").exists()
    kept = json.loads((out / "doctor.json").read_text())
    assert kept["read_position"]["passed"] is False

    with without_pictures():
        assert command(monkeypatch, "run", *TOY, "--out", out, "--allow-failed-checks") == 0
    record = json.loads((out / "results.json").read_text())
    assert record["failed_checks_allowed"] is True
    assert set(record["doctor"]) == {one.name for one in EXAMINATIONS} | VECTORS
    failed = {name for name, check in record["doctor"].items() if not check["passed"] and check["kind"] == "stop"}
    assert failed == {"read_position"}
    assert record["doctor"]["read_position"] == kept["read_position"]
    assert record["timings"]["doctor"]["units"] == len(EXAMINATIONS)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "read_position" in page and "This run was told to continue with failed checks" in page
