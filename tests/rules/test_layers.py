"""The rules of the house that a machine can check: imports go one way, files stay small, nothing pickles."""

import ast
import re
from pathlib import Path

import pytest

import emotion_vectors

ROOT = Path(emotion_vectors.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
# What each part may import of the package, beside itself, errors and progress.
ALLOWED = {
    "stats": set(),
    "store": set(),
    "record": {"store"},
    "stimuli": {"store"},  # packs at addresses
    "scale": {"store"},
    "planted": {"stimuli"},
    # models built here; the toy's tokenizer learns the pack's words; startup: a command has started when a model is loaded
    "lm": {"stimuli", "store", "planted", "startup"},
    "corpus": {"lm", "stimuli", "store", "settings", "scale"},
    "vectors": {"corpus", "lm", "store"},  # corpus: the neutral texts of ours
    "exports": {"lm", "vectors", "stimuli", "store", "record"},
    "transcripts": {"lm", "vectors", "store"},
    # corpus: words that name an emotion; stats, stimuli: the lexicon beside the readings; report: the look of its page
    "natural": {"lm", "vectors", "transcripts", "corpus", "stats", "stimuli", "record", "report", "store"},
    "inspecting": {"lm", "transcripts", "vectors"},
    "experiments": {"lm", "vectors", "stats", "stimuli", "record", "report"},  # report: what a topic is made of
    "doctor": {"lm", "vectors", "stats", "stimuli", "experiments", "scale"},
    "report": {"store", "stats", "record"},
    # report: only its wording, labels of points and what a topic is; experiments, topics: what its tabs show of the record; stimuli: the human ratings on the map
    "explorer": {"lm", "vectors", "report", "record", "experiments", "topics", "store", "stimuli"},
    "bench": {
        "stages",
        "lab",
        "scale",
        "lm",
        "corpus",
        "vectors",
        "stats",
        "stimuli",
        "store",
        "settings",
        "__version__",
    },
    "comparing": {"pipeline", "settings", "vectors", "stats", "store", "report", "record", "experiments"},
    "upkeep": {"stages", "bench", "lm", "corpus", "vectors", "stats", "stimuli", "store", "settings"},
    "stages": {
        "report",  # what an experiment is handed
        "record",
        "topics",
        "doctor",
        "lab",
        "scale",
        "lm",
        "corpus",
        "vectors",
        "experiments",
        "stats",
        "stimuli",
        "store",
        "settings",
        "__version__",
    },
}


def imported(path):
    """Parts of the package that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("emotion_vectors"):
            rest = node.module.split(".")[1:]
            names |= {rest[0]} if rest else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("emotion_vectors.")}
    return names


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_go_one_way(part):
    for path in (ROOT / part).rglob("*.py"):
        extra = imported(path) - ALLOWED[part] - {part, "errors", "progress"}
        assert not extra, f"{path.relative_to(ROOT)} imports {sorted(extra)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_small_documented_and_free_of_pickle(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module needs a docstring"
    assert len(text.splitlines()) <= 300
    assert "pickle" not in imported_modules(tree) and not re.search(r"\btorch\.load\(", text)
    assert path.stem not in ("utils", "helpers", "misc")


def imported_modules(tree):
    return {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
