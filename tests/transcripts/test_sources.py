"""What can be read from files, and what is refused with its place."""

import json

import polars as pl
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.transcripts import sources
from emotion_vectors.transcripts.sources import Bad, Item, read_items, survey

CHAT = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day."}]


def lines(path, *rows):
    path.write_bytes(b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows) + b"\n")
    return path


def test_the_three_formats_give_the_same_items(tmp_path):
    rows = [{"text": "One day.", "id": "a"}, {"messages": CHAT, "id": "b"}]
    as_lines = lines(tmp_path / "a.jsonl", *rows)
    (tmp_path / "a.txt").write_text("\ufeffOne day.", encoding="utf-8")
    pl.DataFrame([rows[0]]).write_parquet(tmp_path / "text.parquet")
    pl.DataFrame([rows[1]]).write_parquet(tmp_path / "chat.parquet")
    pl.DataFrame([{"messages": json.dumps(CHAT), "id": "b"}]).write_parquet(tmp_path / "json.parquet")
    wanted = [(item.id, item.content) for item in read_items([as_lines])]
    assert wanted == [("a", "One day."), ("b", CHAT)]
    assert [(i.id, i.content) for i in read_items([tmp_path / "text.parquet", tmp_path / "chat.parquet"])] == wanted
    assert [(i.id, i.content) for i in read_items([tmp_path / "json.parquet"])] == wanted[1:]
    (text,) = read_items([tmp_path / "a.txt"])
    assert (text.content, text.id, text.number, text.source) == ("One day.", None, 1, str(tmp_path / "a.txt"))


def test_lines_are_counted_with_the_empty_ones_and_rows_over_batches(tmp_path, monkeypatch):
    path = lines(tmp_path / "a.jsonl", {"text": "a"}, b"", b"  ", {"text": "b"})
    assert [item.number for item in read_items([path])] == [1, 4]
    monkeypatch.setattr(sources, "ROWS_AT_ONCE", 2)
    pl.DataFrame({"text": list("abcde")}).write_parquet(tmp_path / "a.parquet")
    assert [(item.number, item.content) for item in read_items([tmp_path / "a.parquet"])] == list(enumerate("abcde", 1))


def test_messages_without_text_are_left_out_and_parts_are_joined(tmp_path):
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    chat = [
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": parts},
        {"role": "tool", "content": " "},
    ]
    (item,) = read_items([lines(tmp_path / "a.jsonl", {"messages": chat})])
    assert item.content == [{"role": "user", "content": "ab"}] and item.places == (1,)
    assert item.empty == ((0, "assistant"), (2, "tool"))


BAD = {
    "cut off": b'{"text": "a', "no object": [1], "a number": 7, "nothing in it": {}, "both": {"text": "a", "messages": CHAT},
    "text is a number": {"text": 3}, "empty": {"text": " \n"}, "text is null": {"text": None}, "no utf-8": b'{"text": "\xff"}',
    "huge number": b'{"text": "a", "id": ' + b"9" * 5000 + b"}", "large number": {"text": "a", "id": 10**300},
    "id is a list": {"text": "a", "id": []}, "id is true": {"text": "a", "id": True}, "deep": b"[" * 100_000,
    "messages is text": {"messages": "hello"}, "messages is empty": {"messages": []}, "messages is an object": {"messages": {}},
    "message is text": {"messages": ["hello"]}, "no role": {"messages": [{"content": "a"}]},
    "role is a number": {"messages": [{"role": 1, "content": "a"}]}, "content is a number": {"messages": [{"role": "user", "content": 1}]},
    "picture": {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
    "part without text": {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
    "only empty messages": {"messages": [{"role": "user", "content": ""}]},
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_one_sentence_with_its_place_or_skipped(tmp_path, name):
    path = lines(tmp_path / "a.jsonl", {"text": "good"}, BAD[name], {"text": "good too"})
    good, bad, last = read_items([path])
    assert isinstance(good, Item) and isinstance(bad, Bad) and isinstance(last, Item)
    with pytest.raises(UserError, match=r"a\.jsonl, line 2: .*--skip-bad") as caught:
        survey([path], skip_bad=False)
    assert "\n" not in str(caught.value)
    found = survey([path], skip_bad=True)
    assert (found.texts, found.bad, len(found.first_bad)) == (2, 1, 1)


def test_too_long_a_line_is_bad_and_the_next_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_BYTES", 100)
    path = lines(tmp_path / "a.jsonl", {"text": "x" * 350}, {"text": "short"})
    bad, good = read_items([path])
    assert isinstance(bad, Bad) and isinstance(good, Item) and good.number == 2
    monkeypatch.setattr(sources, "MOST_CHARACTERS", 4)
    assert [type(item) for item in read_items([path])] == [Bad, Bad]


def test_lone_surrogates_become_replacement_characters(tmp_path):
    path = lines(tmp_path / "a.jsonl", b'{"text": "a\\ud800b \\ud83d\\ude00", "id": "\\udfff"}')
    (item,) = read_items([path])
    assert item.content == "a\ufffdb \U0001f600" and item.id == "\ufffd"


@pytest.mark.parametrize("kind", ["missing", "folder", "other", "no column", "no parquet", "nothing"])
def test_files_that_cannot_be_read_are_refused(tmp_path, kind):
    path = tmp_path / {"other": "a.csv", "no column": "a.parquet", "no parquet": "a.parquet"}.get(kind, "a.jsonl")
    if kind == "folder":
        path.mkdir()
    elif kind == "no column":
        pl.DataFrame({"words": ["a"]}).write_parquet(path)
    elif kind != "missing":
        path.write_text("" if kind == "nothing" else "no parquet")
    with pytest.raises(UserError) as caught:
        survey([path], skip_bad=True)
    assert "\n" not in str(caught.value)
