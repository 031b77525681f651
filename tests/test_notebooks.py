"""The notebooks run from the first cell to the last on the toy run, and show what the report and the library say.

Their cells' source is executed in order in one namespace; no kernel is needed.
"""

import json
import math

import pytest
from test_docs import ROOT

from emotion_vectors.experiments.correlation.figures import bar_rows
from emotion_vectors.record import parse
from emotion_vectors.report.topic import parts_of
from emotion_vectors.topics import TOPICS

FOLDER = ROOT / "notebooks"
RUN = 'RUN = "../runs/demo"'


def load(name):
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))


def execute(name, run):
    """The namespace after the last cell, with the run's folder in place of the one in the first cell."""
    sources = ["".join(cell["source"]) for cell in load(name)["cells"] if cell["cell_type"] == "code"]
    assert sources[0] == RUN
    space = {}
    for number, source in enumerate([f"RUN = {str(run)!r}", *sources[1:]]):
        exec(compile(source, f"code cell {number} of {name}.ipynb", "exec"), space)
    return space


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path):
    book = load(path.stem)
    assert book["nbformat"] == 4 and len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    for cell in book["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"] == [] and cell["execution_count"] is None)


def test_reading_and_steering(toy_run, capsys):
    space = execute("read_and_steer", toy_run[0])
    shown = capsys.readouterr().out
    assert "4 layers, analysis layer 2" in shown
    assert "mostly noise" in shown and space["own"]["reliability"].to_list() == list(space["vectors"].reliability.r)
    tokens, reading = space["tokens"], space["reading"]
    for row in tokens.iter_rows(named=True):
        column = reading.emotions.index(row["emotion"])
        assert row["token"] == reading.tokens[row["place"]]
        assert row["cosine"] == reading.centred[row["place"], column, 0]
    assert len(tokens) == 2 * len(reading.tokens)
    assert space["by_token"].to_dict()["mark"]["type"] == "line"
    assert len(set(space["answers"].values())) == 3, "steering changes the answer of the toy"
    assert "calm" not in space["neighbours"]["emotion"] and len(space["strongest"]) == 10


def test_the_figure_is_that_of_the_report(toy_run, capsys):
    run, record = toy_run
    space = execute("figure_from_a_record", run)
    assert record["vectors"]["caution"] in capsys.readouterr().out
    drawn = space["emotions"].select("emotion", "valence", "r", "low", "high").to_dicts()
    for ours, theirs in zip(drawn, bar_rows(parse(record, parts_of(TOPICS))), strict=True):
        assert ours["emotion"] == theirs["emotion"] and ours["valence"] == theirs["valence"]
        assert all(math.isclose(ours[key], theirs[key]) for key in ("r", "low", "high"))
    layers = space["figure"].to_dict()["layer"]
    assert [layer["mark"]["type"] for layer in layers] == ["bar", "rule", "rule"]
    assert layers[0]["encoding"]["x"]["sort"] == [row["emotion"] for row in drawn]
