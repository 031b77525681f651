"""Names and numbers as users write them, in every command by the same reader."""

import pytest

from emotion_vectors import UserError
from emotion_vectors.vectors.named import parse_names, parse_numbers


def test_names_and_numbers_are_read_in_their_order():
    assert parse_names(" calm, on edge,,calm ") == ("calm", "on edge")
    assert list(parse_numbers(["on edge = -0.5", "calm=1e-1"]).items()) == [("on edge", -0.5), ("calm", 0.1)]
    assert parse_numbers(["calm", "angry=-2"], bare=1.0) == {"calm": 1.0, "angry": -2.0}
    assert parse_numbers([]) == {}


@pytest.mark.parametrize("given", ["calm", "calm=", "=1", "calm=much", "calm=nan", "calm=inf", "calm=1=2", ""])
def test_what_has_no_form_is_told_with_an_example_that_works(given):
    with pytest.raises(UserError, match="not have the form name=number; write for example -M steer=calm=") as told:
        parse_numbers([given], "-M steer=", example="calm=0.1")
    example = str(told.value).rpartition("-M steer=")[2].rstrip(".")
    assert parse_numbers([example]) == {"calm": 0.1}


@pytest.mark.parametrize("given", ["", " , ", ","])
def test_no_name_at_all_is_told(given):
    with pytest.raises(UserError, match="names nothing; write for example --emotions calm,angry"):
        parse_names(given)


def test_a_name_given_twice_is_told():
    with pytest.raises(UserError, match="'calm' is given twice"):
        parse_numbers(["calm=1", "calm=2"])
