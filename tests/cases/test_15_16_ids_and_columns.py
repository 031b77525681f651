"""Cases 15 and 16: ids of other types, and a text beside messages, in tables as people have them.

15: datasets#8365, pandas#58306. 16: prime-rl#2074, QwenLM/Qwen3#84.
"""

import datetime
import decimal
import json
import uuid

import polars as pl
import pytest

from cases.saved import plain_mean, random_model, read_rows, refusal, save, save_vectors, tokenizer

pytestmark = pytest.mark.case
TEXTS = ["It was raining.", "Nobody came to the door.", "They sang all night."]
CHAT = [{"role": "user", "content": "My exam is tomorrow."}, {"role": "assistant", "content": "Sleep well."}]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder, words = tmp_path_factory.mktemp("case"), tokenizer()
    model = random_model(words)
    return folder, words, model, save_vectors(save(model, words, folder / "m"), folder / "v.safetensors")


DAY = datetime.datetime(2026, 1, 2, 3, 4, 5)
ONE = uuid.UUID("12345678-1234-5678-9abc-def012345678")
IDS = {
    "float with a gap": ([17.0, 18.0, None], ["17", "18", None]),
    "float with a NaN": ([17.0, float("nan"), 19.0], ["17", None, "19"]),
    "fractions": ([0.5, 2.0, None], ["0.5", "2", None]),
    "large floats": ([1e15, 2.0**53, -3.0], ["1000000000000000", "9007199254740992", "-3"]),
    "times": ([DAY, None, DAY], ["2026-01-02T03:04:05", None, "2026-01-02T03:04:05"]),
    "days": ([DAY.date(), None, DAY.date()], ["2026-01-02", None, "2026-01-02"]),
    "decimals": ([decimal.Decimal("1.50"), None, decimal.Decimal("2.00")], ["1.50", None, "2.00"]),
    "uuid bytes": ([ONE.bytes, None, ONE.bytes], [str(ONE), None, str(ONE)]),
    "categories": (pl.Series(["a", "b", "a"], dtype=pl.Categorical), ["a", "b", "a"]),
    "enumerated": (pl.Series(["a", None, "b"], dtype=pl.Enum(["a", "b"])), ["a", None, "b"]),
    "unsigned": (pl.Series([2**64 - 1, None, 0], dtype=pl.UInt64), [str(2**64 - 1), None, "0"]),
    "text": ([" 17 ", "", "ü\u200b"], [" 17 ", "", "ü\u200b"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", IDS)
def test_every_type_of_id_is_read_as_its_text(world, kind):
    folder, words, model, vectors = world
    ids, wanted = IDS[kind]
    path = folder / "ids.parquet"
    pl.DataFrame({"id": ids, "text": TEXTS}).write_parquet(path)
    rows = read_rows(folder, path)
    assert [row["id"] for row in rows] == wanted
    for row, text in zip(rows, TEXTS, strict=True):
        tokens = words(text)["input_ids"]
        assert row["mean_raw"] == pytest.approx(plain_mean(model, tokens, 1, len(tokens), vectors), abs=1e-5)


def test_ids_of_json_lines_as_well(world):
    folder = world[0]
    ids = [17.0, None, "a", 3, 2**70]
    rows = read_rows(folder, [{"id": one, "text": TEXTS[0]} for one in ids])
    assert [row["id"] for row in rows] == ["17", None, "a", "3", str(2**70)]


TABLES = {
    "text beside": [{"text": "<|im_start|>user\nMy exam", "messages": CHAT}] * 2,
    "either": [{"text": TEXTS[0], "messages": None}, {"text": None, "messages": CHAT}],
    "text is empty": [{"text": "", "messages": CHAT}, {"text": " ", "messages": CHAT}],
    "messages are empty": [{"text": TEXTS[0], "messages": []}, {"text": "x", "messages": CHAT}],
    "messages as JSON": [{"text": "x", "messages": json.dumps(CHAT)}],
    "a number beside": [{"text": 5, "messages": CHAT}],
}


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("name", TABLES)
def test_messages_are_read_where_there_are_some(world, name, form):
    folder, words, model, vectors = world
    rows = TABLES[name]
    path = folder / f"table.{form}"
    if form == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read_rows(folder, path)
    ids = words.apply_chat_template(CHAT, tokenize=True, return_dict=False)
    own = words(CHAT[1]["content"])["input_ids"]
    first = next(n for n in range(len(ids)) if ids[n : n + len(own)] == own)
    wanted = plain_mean(model, ids, first, first + len(own), vectors)
    answers = [row for row in found if row["role"] == "assistant"]
    assert len(answers) == sum(bool(row["messages"]) for row in rows)
    assert all(row["mean_raw"] == pytest.approx(wanted, abs=1e-5) for row in answers)
    assert sum(row["role"] == "text" for row in found) == len(rows) - len(answers)


def test_parts_without_text_are_passed_over_and_a_table_without_either_column_is_refused(world):
    folder = world[0]
    parts = [
        {"type": "text", "text": "What is this?", "image_url": None},
        {"type": "image_url", "text": None, "image_url": "x.png"},
    ]
    path = folder / "table.parquet"
    pl.DataFrame({"messages": [[{"role": "user", "content": parts}]]}).write_parquet(path)
    [row] = read_rows(folder, path)
    assert row["problem"] is None and row["other_parts"] == 1
    pl.DataFrame({"conversations": [[{"from": "human", "value": "Hello."}]]}).write_parquet(path)
    said = refusal(
        "read", path, "--vectors", folder / "v.safetensors", "--out", folder / "never.parquet", "--device", "cpu"
    )
    assert "no column text or messages" in said and "role and content" in said
