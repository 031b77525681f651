"""Stages count their units and seconds, and say how far they are where there is no terminal."""

import pytest

from emotion_vectors.progress import Reporter


def test_a_stage_counts_what_is_done_and_a_quiet_one_says_nothing(capsys):
    with Reporter(quiet=True).stage("Reading", 10, "texts") as stage:
        stage.advance(3)
        stage.advance()
    assert stage.units == 4 and stage.seconds > 0
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_it_says_a_line_when_it_is_time_and_one_at_the_end(capsys):
    with Reporter(every=0).stage("Reading", 10, "texts", done=2) as stage:
        stage.advance(4)
    said = capsys.readouterr().err
    assert "Reading: 6 of 10 texts" in said and "s left" in said and "Reading: 6 texts in" in said
    with Reporter(every=1e6).stage("Reading", 10, "texts") as stage:
        stage.advance(4)
    assert "left" not in capsys.readouterr().err


def test_what_a_stage_raises_comes_through():
    with pytest.raises(KeyboardInterrupt), Reporter(every=1e6).stage("Reading", 10, "texts"):
        raise KeyboardInterrupt
