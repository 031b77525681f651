"""What can be read from files, and what is refused with its place."""

import datetime
import decimal
import json
import uuid

import polars as pl
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.transcripts import items, sources
from emotion_vectors.transcripts.items import Bad, Item
from emotion_vectors.transcripts.sources import read_items, survey

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


def test_calls_of_tools_are_kept_and_pictures_are_not_fatal(tmp_path):
    call = {"id": "c1", "type": "function", "function": {"name": "warm", "arguments": "{}"}}
    chat = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "See: "}, {"type": "image_url", "image_url": {"url": "x"}}],
        },
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "21", "tool_call_id": "c1"},
        {"role": "assistant", "content": "21 degrees.", "reasoning_content": "Easy."},
    ]
    (item,) = read_items([lines(tmp_path / "a.jsonl", {"messages": chat})])
    assert (
        item.places == (0, 1, 2, 3)
        and item.content[1]["tool_calls"] == [call]
        and item.content[2]["tool_call_id"] == "c1"
    )
    assert item.content[3]["reasoning_content"] == "Easy." and item.empty == ()


def test_messages_beside_a_text_are_read_and_counted(tmp_path):
    rows = [
        {"text": "rendered", "messages": CHAT},
        {"text": "", "messages": CHAT},
        {"text": "only", "messages": []},
        {"messages": CHAT},
    ]
    path = lines(tmp_path / "a.jsonl", *rows)
    assert [item.content for item in read_items([path])] == [CHAT, CHAT, "only", CHAT]
    assert survey([path], skip_bad=False).beside == 1


def test_ids_of_all_kinds(tmp_path):
    one = uuid.UUID("12345678-1234-5678-1234-56781234567f")
    given = {
        "float": ([17.0, None, 2.5], ["17", None, "2.5"]), "nan": ([float("nan"), 3.0, 1e15], [None, "3", "1000000000000000"]),
        "date": ([datetime.date(2026, 1, 2)] * 3, ["2026-01-02"] * 3),
        "time": ([datetime.datetime(2026, 1, 2, 3, 4)] * 3, ["2026-01-02T03:04:00"] * 3),
        "uuid": ([one.bytes] * 3, [str(one)] * 3), "bytes": ([b"abc", b"\xff\x00", None], ["abc", "ff00", None]),
        "decimal": ([decimal.Decimal("1.50")] * 3, ["1.50"] * 3), "whole": ([1, 2, None], ["1", "2", None]),
    }  # fmt: skip
    for name, (ids, wanted) in given.items():
        pl.DataFrame({"text": ["a", "b", "c"], "id": ids}).write_parquet(tmp_path / f"{name}.parquet")
        assert [item.id for item in read_items([tmp_path / f"{name}.parquet"])] == wanted, name


BAD = {
    "cut off": b'{"text": "a', "not an object": [1], "a number": 7, "nothing in it": {},
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
    monkeypatch.setattr(items, "MOST_CHARACTERS", 4)
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
