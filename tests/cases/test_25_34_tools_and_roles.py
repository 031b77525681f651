"""Cases 25 and 34: calls of tools with ids and without words, and roles that a template refuses or passes over."""

import numpy as np
import pytest

from cases.folders import ANSWER, CHATML, USER, block_means, lines, read, saved, vectors_of
from emotion_vectors.lm.model import load_model

pytestmark = pytest.mark.case
# As Mistral's: turns alternate, the answer of a tool names the call that it answers, other roles are refused.
STRICT = (
    "{%- set ns = namespace(n=0) -%}{%- for m in messages -%}{%- if m.role == 'user' -%}{%- if ns.n % 2 -%}{{ raise_exception('roles must alternate') }}{%- endif -%}"
    "{%- set ns.n = ns.n + 1 -%}{{ '<|im_start|>' + m.content + '<|im_end|>' }}{%- elif m.role == 'assistant' -%}"
    "{%- if m.tool_calls is defined -%}{{ '[CALLS]' + m.tool_calls[0].id + '<|im_end|>' }}{%- else -%}{%- set ns.n = ns.n + 1 -%}{{ ' ' + m.content + '<|im_end|>' }}{%- endif -%}"
    "{%- elif m.role == 'tool' -%}{%- if m.tool_call_id is not defined -%}{{ raise_exception('a tool needs an id') }}{%- endif -%}{{ '[OF]' + m.tool_call_id + '[IS]' + m.content + '<|im_end|>' }}"
    "{%- elif m.role == 'system' -%}{{ m.content + '\\n' }}{%- else -%}{{ raise_exception('no such role') }}{%- endif -%}{%- endfor -%}"
)
PASSES = CHATML.replace(
    "%}{{ '<|im_start|>' + m['role']", "if m['role'] in ('user', 'assistant', 'system') %}{{ '<|im_start|>' + m['role']"
).replace("{% for m in messagesif", "{% for m in messages if")


def call(arguments="{}", content=None):
    function = {"name": "warm", "arguments": arguments}
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": [{"id": "abc123def", "type": "function", "function": function}],
    }


TOOL = {"role": "tool", "tool_call_id": "abc123def", "content": "21"}


def rows_of(tmp_path, template, **chats):
    tmp_path.mkdir(exist_ok=True)
    folder = saved(tmp_path / "m", template)
    vectors = vectors_of(folder, tmp_path / "v.safetensors")
    file = lines(tmp_path / "t.jsonl", *({"id": name, "messages": chat} for name, chat in chats.items()))
    found = read(tmp_path, file, tmp_path / "v.safetensors")
    return {name: found.filter(id=name) for name in chats}, vectors, load_model(str(folder), "cpu", "float32")


def assert_plain(row, lm, vectors, chat, words):
    """The mean is that over the tokens of `words` in what plain transformers makes of the chat."""
    text = lm.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=chat[-1]["role"] != "assistant")
    found = lm.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    start = text.rindex(words)
    # A space before the first word may be of its token.
    own = [i for i, (a, b) in enumerate(found["offset_mapping"]) if b > start and a < start + len(words)]
    states = block_means(lm.model, found["input_ids"], vectors.layer)[own]
    cosines = states @ vectors.unit()[vectors.index("calm")] / np.linalg.norm(states, axis=1)
    assert row["tokens"] == len(own) and row["mean_raw"] == pytest.approx(cosines.mean(), abs=1e-5)


@pytest.mark.parametrize("content", [None, "", []], ids=repr)
@pytest.mark.parametrize("arguments", ["{}", '{"where": "outside"}', "not json"])
def test_a_transcript_of_an_agent_is_read(tmp_path, content, arguments):
    chat = [USER, call(arguments, content), TOOL, ANSWER]
    found, vectors, lm = rows_of(tmp_path, STRICT, chat=chat)
    rows = found["chat"].to_dicts()
    assert [row["role"] for row in rows] == ["user", "assistant", "tool", "assistant"]
    assert [row["problem"] for row in rows] == [None, "it has no text, only calls of tools", None, None]
    assert_plain(rows[3], lm, vectors, [USER, call(arguments, ""), TOOL, ANSWER], ANSWER["content"])
    assert_plain(rows[2], lm, vectors, [USER, call(arguments, ""), TOOL, ANSWER], "21")


def test_what_the_template_refuses_is_a_row_in_its_words(tmp_path):
    twice = [USER, {"role": "user", "content": "Outside, I mean."}]
    no_id = [USER, call(), {"role": "tool", "content": "21"}, ANSWER]
    developer = [{"role": "developer", "content": "Be kind."}, USER]
    system = [{"role": "system", "content": "Be kind."}, USER, ANSWER, {"role": "user", "content": "Thanks."}]
    found, vectors, lm = rows_of(tmp_path, STRICT, twice=twice, no_id=no_id, developer=developer, system=system)
    for name, reason in (
        ("twice", "roles must alternate"),
        ("no_id", "a tool needs an id"),
        ("developer", "no such role"),
    ):
        assert f"refuses these messages: {reason}" in found[name]["problem"][0] and len(found[name]) == 1
    assert found["system"]["problem"].null_count() == 4
    assert_plain(found["system"].to_dicts()[3], lm, vectors, system, "Thanks.")


def test_roles_that_the_template_passes_over_are_left_out_and_told(tmp_path):
    chats = {
        "developer": [{"role": "developer", "content": "Be kind."}, USER, ANSWER],
        "tool": [USER, {"role": "tool", "content": "21"}, ANSWER],
        "function": [USER, {"role": "function", "name": "warm", "content": "21"}, ANSWER],
        "capitals": [{"role": "User", "content": USER["content"]}, ANSWER],
        "last": [USER, ANSWER, {"role": "tool", "content": "21"}],
    }
    found, vectors, lm = rows_of(tmp_path, PASSES, plain=[USER, ANSWER], **chats)
    plain = found["plain"]["mean_raw"].to_list()
    for name, role in (
        ("developer", "developer"),
        ("tool", "tool"),
        ("function", "function"),
        ("capitals", "User"),
        ("last", "tool"),
    ):
        left_out = found[name].filter(role=role)["problem"].to_list()
        assert left_out == [f"the chat template of m ignores the role '{role}'; it was left out"]
        if name != "capitals":
            # The rest is read as if it had never been there.
            assert found[name].filter(found[name]["problem"].is_null())["mean_raw"].to_list() == pytest.approx(
                plain, abs=1e-6
            )
    assert_plain(found["capitals"].to_dicts()[1], lm, vectors, [ANSWER], ANSWER["content"])
    nobody, *_ = rows_of(tmp_path / "two", PASSES, alone=[{"role": "critic", "content": "Well."}])
    assert "ignores all of these messages; use the roles user and assistant" in nobody["alone"]["problem"][0]
