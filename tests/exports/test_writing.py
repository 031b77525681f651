"""Each export is read back by the other side's own reader or, where that can't be installed here, by its documented form."""

import pytest
from typer.testing import CliRunner
from vectors.worlds import agreeing

from emotion_vectors.cli import app
from emotion_vectors.errors import UserError
from emotion_vectors.exports import export_vectors
from emotion_vectors.vectors.file import EmotionVectors
from exports.worlds import some_vectors


@pytest.mark.parametrize("format", ["safetensors", "npz", "gguf", "steering-vectors", "lm-eval"])
def test_no_file_is_written_over_unless_told(saved, tmp_path, format):
    out = tmp_path / "out"
    words = ["export", str(saved), "--format", format, "--out", str(out)]
    assert CliRunner().invoke(app, words).exit_code == 0
    files = sorted(out.iterdir())
    files[-1].write_bytes(b"mine")
    for file in files[:-1]:
        file.unlink()
    again = CliRunner().invoke(app, words)
    assert isinstance(again.exception, UserError) and "--overwrite" in str(again.exception)
    assert sorted(out.iterdir()) == [files[-1]] and files[-1].read_bytes() == b"mine"
    assert CliRunner().invoke(app, [*words, "--overwrite"]).exit_code == 0
    assert sorted(out.iterdir()) == files and files[-1].read_bytes() != b"mine"


def test_safetensors_is_our_file_with_fewer_emotions(saved, tmp_path):
    [path] = export_vectors(saved, "safetensors", tmp_path / "some.safetensors", emotions=["angry", "calm"])
    found, vectors = EmotionVectors.load(path), some_vectors()
    assert found.emotions == ("angry", "calm") and found.header["stories"] == [4, 2]
    assert found.header["neutral_components"] == [1] * 4
    assert (found.raw == vectors.raw[:, [2, 0]]).all() and (found.embedding == vectors.embedding[[2, 0]]).all()
    [whole] = export_vectors(saved, "safetensors", tmp_path / "all.safetensors")
    assert EmotionVectors.load(whole).header == vectors.header


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "onnx"}, "no format 'onnx'"),
        ({"format": "gguf", "mix": {"clam": 1}}, "did you mean 'calm'"),
        ({"format": "gguf", "emotions": ["calm", "calm"]}, "twice"),
        ({"format": "gguf", "emotions": ["calm"], "mix": {"calm": 1}}, "give one of the two"),
        ({"format": "gguf", "layers": "9"}, "layers go from 0 to 3"),
        ({"format": "gguf", "layers": "2-1"}, "layers go from 0 to 3"),
        ({"format": "gguf", "layers": "two"}, "not a list of layers"),
        ({"format": "gguf", "strength": 0.0}, "other than 0"),
        ({"format": "gguf", "strength": float("nan")}, "other than 0"),
        ({"format": "gguf", "mix": {"calm": 0.0}}, "is zero at layer 2"),
        ({"format": "gguf", "out": "all.gguf"}, "don't go into one .gguf file"),
        ({"format": "npz", "mix": {"calm": 1}}, "formats that steer"),
        ({"format": "safetensors", "layers": "1"}, "always contains all layers"),
        ({"format": "huggingface"}, "no results.json"),
        ({"format": "gguf", "out": "vectors.safetensors"}, "is a file"),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_no_file(saved, tmp_path, options, says):
    options = dict(options)
    out = tmp_path / options.pop("out", "out")
    with pytest.raises(UserError, match=says) as caught:
        export_vectors(saved, options.pop("format"), out, **options)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [saved]


@pytest.mark.parametrize(("r", "said"), [(None, "not measured"), (0.03, "mostly noise"), (0.6, "")])
def test_the_command_says_where_the_vectors_are_noise(tmp_path, r, said):
    file = tmp_path / "some.safetensors"
    (some_vectors() if r is None else agreeing(some_vectors(), r)).save(file)
    done = CliRunner().invoke(app, ["export", str(file), "--format", "gguf", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert said in done.stderr and bool(said) == bool(done.stderr)
