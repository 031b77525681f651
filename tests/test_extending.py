"""The experiment, the control arm and the writer of CONTRIBUTING.md, put into a copy of the package in the files that it names, and one toy run of it."""

import json
import re

import polars as pl
import pytest
from copied import CONTRIBUTING, copied_package, run_copy, toy_run_of_copy

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.steering.controls import CONTROLS
from emotion_vectors.lm.writers import WRITERS
from emotion_vectors.lm.writers.base import ModelFacts, WriterKind
from emotion_vectors.lm.writers.choosing import choose_writer, kind_of
from emotion_vectors.settings import change, toy
from emotion_vectors.stages.control_vectors import DIRECTIONS


def add_experiment(copy):
    """One file and two lines."""
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


def add_arm(copy):
    """A row of a table in one file, a function and an entry in another."""
    section = CONTRIBUTING.split("## Add a control arm")[1].split("\n## ")[0]
    row, function, entry = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    _put_before(copy / "experiments" / "steering" / "controls.py", ")  # fmt: skip", row)
    made = copy / "stages" / "control_vectors.py"
    _put_before(made, "# For each arm", function)
    made.write_text(made.read_text(encoding="utf-8").rstrip().removesuffix("}") + entry + "}\n", encoding="utf-8")


def add_writer(copy):
    """A file and its name in a table."""
    section = CONTRIBUTING.split("## Add a writer")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (names,) = re.findall(r"```\n(WRITERS = .*?)\n```", section)
    writers = copy / "lm" / "writers"
    (writers / "plain_writer.py").write_text(code, encoding="utf-8")
    table = (writers / "__init__.py").read_text(encoding="utf-8")
    (writers / "__init__.py").write_text(re.sub(r"(?m)^WRITERS = .*$", names, table), encoding="utf-8")


def _put_before(path, mark, text):
    """Put `text` before the first line that begins with `mark`."""
    before, after = path.read_text(encoding="utf-8").split(f"\n{mark}", 1)
    path.write_text(f"{before}\n{text}{mark}{after}", encoding="utf-8")


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """The folder of the copy, and its run's folder."""
    folder = tmp_path_factory.mktemp("extended")
    copy = copied_package(folder)
    for add in (add_experiment, add_arm, add_writer):
        add(copy)
    return folder, toy_run_of_copy(folder, "--set", "writer=plain")


@pytest.mark.slow
def test_a_new_experiment_is_one_file_and_two_lines(extended):
    folder, run = extended
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
    try:
        (run / "results.json").write_text(json.dumps(damaged))
        run_copy(folder, "report", str(run), timeout=120)
        assert "not judged (older run)" in (run / "report.html").read_text(encoding="utf-8")
    finally:
        (run / "results.json").write_text(record)
        (run / "report.html").write_text(page)


@pytest.mark.slow
def test_a_new_control_arm_is_two_files(extended):
    _, run = extended
    steering = json.loads((run / "results.json").read_text(encoding="utf-8"))["experiments"]["steering"]
    arm = next(row for row in steering["arms"] if row["arm"] == "baseline")
    (effect,) = [row["nats"] for row in steering["controls"] if row["kind"] == "baseline"]
    assert arm["vectors"] == 1 and arm["mean_nats"] == pytest.approx(effect)
    assert "The mean of the neutral texts" in (run / "report.html").read_text(encoding="utf-8")
    table = pl.read_parquet(run / "steering.parquet").filter(pl.col("kind") == "baseline")
    assert len(table) > 0 and table["strength"].unique().to_list() == [steering["strength"]]


@pytest.mark.slow
def test_a_new_writer_is_two_files(extended):
    _, run = extended
    stories = pl.read_parquet(run / "stories.parquet")
    assert stories["kept"].sum() > 0 and set(stories["writer"].str.slice(0, 24)) == {"generate of transformers"}
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["settings"]["writer"] == "plain"


def test_every_arm_of_the_table_has_its_directions():
    assert tuple(DIRECTIONS) == CONTROLS


def test_every_writer_of_the_table_has_its_kind_and_is_a_setting():
    assert all(isinstance(kind_of(name), WriterKind) for name in WRITERS)
    assert [change(toy(), writer=name).writer for name in ("auto", *WRITERS)] == ["auto", *WRITERS]
    with pytest.raises(UserError, match="'auto', 'transformers', 'openvino', 'vllm' or 'server'"):
        change(toy(), writer="llama.cpp")


def test_a_changed_model_is_written_by_none_that_reads_its_files(monkeypatch):
    for name in ("vllm", "openvino"):
        monkeypatch.setattr(f"emotion_vectors.lm.writers.{name}_writer.is_installed", lambda: True)
    assert choose_writer("auto", ModelFacts(None, {}, "cuda")) == "vllm"
    assert choose_writer("auto", ModelFacts(None, {}, "cuda", is_changed=True)) == "transformers"
    for name in WRITERS:
        if name in ("vllm", "openvino"):
            with pytest.raises(UserError, match=f"{name} reads the model's files"):
                choose_writer(name, ModelFacts(None, {}, "cpu", is_changed=True))
        else:
            assert choose_writer(name, ModelFacts(None, {}, "cpu", is_changed=True)) == name
