"""Passages on a terminal: texts can't command it, and the largest token is marked."""

import io

from rich.console import Console

from emotion_vectors.transcripts.shown import heading, marked, one_line, title

PASSAGE = {
    "emotion": "calm", "strength": 2.0, "source": "bad\x1b]0;title\x07.jsonl", "item": 3, "id": "[red]x[/red]", "message": 1, "role": "user\x1b[2J",
    "position": 7, "largest": 2, "tokens": ["one", " [bold]", " two\x1b[31m", "\n", "\u202eevil", "\x9b1m"], "cosines": [0.1, 0.2, 0.5, 0.0, 0.3, -0.1],
    "neutral": 0.1, "kind": "centred", "max_centred": 0.5, "max_centred_percentile": 99.2, "max_centred_z": 4.0, "mean_centred": 0.1,
    "mean_centred_percentile": None, "mean_centred_z": None, "response_centred": None, "response_centred_percentile": None,
    "response_centred_z": None, "in_sample": False, "reliability": None,
}  # fmt: skip


def shown(text):
    console = Console(file=io.StringIO(), force_terminal=False, width=400)
    console.print(text)
    return console.file.getvalue()


def test_control_characters_show_as_text():
    for text in (heading(PASSAGE, 1), marked(PASSAGE), title("a\x1b[2J[red]", 0.5)):
        plain = shown(text)
        assert all(c.isprintable() for c in plain.strip("\n")) and plain.count("\n") == 1
    assert "[bold]" in shown(marked(PASSAGE)) and "[red]x[/red]" in shown(heading(PASSAGE, 1))
    assert (
        "\\x1b[31m" in shown(marked(PASSAGE))
        and "\\u202eevil" in shown(marked(PASSAGE))
        and "\\x9b1m" in shown(marked(PASSAGE))
    )
    assert one_line("a\nb\t\x00\u200b") == "a\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}b\\t\\x00\\u200b"


def test_the_largest_token_is_in_brackets_and_ranks_are_said():
    assert "one [bold] [two\\x1b[31m]" in shown(marked(PASSAGE))
    line = shown(heading(PASSAGE, 2))
    assert line.startswith("2. ") and "item 3" in line and "message 1" in line and "token 7" in line
    assert (
        "0.500 (above 99 % of neutral, z +4.0)" in line
        and "mean of the message 0.100;" not in line
        and "response" not in line
    )
