"""The control arm of CONTRIBUTING.md, put into a copy of the package in the two files it names: it is in the record and on the page."""

import json
import re

import polars as pl
import pytest
from copied import CONTRIBUTING, copied_package, toy_run_of_copy

from emotion_vectors.experiments.steering.controls import CONTROLS
from emotion_vectors.stages.control_vectors import DIRECTIONS


def test_every_arm_of_the_table_has_its_directions():
    assert tuple(DIRECTIONS) == CONTROLS


@pytest.mark.slow
def test_a_new_control_arm_is_two_files(tmp_path):
    copy = copied_package(tmp_path)
    section = CONTRIBUTING.split("## Add a control arm")[1].split("\n## ")[0]
    row, function, entry = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    _put_before(copy / "experiments" / "steering" / "controls.py", ")  # fmt: skip", row)
    made = copy / "stages" / "control_vectors.py"
    _put_before(made, "# For each arm", function)
    made.write_text(made.read_text(encoding="utf-8").rstrip().removesuffix("}") + entry + "}\n", encoding="utf-8")
    run = toy_run_of_copy(tmp_path)
    steering = json.loads((run / "results.json").read_text(encoding="utf-8"))["experiments"]["steering"]
    arm = next(row for row in steering["arms"] if row["arm"] == "baseline")
    (effect,) = [row["nats"] for row in steering["controls"] if row["kind"] == "baseline"]
    assert arm["vectors"] == 1 and arm["mean_nats"] == pytest.approx(effect)
    assert "The mean of the neutral texts" in (run / "report.html").read_text(encoding="utf-8")
    table = pl.read_parquet(run / "steering.parquet").filter(pl.col("kind") == "baseline")
    assert len(table) > 0 and table["strength"].unique().to_list() == [steering["strength"]]


def _put_before(path, mark, text):
    """Put `text` before the first line that begins with `mark`."""
    before, after = path.read_text(encoding="utf-8").split(f"\n{mark}", 1)
    path.write_text(f"{before}\n{text}{mark}{after}", encoding="utf-8")
