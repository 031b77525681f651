"""Tests lie where their module lies: src/emotion_vectors/a/b.py has tests/a/test_b.py, which looks at what b.py has."""

import ast
from functools import cache
from pathlib import Path

import emotion_vectors

SOURCE, TESTS = Path(emotion_vectors.__file__).parent, Path(__file__).parents[1]
LEAST = 0.8  # share of the modules


def defined(path):
    """Names of the functions, classes and constants of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return names | {name.id for node in tree.body for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}  # fmt: skip


def does_something(path):
    """Whether a file has a function: what only declares fields is tested where they are filled."""
    return any(isinstance(node, ast.FunctionDef | ast.Lambda) for node in ast.walk(ast.parse(path.read_text("utf-8"))))


def named_after(path):
    """The test file of a module."""
    return TESTS / path.relative_to(SOURCE).with_name(f"test_{path.name}")


@cache
def modules():
    """The files that should have a test."""
    return [path for path in sorted(SOURCE.rglob("*.py")) if path.name != "__init__.py" and does_something(path)]


def test_most_modules_have_a_test_file_of_their_name():
    without = [str(path.relative_to(SOURCE)) for path in modules() if not named_after(path).exists()]
    assert len(without) <= (1 - LEAST) * len(modules()), (
        f"{len(without)} of {len(modules())} have none: {', '.join(without)}"
    )


def test_no_such_file_is_empty():
    mirrors = [named_after(path) for path in modules() if named_after(path).exists()]
    empty = [path for path in mirrors if not any(name.lower().startswith("test") for name in defined(path))]
    assert mirrors and empty == []
