"""The experiment of CONTRIBUTING.md, put into a copy of the package with the two lines it names: it reaches the page."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small import SMALL_WORDS

import emotion_vectors

ROOT = Path(__file__).parents[1]
PACKAGE = Path(emotion_vectors.__file__).parent


@pytest.mark.slow
def test_a_new_experiment_is_one_file_and_two_lines(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "emotion_vectors", ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    experiment = next(block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "TOPIC = " in block)
    added, place = re.search(r"```\n(from [^\n]* as AXIS)\n(EXPERIMENTS = [^\n]*)\n```", text).groups()
    (tmp_path / "emotion_vectors" / "experiments" / "axis.py").write_text(experiment, encoding="utf-8")
    topics = tmp_path / "emotion_vectors" / "topics.py"
    lines = [place if line.startswith("EXPERIMENTS = ") else line for line in topics.read_text().splitlines()]
    topics.write_text(
        "\n".join(lines).replace(
            "from __future__ import annotations\n", f"from __future__ import annotations\n{added}\n"
        )
        + "\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "emotion_vectors",
        "run",
        "--preset",
        "toy",
        "--threads",
        "1",
        "--quiet",
        *SMALL_WORDS,
        "--out",
        str(tmp_path / "run"),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    page, record = ((tmp_path / "run" / name).read_text(encoding="utf-8") for name in ("report.html", "results.json"))
    part = json.loads(record)["experiments"]["axis"]
    assert len(part["emotions"]) == 12 and 0 < part["variance"] < 1
    assert (
        "Figure F. Emotions on the main axis" in page
        and "Ends of the main axis" in page
        and "V12 Main axis of valence" in page
    )
    assert (tmp_path / "run" / "figures" / "figure-f.svg").is_file()
    # A run of the package without the experiment is read by the one with it.
    damaged = json.loads(record)
    del damaged["experiments"]["axis"], damaged["criteria"]["V12"], damaged["verdicts"]
    (tmp_path / "run" / "results.json").write_text(json.dumps(damaged))
    again = [sys.executable, "-m", "emotion_vectors", "report", str(tmp_path / "run")]
    done = subprocess.run(again, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "not judged (older run)" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
