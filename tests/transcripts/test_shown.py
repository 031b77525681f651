"""Passages on a terminal: texts can't command it, and the largest token is marked."""

import io

import pytest
from rich.console import Console

from emotion_vectors.transcripts.shown import heading, leading, listed, marked, one_line, title

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


def reading(emotions, messages=1):
    passages = [
        PASSAGE
        | {"emotion": name, "strength": float(rank), "mean_centred": rank / 10, "mean_centred_z": rank - 3.0, "mean_centred_percentile": 50.0 + rank}
        for rank, name in enumerate(emotions)
    ]  # fmt: skip
    return {"passages": passages, "counts": {"messages": messages}}


def test_of_one_message_the_highest_emotions_are_listed_by_their_rank_among_neutral_texts():
    record = reading(["low", "mid", "[b]high[/b]\x1b[2J"])
    lines = shown(listed(record, 2)).splitlines()
    assert len(lines) == 3 and lines[1].split()[0] == "[b]high[/b]\\x1b[2J" and lines[2].split()[0] == "mid"
    assert (
        lines[1].split()[1:5] == ["+0.200", "52", "%", "-1.0"]
        and "two\\x1b[31m" in lines[1]
        and "not measured" in lines[1]
    )
    # Without neutral texts the cosine decides.
    for rank, passage in enumerate(record["passages"]):
        passage.update(mean_centred_z=None, mean_centred_percentile=None, mean_centred=-rank)
    assert shown(listed(record, 1)).splitlines()[1].split()[:2] == ["low", "+0.000"]


@pytest.mark.parametrize(
    ("percentile", "says"),
    [(100.0, "over 99 %"), (99.5, "over 99 %"), (99.4, "99 %"), (0.0, "under 1 %"), (0.6, "1 %")],
)
def test_no_score_is_above_all_or_no_neutral_texts(percentile, says):
    line = shown(heading(PASSAGE | {"max_centred_percentile": percentile}, 1))
    assert f"(above {says} of neutral" in line and "100 %" not in line


def test_the_leading_emotions_are_those_of_the_strongest_passages():
    record = reading(["a", "b", "c"])
    record["passages"].append(PASSAGE | {"emotion": "a", "strength": 9.0})
    assert leading(record, 2) == ("a", "c")
