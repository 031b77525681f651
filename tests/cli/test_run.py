"""Options of a run that can't be, and places that can't be written."""

import sys
from importlib.resources import files

import pytest

from cli.calls import refused
from emotion_vectors import cli

OURS = files("emotion_vectors.stimuli") / "data" / "ours"


PACK_FILES = sorted(entry.name for entry in OURS.iterdir() if entry.name.endswith(".json"))


@pytest.mark.parametrize("name", PACK_FILES)
@pytest.mark.parametrize("damage", ["empty", "wrong type"])
def test_a_malformed_pack_is_refused_before_anything_is_made(name, damage, tmp_path, monkeypatch, capsys):
    """In this process, because starting Python 26 times would take minutes; the exit code is that of `main`."""

    pack = tmp_path / "pack"
    pack.mkdir()
    for entry in OURS.iterdir():
        if entry.name.endswith(".json"):
            (pack / entry.name).write_bytes(entry.read_bytes())
    (pack / name).write_text("" if damage == "empty" else "42")
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "emotion-vectors",
            "run",
            "--preset",
            "toy",
            "--quiet",
            "--stimuli",
            str(pack),
            "--out",
            str(tmp_path / "run"),
        ],
    )
    with pytest.raises(SystemExit) as left:
        cli.main()
    error = capsys.readouterr().err
    assert left.value.code == 2 and error.count("Error: ") == 1 and name in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--preset", "dmo"], "demo"), (["--set", "topcis=3"], "topics"), (["--set", "topics"], "name=value"),
        (["--device", "gpu"], "device"), (["--device", "cuda"], "CUDA"), (["--stimuli", "nowhere"], "nowhere"),
        (["--set", "topics=100", "--set", "emotions=3"], "emotions"), (["--layer", "99"], "layer 99"),
    ],
)  # fmt: skip
def test_bad_options_are_refused(arguments, says, tmp_path, call):
    if says == "CUDA":
        import torch

        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU")
    preset = [] if "--preset" in arguments else ["--preset", "toy"]
    refused(call("run", *preset, "--out", tmp_path / "run", "--quiet", *arguments), says)


def test_an_unwritable_place_is_refused(tmp_path, call):
    (tmp_path / "file").write_text("x")
    refused(call("run", "--preset", "toy", "--out", tmp_path / "file" / "run", "--quiet"), "Can't write")
    refused(call("run", "--preset", "toy", "--out", tmp_path / "file", "--quiet"), "is a file")
