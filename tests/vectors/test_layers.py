"""Layers as a user writes them: one syntax and one message wherever they are given."""

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.exports.writing import export_vectors
from emotion_vectors.vectors.layers import parse_layers
from vectors.worlds import make_vectors


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("10-14", [10, 11, 12, 13, 14]), ("10,12", [10, 12]), ("10-11, 20", [10, 11, 20]), ("20,1-2,2", [1, 2, 20]), (" 3 - 4 ", [3, 4]),
        ("0", [0]), ("all", list(range(30))), (" all ", list(range(30))), ("29-29", [29]),
    ],
)  # fmt: skip
def test_what_layers_mean(text, layers):
    assert parse_layers(text, 30) == layers


def test_all_are_those_that_have_vectors():
    assert parse_layers("all", 30, (4, 5)) == [4, 5] and parse_layers("6", 30, (4, 5)) == [6]


@pytest.mark.parametrize(
    "text", ["", "two", "-1", "1-", "-", "1--2", "1,,2", "1;2", "1.5", "every", "1-2-3", "all,1", "99999"]
)
def test_what_is_no_list_of_layers(text):
    with pytest.raises(UserError, match=r"not a list of layers; write for example --layers 10-14,20 or all\."):
        parse_layers(text, 30)


@pytest.mark.parametrize(
    ("text", "which"), [("30", "is no layer 30"), ("3-1", "are no layers 3-1"), ("2,28-30", "are no layers 28-30")]
)
def test_layers_that_are_not_there(text, which):
    with pytest.raises(UserError, match=f"There {which}; layers go from 0 to 29"):
        parse_layers(text, 30)


def test_an_export_and_the_command_steer_read_them_alike(tmp_path):
    from cli.test_steer import call

    make_vectors().save(file := tmp_path / "some.safetensors")
    [made] = export_vectors(file, "npz", tmp_path / "made.npz", layers="0-1,3")
    assert np.load(made)["layers"].tolist() == [0, 1, 3]
    shown = call(
        str(file), "Hello.", "--emotion", "calm=0.1", "--layers", "0-1,3", "--model", "toy", "--max-tokens", "2"
    )
    assert "layers 0, 1, 3, all tokens" in shown
    for mistake in (lambda: call(str(file), "Hello.", "--emotion", "calm=0.1", "--layers", "2-9"),
                    lambda: export_vectors(file, "npz", tmp_path / "other.npz", layers="2-9")):  # fmt: skip
        with pytest.raises(UserError, match=r"^There are no layers 2-9; layers go from 0 to 3\.$"):
            mistake()
