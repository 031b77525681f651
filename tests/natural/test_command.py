"""Mistakes are one sentence, and somebody else's folder is left alone."""

import pytest

from emotion_vectors.errors import UserError
from natural.jobs import lines, run


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--emotions", "clam"], "did you mean 'calm'"),
        (["--layer", "9"], "no layer 9"),
        (["--text-column", "body"], "it has no body"),
        (["--norms", "nowhere.csv"], "Can't read the norms"),
        (["--stimuli", "nowhere"], "nowhere"),
        (["--window", "100000"], "can read at once"),
        (["--model", "/nowhere"], "not a model folder"),
    ],
)
def test_mistakes_are_one_sentence(folder, tmp_path, words, sentence):
    done = run(folder, lines(tmp_path / "a.jsonl", ["Rest"]), *words, "--out", tmp_path / "out")
    assert isinstance(done.exception, UserError) and sentence in str(done.exception) and "\n" not in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_somebody_elses_folder_is_left_alone(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    path = lines(tmp_path / "a.jsonl", ["Rest"])
    done = run(folder, path, "--out", tmp_path / "out")
    assert isinstance(done.exception, UserError) and "choose another --out" in str(done.exception)
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["mine.txt"]
    assert "is a file" in str(run(folder, path, "--out", path).exception)
