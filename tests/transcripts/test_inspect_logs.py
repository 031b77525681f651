"""Logs that Inspect wrote, held against Inspect's own reader of them."""

import json
import shutil
import zipfile

import polars as pl
import pytest

inspect_ai = pytest.importorskip("inspect_ai")

from cli.test_read import folder  # noqa: E402, F401
from inspect_ai import Task, eval  # noqa: E402
from inspect_ai.dataset import Sample  # noqa: E402
from inspect_ai.log import read_eval_log  # noqa: E402
from inspect_ai.model import (  # noqa: E402
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
    ContentImage,
    ContentReasoning,
    ContentText,
    ModelOutput,
)
from inspect_ai.scorer import includes, match  # noqa: E402
from inspect_ai.solver import solver  # noqa: E402
from inspect_ai.tool import ToolCall  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from emotion_vectors.cli import app  # noqa: E402
from emotion_vectors.errors import UserError  # noqa: E402
from emotion_vectors.transcripts.inspect_logs import samples_of  # noqa: E402
from emotion_vectors.transcripts.items import Bad, Item  # noqa: E402
from emotion_vectors.transcripts.sources import read_items, survey, unfolded  # noqa: E402

LONG = "The sea was calm and the letter had come at last. " * 8
SAMPLES = [
    Sample(id=7, input=LONG, target="Default answer"),
    Sample(id="chat", input=[
        ChatMessageUser(content=[ContentText(text="Look at attachment://0."), ContentImage(image="data:image/png;base64,AA==")]),
        ChatMessageAssistant(
            content=[ContentReasoning(reasoning="Add them."), ContentText(text="I add.")],
            tool_calls=[ToolCall(id="c1", function="adder", arguments={"x": 1, "y": 2})],
        ),
        ChatMessageTool(content="3", tool_call_id="c1", function="adder"),
        ChatMessageUser(content="Go home."),
    ], target="never"),
]  # fmt: skip


@solver
def answers():
    """A model's part without a model: Inspect's own mock asks the network how many tokens there are."""

    async def solve(state, _):
        state.output = ModelOutput.from_content("none", "Default answer.")
        state.messages.append(state.output.message)
        return state

    return solve


@pytest.fixture(scope="module", params=["eval", "json"])
def log(request, tmp_path_factory):
    where = tmp_path_factory.mktemp("logs")
    task = Task(dataset=SAMPLES, solver=answers(), scorer=[includes(), match()], epochs=2)
    [done] = eval(task, model="none", log_dir=str(where), log_format=request.param, display="none")
    assert done.status == "success"
    [path] = where.rglob(f"*.{request.param}")
    return path


def test_samples_have_the_messages_that_inspect_reads(log):
    theirs = {(str(one.id), one.epoch): one for one in read_eval_log(str(log), resolve_attachments=True).samples}
    items = list(read_items([log]))
    assert len(items) == len(theirs) == 4 and all(isinstance(item, Item) for item in items)
    for item in items:
        carried = dict(item.carried)
        sample = theirs[item.id, carried["epoch"]]
        assert [message["role"] for message in item.content] == [message.role for message in sample.messages]
        for ours, message in zip(item.content, sample.messages, strict=True):
            parts = (
                ours["content"] if isinstance(ours["content"], list) else [{"type": "text", "text": ours["content"]}]
            )
            assert "".join(part["text"] for part in parts if part["type"] == "text") == message.text
        assert {name: carried[name] for name in carried if name != "epoch"} == {
            f"score_{name}": score.value for name, score in sample.scores.items()
        }
    [chat] = [item for item in items if item.id == "chat" and dict(item.carried)["epoch"] == 1]
    [call] = chat.content[1]["tool_calls"]
    assert call["function"]["name"] == "adder" and json.loads(call["function"]["arguments"]) == {"x": 1, "y": 2}
    assert chat.content[2]["tool_call_id"] == "c1" and chat.content[2]["name"] == "adder"
    assert chat.content[0]["content"][0]["text"] == "Look at attachment://0."


def test_read_carries_id_epoch_and_scores(log, folder, tmp_path):
    out = tmp_path / "scores.parquet"
    logs = tmp_path / "logs"
    logs.mkdir()
    shutil.copy(log, logs)
    (logs / "other.json").write_text("{}")
    words = [
        "read",
        str(logs),
        "--vectors",
        str(folder),
        "--emotions",
        "calm",
        "--out",
        str(out),
        "--device",
        "cpu",
        "--quiet",
    ]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    rows = pl.read_parquet(out)
    assert set(rows["id"]) == {"7", "chat"} and set(rows["epoch"]) == {1, 2} and rows["epoch"].dtype == pl.Int32
    answered = rows.filter((pl.col("role") == "assistant") & (pl.col("message") == 1) & (pl.col("id") == "7"))
    assert answered["score_includes"].to_list() == ["C", "C"] and answered["mean_centred"].null_count() == 0
    assert set(rows.filter(pl.col("id") == "chat")["score_includes"]) == {"I"}
    assert rows.filter((pl.col("id") == "chat") & (pl.col("message") == 1))["thought_tokens"].to_list() != [0, 0]


def test_what_is_no_log_is_told_in_a_sentence(tmp_path):
    for name, data, said in [
        ("a.json", b"[1]", "not an Inspect log"), ("b.json", b"{", "not JSON"), ("c.eval", b"PK", "not a complete Inspect log"),
    ]:  # fmt: skip
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=said):
            list(samples_of(tmp_path / name))
    with zipfile.ZipFile(tmp_path / "d.eval", "w") as archive:
        archive.writestr("samples/1_epoch_1.json", "{}")
    with pytest.raises(UserError, match=r"no header\.json"):
        list(samples_of(tmp_path / "d.eval"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="contains no Inspect logs"):
        unfolded([tmp_path / "empty"])


def test_a_damaged_sample_is_named_and_can_be_left_out(tmp_path):
    path = tmp_path / "some.eval"
    bomb = {
        "id": 3,
        "messages": [{"role": "user", "content": "attachment://x"}] * 40,
        "attachments": {"x": "y" * 1_000_000},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", "{}")
        for name, text in {
            "1": '{"id": 1, "epoch": 1, "messages": [{"role": "user", "content": "Hi."}]}', "2": "{", "3": json.dumps(bomb),
        }.items():  # fmt: skip
            archive.writestr(f"samples/{name}_epoch_1.json", text)
    found = list(read_items([path]))
    assert [isinstance(one, Bad) for one in found] == [False, True, True]
    assert str(found[1]).endswith("some.eval, sample 2") and "characters" in found[2].why
    with pytest.raises(UserError, match="sample 2: it is not JSON"):
        survey([path], False)
    assert survey([path], True).bad == 2


def test_texts_that_are_kept_apart_are_put_back_where_they_are_the_whole_text(tmp_path):
    parts = [{"type": "text", "text": "attachment://b"}]
    messages = [
        {"role": "user", "content": "attachment://a"},
        {"role": "assistant", "content": parts},
        {"role": "user", "content": "See attachment://a"},
    ]
    sample = {"id": 1, "epoch": 1, "messages": messages, "attachments": {"a": "Go home.", "b": "Never."}}
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"eval": {}, "samples": [sample]}))
    [item] = read_items([path])
    # As Inspect's own `resolve_attachment_fn` does: a text that begins otherwise is somebody's words.
    assert item.contents == ("Go home.", "Never.", "See attachment://a")
