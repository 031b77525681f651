"""Toy runs and what they are compared with."""

import shutil

import pytest

from emotion_vectors.cli import main
from emotion_vectors.comparing import open_compared
from emotion_vectors.comparing.pairs import compare_pair
from emotion_vectors.store.atomic import read_json, write_json

ATTACK = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'


def altered(run, path, vectors=None, **record):
    """A copy of a run, with other vectors or other parts of its record."""
    path.mkdir(parents=True)
    for name in ("results.json", "run.json", "vectors.safetensors"):
        shutil.copy(run / name, path / name)
    if vectors is not None:
        vectors.save(path / "vectors.safetensors")
    write_json(path / "results.json", read_json(path / "results.json") | record)
    return path


def pair(toy_run, other):
    return compare_pair(*open_compared([toy_run[0], other]), 200, 0)


def called(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["emotion-vectors", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0, capsys.readouterr()
