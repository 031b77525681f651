"""What a long stage prints where there is no terminal: lines with a rate and the time left, once both mean something."""

import pytest

from emotion_vectors import progress
from emotion_vectors.progress import Reporter


@pytest.fixture
def printed(monkeypatch):
    """Runs a stage of 100 texts whose texts are done at these seconds of a clock of its own; the lines that it prints."""

    def run(moments, every=15.0):
        clock, lines = [0.0], []
        monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
        monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: False, raising=False)
        reporter = progress.Reporter(every=every)
        monkeypatch.setattr(reporter, "say", lines.append)
        with reporter.stage("Reading", 100, "texts") as stage:
            stage.started = 0.0
            for moment in moments:
                clock[0] = moment
                stage.advance(1)
        return lines

    return run


def test_a_late_first_text_gives_no_time_left(printed):
    # The model takes 60 s to start; then a text takes a tenth of a second.
    lines = printed([60 + 0.1 * i for i in range(100)])
    assert lines[0] == "Reading: 1 of 100 texts"
    assert all("left" not in line for line in lines)


def test_the_rate_leaves_the_start_out(printed):
    # 60 s to start, then a text every two seconds: a rate that counted the start would say 9 s a text.
    lines = printed([60 + 2 * i for i in range(100)])
    assert lines[0] == "Reading: 1 of 100 texts"
    assert lines[1] == "Reading: 9 of 100 texts, 0.5/s, 182 s left"


def test_without_a_late_start_the_first_line_has_the_time_left(printed):
    lines = printed([0.5 * (i + 1) for i in range(100)])
    assert lines[0] == "Reading: 30 of 100 texts, 2.0/s, 35 s left"
    assert lines[-1] == "Reading: 100 texts in 50 s"


def test_a_stage_counts_what_is_done_and_a_quiet_one_says_nothing(capsys):
    with Reporter(quiet=True).stage("Reading", 10, "texts") as stage:
        stage.advance(3)
        stage.advance()
    assert stage.units == 4 and stage.seconds > 0
    assert capsys.readouterr() == ("", "")


def test_what_a_stage_raises_comes_through():
    with pytest.raises(KeyboardInterrupt), Reporter(every=1e6).stage("Reading", 10, "texts"):
        raise KeyboardInterrupt
