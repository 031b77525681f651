"""Folders that can't be compared are refused in a sentence."""

import pytest

from comparing.folders import altered, called, pair
from emotion_vectors.comparing import compare_runs
from emotion_vectors.errors import UserError

ATTACK = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'


def test_what_cannot_be_compared_says_why(toy_run, others):
    found = pair(toy_run, others["foreign"])
    assert found["vectors"] is None and "different models" in found["vectors_reason"]
    assert found["geometry"]["r"] == pytest.approx(1) and found["differ"] == ["model"]
    found = pair(toy_run, others["few"])
    assert found["vectors"] is None is found["geometry"] and "3 emotions in common" in found["geometry_reason"]


def test_wrong_folders_are_refused_in_a_sentence(toy_run, others, tmp_path, monkeypatch, capsys):
    folder = toy_run[0]
    for paths, says in (
        ([folder], "two runs or more"),
        ([folder, folder], "is given twice"),
        ([folder, tmp_path], "has no results.json"),
    ):
        code, told = called(monkeypatch, capsys, "compare", *paths, "--out", tmp_path / "no")
        assert code == 2 and says in told.err and not (tmp_path / "no").exists()
    damaged = altered(folder, tmp_path / "damaged", experiments={})
    with pytest.raises(UserError, match=r"damaged.results.json is damaged: it has no preferences"):
        compare_runs([folder, damaged], tmp_path / "no")
    impossible = altered(folder, tmp_path / "impossible", verdicts={"pass": "many"})
    with pytest.raises(UserError, match=r"impossible.results.json is damaged.*verdicts.pass can't be right"):
        compare_runs([folder, impossible], tmp_path / "no")
    assert not (tmp_path / "no").exists()
