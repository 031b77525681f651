"""Sentences of a `UserError` are one printable line, and short."""

import pytest

from emotion_vectors.errors import LONGEST, UserError, first_line, nearest


def test_what_a_stranger_wrote_reaches_no_terminal_as_a_command():
    said = str(UserError("The file \x1b[31mred\x07 has\nlines and \u202eturned text."))
    assert said.isprintable() and "\\x1b[31mred\\x07 has lines" in said and "\\u202e" in said


def test_a_long_sentence_keeps_its_beginning_and_its_end():
    said = str(UserError("begin " + "x" * 10_000 + " end"))
    assert len(said) < LONGEST + 10 and said.startswith("begin ") and said.endswith(" end")


def test_an_error_without_words_is_called_by_its_type():
    assert first_line(ValueError()) == "ValueError"
    assert first_line(OSError("No such file.\nmore")) == "No such file"


@pytest.mark.parametrize(
    ("name", "said"), [("hapy", "did you mean 'happy'?"), ("xyz", "choose one of happy, sad.")], ids=["near", "far"]
)
def test_the_nearest_name_is_offered(name, said):
    assert nearest(name, ["happy", "sad"]) == said
