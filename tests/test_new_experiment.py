"""The experiment of CONTRIBUTING.md, put into a copy of the package with the two lines it names: it reaches the page."""

import json
import re

import pytest
from copied import CONTRIBUTING, copied_package, run_copy, toy_run_of_copy


@pytest.mark.slow
def test_a_new_experiment_is_one_file_and_two_lines(tmp_path):
    copy = copied_package(tmp_path)
    experiment = next(
        block for block in re.findall(r"```python\n(.*?)```", CONTRIBUTING, re.DOTALL) if "TOPIC = " in block
    )
    added, place = re.search(r"```\n(from [^\n]* as AXIS)\n(EXPERIMENTS = [^\n]*)\n```", CONTRIBUTING).groups()
    (copy / "experiments" / "axis.py").write_text(experiment, encoding="utf-8")
    topics = copy / "topics.py"
    lines = [place if line.startswith("EXPERIMENTS = ") else line for line in topics.read_text().splitlines()]
    topics.write_text(
        "\n".join(lines).replace(
            "from __future__ import annotations\n", f"from __future__ import annotations\n{added}\n"
        )
        + "\n"
    )
    run = toy_run_of_copy(tmp_path)
    page, record = ((run / name).read_text(encoding="utf-8") for name in ("report.html", "results.json"))
    part = json.loads(record)["experiments"]["axis"]
    assert len(part["emotions"]) == 12 and 0 < part["variance"] < 1
    assert (
        "Figure F. Emotions on the main axis" in page
        and "Ends of the main axis" in page
        and "V12 Main axis of valence" in page
    )
    assert (run / "figures" / "figure-f.svg").is_file()
    # A run of the package without the experiment is read by the one with it.
    damaged = json.loads(record)
    del damaged["experiments"]["axis"], damaged["criteria"]["V12"], damaged["verdicts"]
    (run / "results.json").write_text(json.dumps(damaged))
    run_copy(tmp_path, "report", str(run), timeout=120)
    assert "not judged (older run)" in (run / "report.html").read_text(encoding="utf-8")
