"""Execute the notebooks on the runs that their first cells name, and keep what they show.

`python tools/notebooks.py` makes the runs that aren't in runs/, executes every notebook and writes its outputs into the file. The tests
do the same in an empty folder and compare: in the printed text and the pictures (SVG) all words must be the same and all numbers
within `TOLERANCE`. Cells tagged `model-dependent` show what a model writes, where another machine's rounding may choose another word.
"""

from __future__ import annotations

import argparse
import math
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from emotion_vectors.cli import app

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
COMMAND = re.compile(r"^emotion-vectors (run .+)$", re.MULTILINE)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
SPACING = re.compile(r"[\s─│┌┐└┘├┤┬┴┼═╞╡╪╌┆]+")  # the width of a table's columns follows its numbers
TOLERANCE = 0.01  # of 1, or of the number where that is larger
SVG, TEXT = "image/svg+xml", "text/plain"
PATIENCE = 900  # seconds for a cell
WRITTEN = "model-dependent"


class Shown(NamedTuple):
    """One output of a cell: its type and its text."""

    kind: str
    text: str


def load(path: Path) -> NotebookNode:
    """The notebook in a file."""
    return nbformat.read(path, as_version=4)


def code(book: NotebookNode) -> list[NotebookNode]:
    """The code cells of a notebook, the first of which says where the run is."""
    return [cell for cell in book.cells if cell.cell_type == "code"]


def command(book: NotebookNode) -> list[str]:
    """The words of the command, after `emotion-vectors`, that makes the notebook's run."""
    [found] = COMMAND.findall(book.cells[0].source)
    return shlex.split(found)


def make_run(book: NotebookNode, folder: Path) -> Path:
    """The notebook's run in `folder`, made by its own command if it isn't finished there."""
    words = command(book)
    place = words.index("--out") + 1
    out = folder / Path(words[place]).name
    app([*words[:place], str(out), *words[place + 1 :], "--quiet"], standalone_mode=False)
    return out


def execute(book: NotebookNode, run: Path) -> NotebookNode:
    """A copy of the notebook with the outputs of this very moment, executed in a kernel of this Python on `run`."""
    fresh = nbformat.from_dict(book)
    first = code(fresh)[0]
    source, first.source = first.source, f"RUN = {str(run.resolve())!r}"
    NotebookClient(
        fresh, timeout=PATIENCE, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    first.source = source
    for cell in fresh.cells:
        cell.metadata.pop("execution", None)  # the time of day
        if cell.cell_type == "code":
            # What libraries say on the standard error depends on what is installed.
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if SVG in output.get("data", {}):
                    output.data = nbformat.from_dict({SVG: output.data[SVG]})
    fresh.metadata.language_info = nbformat.from_dict({"name": "python"})
    return fresh


def shown(cell: NotebookNode) -> list[Shown]:
    """What a cell shows: printed lines, pictures, and the text of anything else."""
    found = []
    for output in cell.outputs:
        if output.output_type == "stream":
            found.append(Shown(output.name, output.text))
        elif output.output_type in ("execute_result", "display_data"):
            kind = SVG if SVG in output.data else TEXT
            found.append(Shown(kind, output.data[kind]))
        else:
            found.append(Shown("error", output.evalue))
    return found


def difference(stored: Shown, fresh: Shown) -> str:
    """The first place where two outputs differ by more than their numbers' tolerance; "" where there is none."""
    if stored.kind != fresh.kind:
        return f"{stored.kind} and {fresh.kind}"
    words = [SPACING.sub(" ", " ".join(NUMBER.split(one.text))).split() for one in (stored, fresh)]
    for ours, theirs in zip(*words, strict=False):
        if ours != theirs:
            return f"{ours!r} and {theirs!r}"
    numbers = [NUMBER.findall(one.text) for one in (stored, fresh)]
    if len(words[0]) != len(words[1]) or len(numbers[0]) != len(numbers[1]):
        return "one is longer"
    for ours, theirs in zip(*numbers, strict=True):
        exact = stored.kind != SVG and ours.lstrip("-").isdigit() and theirs.lstrip("-").isdigit()
        close = (
            ours == theirs if exact else math.isclose(float(ours), float(theirs), rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        )
        if not close:
            return f"{ours} and {theirs}"
    return ""


def differences(stored: NotebookNode, fresh: NotebookNode) -> list[str]:
    """Where a notebook's outputs aren't those of `fresh`: the cell and the first difference in it."""
    found = []
    for old, new in zip(code(stored), code(fresh), strict=True):
        ours, theirs = shown(old), shown(new)
        if [one.kind for one in ours] != [one.kind for one in theirs]:
            found.append(f"{old.id}: other outputs, {[one.kind for one in ours]} and {[one.kind for one in theirs]}")
        elif WRITTEN not in old.metadata.get("tags", ()):
            apart = [difference(*both) for both in zip(ours, theirs, strict=True)]
            found += [f"{old.id}: {one}" for one in apart if one]
    return found


def main() -> None:
    """Renew the outputs of the notebooks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="notebooks without .ipynb; all if none is given")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where the runs are or go")
    asked = parser.parse_args()
    for path in sorted(FOLDER.glob("*.ipynb")):
        if not asked.names or path.stem in asked.names:
            book = load(path)
            nbformat.write(execute(book, make_run(book, asked.runs)), path)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
