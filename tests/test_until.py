"""`run --until vectors` and the rest later: the same record as in one go."""

import json

import pytest
from faults import SMALL_WORDS
from small import CHOSEN, without_page
from typer.testing import CliRunner

from emotion_vectors import EmotionVectors, settings
from emotion_vectors.cli import app
from emotion_vectors.pipeline import run_experiment

pytestmark = pytest.mark.slow  # every test waits for whole runs

QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)
# When and how long, which differ between any two runs.
TIMES = ("created", "timings", "command")


def test_a_run_that_stops_at_its_vectors_goes_on_to_the_same_record(small_run, tmp_path):
    out = tmp_path / "run"
    words = [
        "run",
        "--preset",
        "toy",
        "--out",
        str(out),
        "--until",
        "vectors",
        "--device",
        "cpu",
        "--threads",
        "1",
        "--quiet",
        *SMALL_WORDS,
    ]
    for _ in range(2):  # the second time nothing is left to do
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0 and f"Vectors: {out}/vectors.safetensors" in done.output, done.output
    assert not (out / "results.json").exists() and not (out / "stages" / "readings.json").exists()
    vectors = EmotionVectors.load(out)
    assert vectors.calibration is not None and list(vectors) == list(EmotionVectors.load(small_run[0]))
    status = CliRunner().invoke(app, ["status", str(out)], env={"COLUMNS": "150"}).output
    assert "Not finished" in status and "Its vectors are made" in status
    with without_page():
        record = run_experiment(CHOSEN, out, QUIET, command="emotion-vectors run --preset toy")
    assert record == json.loads((out / "results.json").read_text())
    for name in record:
        if name not in TIMES:
            assert record[name] == small_run[1][name], name
    after = CliRunner().invoke(app, ["status", str(out)], env={"COLUMNS": "150"}).output
    assert "Its vectors are made" not in after and "Finished." in after
