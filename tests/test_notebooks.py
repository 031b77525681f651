"""The notebooks show what a fresh run shows, and on the toy run what the report and the library say.

On the toy run their cells' source is executed in order in one namespace; no kernel is needed.
"""

import math

import numpy as np
import pytest

from emotion_vectors.experiments.correlation.figures import bar_rows
from emotion_vectors.record import parse
from emotion_vectors.report.topic import parts_of
from emotion_vectors.topics import TOPICS

notebooks = pytest.importorskip(
    "notebooks", reason="needs nbclient: pip install 'emotion-vectors[dev]'", exc_type=ImportError
)
FOLDER, SVG, Shown = notebooks.FOLDER, notebooks.SVG, notebooks.Shown
BOOKS = sorted(FOLDER.glob("*.ipynb"))


def execute(name, run):
    """The namespace after the last cell, with the run's folder in place of the one in the first cell."""
    book = notebooks.load(FOLDER / f"{name}.ipynb")
    sources = [cell.source for cell in notebooks.code(book)]
    words = notebooks.command(book)
    assert sources[0] == f'RUN = "../{words[words.index("--out") + 1]}"'
    space = {}
    for number, source in enumerate([f"RUN = {str(run)!r}", *sources[1:]]):
        exec(compile(source, f"code cell {number} of {name}.ipynb", "exec"), space)
    return space


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_with_small_outputs(path):
    book = notebooks.load(path)
    assert book.nbformat == 4 and len({cell.id for cell in book.cells}) == len(book.cells)
    assert [cell.execution_count for cell in notebooks.code(book)] == list(range(1, len(notebooks.code(book)) + 1))
    outputs = [one for cell in notebooks.code(book) for one in notebooks.shown(cell)]
    assert len(outputs) >= 3 and SVG in [one.kind for one in outputs]
    assert not [one.text for one in outputs if one.kind in ("stderr", "error")]
    assert path.stat().st_size < 100_000 and "base64" not in path.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_outputs_are_those_of_a_fresh_run(path, of_notebook):
    """The run by the command that the notebook names, the notebook in a kernel of its own."""
    book = notebooks.load(path)
    fresh = notebooks.execute(book, of_notebook(path.stem))
    assert not notebooks.differences(book, fresh), "renew them: python tools/notebooks.py"


def test_the_comparison_sees_other_words_and_other_numbers():
    stored = Shown("stdout", "r 0.42, p = 0.0005, 3 of 20, shape (8,)")
    same = Shown("stdout", "r   0.424, p = 0.0009,  3 of 20, shape (8,)")
    assert not notebooks.difference(stored, same) and not notebooks.difference(stored, stored)
    for text in ("r 0.45, p = 0.0005, 3 of 20, shape (8,)", "r 0.42, p = 0.0005, 4 of 20, shape (8,)",
                 "r -0.42, p = 0.0005, 3 of 20, shape (8,)", "r 0.42, q = 0.0005, 3 of 20, shape (8,)", "r 0.42"):  # fmt: skip
        assert notebooks.difference(stored, Shown("stdout", text)), text
    drawn = '<path d="M0,10L20,200"/>'
    assert not notebooks.difference(Shown(SVG, drawn), Shown(SVG, drawn.replace("200", "201")))
    assert notebooks.difference(Shown(SVG, drawn), Shown(SVG, drawn.replace("200", "210")))
    book = notebooks.load(BOOKS[0])
    other = notebooks.load(BOOKS[0])
    cell = next(cell for cell in notebooks.code(other) if notebooks.shown(cell))
    cell.outputs[0].text = cell.outputs[0].text.replace("a", "o")
    assert [one.partition(":")[0] for one in notebooks.differences(book, other)] == [cell.id]


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
    record = toy_run[1]["experiments"]["scenarios"]["retrieval"]["centred"]["mean_rank"]
    assert np.isclose(space["rank"], record["value"]) and np.isclose(space["chance"].mean(), record["null"], rtol=0.02)
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
