"""Chats and texts: what is fed, which tokens belong to whom, where the answer begins."""

from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm.messages import converse

USER = {"role": "user", "content": "Write a poem about the sea."}
ANSWER = {"role": "assistant", "content": "No, I would rather rest."}
SYSTEM = {"role": "system", "content": "user"}  # also a word of the template itself

# Written for this test after the ways of well-known families, which alter, move or decorate contents.
TRIMS = (
    "{{ bos_token }}{% for m in messages %}{{ '<|' + m.role + '|>' }}{{ '\\n' + m.content | trim + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)
MOVES_SYSTEM = (
    "{% if messages[0].role == 'system' %}{% set s = messages[0].content %}{% set rest = messages[1:] %}{% else %}"
    "{% set s = '' %}{% set rest = messages %}{% endif %}{% for m in rest %}{% if m.role == 'user' %}{{ '[INST] ' }}"
    "{% if loop.first and s %}{{ s + '\\n\\n' }}{% endif %}{{ m.content + ' [/INST]' }}{% else %}{{ ' ' + m.content }}{% endif %}{% endfor %}"
)
THINKS = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
    "{{ m.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}"
)
REFUSES_SYSTEM = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system role') }}{% endif %}{{ m.content }}{% endfor %}"
SHOUTS = "{% for m in messages %}{{ m.role + ':' + m.content | upper }}{% endfor %}"
REPEATS = "{% for m in messages %}{{ m.role + ':' + m.content + m.content }}{% endfor %}"


def with_template(template, lm=None):
    lm = lm or tiny()
    tokenizer = deepcopy(lm.tokenizer)
    tokenizer.chat_template = template
    return replace(lm, tokenizer=tokenizer)


def said(lm, found, number):
    span = found.messages[number]
    return lm.tokenizer.decode(found.ids[span.first : span.last]).strip()


def test_a_chat_that_is_about_to_be_answered():
    lm = tiny()
    found = converse(lm, [SYSTEM, USER])
    text = "<|im_start|>system\nuser<|im_end|>\n<|im_start|>user\nWrite a poem about the sea.<|im_end|>\n<|im_start|>assistant\n"
    assert found.text == text == "".join(found.tokens) == lm.tokenizer.decode(found.ids)
    assert [m.role for m in found.messages] == ["system", "user"]
    assert (said(lm, found, 0), said(lm, found, 1)) == ("user", USER["content"])
    assert found.response == len(found.ids) - 1


@pytest.mark.parametrize("template", [None, TRIMS, MOVES_SYSTEM, THINKS], ids=["chatml", "trims", "moves", "thinks"])
def test_the_response_position_predicts_the_answer(template):
    lm = with_template(template) if template else tiny()
    asked, answered = converse(lm, [SYSTEM, USER]), converse(lm, [SYSTEM, USER, ANSWER])
    assert answered.ids[: len(asked.ids)] == asked.ids and answered.response == asked.response == len(asked.ids) - 1
    for number, message in enumerate((SYSTEM, USER, ANSWER)):
        assert answered.messages[number].role == message["role"] and said(lm, answered, number) == message["content"]
    assert lm.tokenizer.decode(answered.ids[answered.response + 1 : answered.messages[2].first]).strip() == ""


def test_a_base_model_gets_the_plain_format():
    lm = tiny(chat=False)
    found = converse(lm, [SYSTEM, USER])
    assert found.text == "user\n\nHuman: Write a poem about the sea.\n\nAssistant:"
    assert found.response == len(found.ids) - 1
    answered = converse(lm, [USER, ANSWER])
    assert answered.text == "Human: Write a poem about the sea.\n\nAssistant: No, I would rather rest."
    assert answered.ids[: answered.response + 1] == converse(lm, [USER]).ids
    with pytest.raises(UserError, match="role 'tool'"):
        converse(lm, [USER, {"role": "tool", "content": "x"}])


def test_a_plain_text_gets_no_template():
    lm = tiny()
    found = converse(lm, "The sea was calm.")
    assert found.text == "".join(found.tokens) == "The sea was calm." and found.response is None
    assert found.messages == (("text", 0, len(found.ids)),)


def test_a_bos_is_outside_the_text():
    from lm.test_prompts import prompts_tokenizer_with_bos

    lm = replace(tiny(), tokenizer=prompts_tokenizer_with_bos(tiny()))
    found = converse(lm, "The sea")
    assert found.ids[0] == lm.tokenizer.bos_token_id and found.tokens[0] == "" and found.messages[0].first == 1
    assert converse(with_template(TRIMS, lm), [USER]).ids.count(lm.tokenizer.bos_token_id) == 1


def test_parts_of_text_are_joined():
    parts = [{"type": "text", "text": "Write a poem "}, {"type": "text", "text": "about the sea."}]
    assert converse(tiny(), [{"role": "user", "content": parts}]) == converse(tiny(), [USER])


def test_a_character_of_several_tokens_is_with_the_last():
    lm = tiny()
    found = converse(lm, "a 🌊 b é")
    assert "".join(found.tokens) == "a 🌊 b é" and len(found.tokens) == len(found.ids)
    whole = 0
    for number in range(len(found.ids)):
        # What is whole after so many tokens is the text that they decode to.
        whole += len(found.tokens[number])
        assert lm.tokenizer.decode(found.ids[: number + 1]).rstrip("\ufffd") == found.text[:whole]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\ue0f1\ue0f2"), min_size=1, max_size=20),
        min_size=1,
        max_size=4,
    )
)
@pytest.mark.slow
def test_any_contents_are_placed_or_refused(contents):
    lm = tiny()
    messages = [{"role": ("user", "assistant")[i % 2], "content": c} for i, c in enumerate(contents)]
    try:
        found = converse(lm, messages)
    except UserError as error:
        assert "\n" not in str(error)[:20]
        return
    assert "".join(found.tokens) == found.text and len(found.tokens) == len(found.ids)
    for number, content in enumerate(contents):
        assert "".join(said(lm, found, number).split()) == "".join(content.split())


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "not chat messages"), ({"role": "user"}, "not chat messages"), (["hello"], "no role"), ([{"content": "x"}], "no role"),
        ([{"role": "user", "content": None}], "no text"), ([{"role": "user", "content": 3}], "neither text nor a list of parts"),
        ([USER, {"role": "user", "content": " \n"}], "Message 2 is empty"), ("  ", "text is empty"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}], "parts that are not text"),
        ([{"role": "user", "content": "a\ue0f1b"}], "private"),
    ],
)  # fmt: skip
def test_other_formats_are_refused_in_one_sentence(messages, words):
    with pytest.raises(UserError, match=words) as caught:
        converse(tiny(), messages)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("template", "messages", "words"),
    [
        (REFUSES_SYSTEM, [SYSTEM, USER], "refuses these messages: No system role"),
        (SHOUTS, [USER], "alters or repeats message 1"),
        (REPEATS, [USER], "alters or repeats message 1"),
    ],
)
def test_templates_that_cannot_be_followed_are_refused(template, messages, words):
    with pytest.raises(UserError, match=words):
        converse(with_template(template), messages)
