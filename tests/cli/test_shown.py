"""What verbs print reaches a terminal as text, and failed checks are explained."""

import pytest

from emotion_vectors.cli.shown import plain_text, print_checks
from emotion_vectors.doctor.check import Check


@pytest.mark.parametrize("unsafe", ["\x1b[31m", "\x07", "\x9b2J", "\u202e", "\u2066", "\x7f"], ids=ascii)
def test_nothing_that_a_terminal_obeys_is_left(unsafe):
    shown = plain_text(f"a{unsafe}b")
    assert shown.isprintable() and shown.startswith("a\\") and shown.endswith("b")


def test_ordinary_text_stays_as_it_is():
    text = "Tabs\tand\nlines, ä, 日本, 🙂 and a non-breaking\u00a0space"
    assert plain_text(text) == text


def test_only_failed_checks_are_explained(capsys):
    good = Check("hooks", "Hooks fire", 4, 4, True, "stop", "All fire.")
    bad = Check("spans", "Spans decode", 1, 3, False, "stop", "One [bold]does not[/bold].")
    warned = Check("spread", "Spread", 0.1, 0.5, False, "warn", "Small.")
    print_checks([good, bad, warned])
    said = capsys.readouterr().out
    assert "spans: One [bold]does not[/bold]." in said and "spread: Small." in said and "All fire." not in said
    assert said.count("passed") == said.count("failed") == said.count("warning") == 1
