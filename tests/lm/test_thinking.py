"""Thoughts: prompts are opened up to the answer, and what a model thinks is part of neither a story nor a reading.

The templates are written for this test after the ways of well-known families; what is expected is written out by hand.
"""

from dataclasses import replace

import pytest
import torch
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm import thinking
from emotion_vectors.lm.messages import converse
from emotion_vectors.lm.prompts import chat_prompt, render
from emotion_vectors.lm.templates import opening
from emotion_vectors.lm.writers.server_writer import read_completion
from emotion_vectors.vectors.writing import _rendered
from lm.test_messages import with_template

USER, ANSWER = {"role": "user", "content": "Hello there"}, {"role": "assistant", "content": "Good day."}


SYSTEM = {"role": "system", "content": "Be kind."}


def turns(begin, answer="{{ '<|im_start|>assistant\\n' + m.content }}"):
    """ChatML whose generation prompt is followed by `begin`, with `answer` for turns of the assistant."""
    return (
        "{% for m in messages %}{% if m.role == 'assistant' %}" + answer + "{% else %}{{ '<|im_start|>' + m.role + '\\n' + m.content }}{% endif %}"
        "{{ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n" + begin + "' }}{% endif %}"
    )  # fmt: skip


# Family, its template, and what must stand between the turn's header and the answer.
OPENED = {
    "R1 distil": (turns("<think>\\n"), "<think>\n\n</think>\n\n"),
    "no new line": (turns("<think>"), "<think></think>"),
    "Qwen3-Thinking": (
        turns("<think>\\n", "{{ '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' + m.content }}"),
        "<think>\n\n</think>\n\n",
    ),
    "EXAONE Deep": (turns("<thought>\\n"), "<thought>\n\n</thought>\n\n"),
    "Seed-OSS": (turns("<seed:think>"), "<seed:think></seed:think>"),
    "Command A": (
        turns("<|START_THINKING|>", "{{ '<|im_start|>assistant\\n<|START_RESPONSE|>' + m.content + '<|END_RESPONSE|>' }}"),
        "<|START_THINKING|><|END_THINKING|><|START_RESPONSE|>",
    ),
    "Kimi VL": (turns("\u25c1think\u25b7"), "\u25c1think\u25b7\u25c1/think\u25b7"),
    "Kimi K2": (turns("", "{{ '<|im_start|>assistant\\n<think></think>' + m.content }}"), "<think></think>"),
    "Magistral": (turns("[THINK]"), "[THINK][/THINK]"),
    "reasoning": (turns("<reasoning>\\n"), "<reasoning>\n\n</reasoning>\n\n"),
    "Gemma 4": (turns("<|channel>thought\\n"), "<|channel>thought\n\n<channel|>\n\n"),
    "another header": (turns("", "{{ '<|im_start|>assistant\\n<|content|>' + m.content }}"), "<|content|>"),
}  # fmt: skip


HARMONY = (
    "{{ '<|start|>system<|message|>Reasoning: medium<|end|>' }}{% for m in messages %}{% if m.role == 'assistant' %}"
    "{{ '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|end|>' }}{% else %}"
    "{{ '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistantBEGUN' }}{% endif %}"
)


def both_prompts(lm):
    """The text of a prompt with and without a system text, by the ways of runs, of `steer` and of chats."""
    assert chat_prompt(lm, "{m}", {"m": "Hello there"}).text == render(lm, "Hello there") == converse(lm, [USER]).text
    assert _rendered(lm, [SYSTEM, USER]) == converse(lm, [SYSTEM, USER]).text
    return render(lm, "Hello there"), _rendered(lm, [SYSTEM, USER])


@pytest.mark.parametrize("family", OPENED)
def test_every_prompt_ends_where_the_answer_begins(family):
    template, end = OPENED[family]
    for text in both_prompts(with_template(template)):
        assert text.endswith("<|im_start|>assistant\n" + end) and "Hello there<|im_end|>" in text


@pytest.mark.parametrize(
    ("begun", "end"),
    [
        ("", "<|start|>assistant<|channel|>final<|message|>"),
        (
            "<|channel|>analysis<|message|>",
            "<|start|>assistant<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final<|message|>",
        ),
    ],
)
def test_the_final_channel_of_harmony_is_opened(begun, end):
    lm = with_template(HARMONY.replace("BEGUN", begun))
    assert all(text.endswith("Hello there<|end|>" + end) for text in both_prompts(lm))
    asked, answered = converse(lm, [USER]), converse(lm, [USER, ANSWER])
    if not begun:
        assert answered.text == asked.text + "Good day.<|end|>" and answered.response == asked.response


@pytest.mark.parametrize("switch", ["enable_thinking", "thinking", "thinking_budget", "reasoning"])
def test_a_template_that_can_switch_thinking_off_is_asked_to(switch):
    template = turns("MARK").replace(
        "MARK' }}", "' }}{% if not " + switch + " | default(5) %}{{ '<think>\\n\\n</think>\\n\\n' }}{% else %}{{ '<think>\\n' }}{% endif %}"
    )  # fmt: skip
    lm = with_template(template)
    assert opening(lm) == "" and all(text.endswith("assistant\n<think>\n\n</think>\n\n") for text in both_prompts(lm))


@pytest.mark.parametrize(
    "begin",
    [
        "<think>\\nOkay, ",
        "<scratchpad>\\n",
        "<|channel|>analysis<|message|>",
        "Let me think this through. ",
        "<|deliberate|>",
    ],
)
def test_what_cannot_be_opened_for_certain_is_refused_everywhere(begin):
    lm = with_template(turns(begin))
    for ask in (
        lambda: render(lm, "Hello"), lambda: _rendered(lm, [SYSTEM, USER]), lambda: converse(lm, [USER]), lambda: chat_prompt(lm, "Hi"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=r"can't be closed for certain|a form that is not known"):
            ask()
    # A chat that ends with an answer needs no prompt.
    assert converse(lm, [USER, ANSWER]).messages[1].role == "assistant"


def test_what_a_person_wrote_is_never_taken_for_the_templates():
    lm = tiny()
    for words in ("What does <think> do?", "I saw <|channel|>analysis<|message|> there", "[THINK]", "</think>"):
        assert render(lm, words) == f"<|im_start|>user\n{words}<|im_end|>\n<|im_start|>assistant\n"
        found = converse(lm, [{"role": "system", "content": words}, {"role": "user", "content": words}])
        assert found.text.endswith(f"{words}<|im_end|>\n<|im_start|>assistant\n")


def test_a_model_that_opens_its_thoughts_itself_gets_an_empty_one():
    """The template of the first R1 distils: it knows of thoughts but opens none. A model that writes the marker is planted."""
    strips = turns("", "{{ '<|im_start|>assistant\\n' + m.content.split('</think>')[-1] }}")
    plain = with_template(strips)
    plain.tokenizer.add_tokens(["<think>"])
    marker = plain.tokenizer.convert_tokens_to_ids("<think>")

    class Planted(torch.nn.Module):
        def __init__(self, favourite):
            super().__init__()
            self.favourite = favourite
            self.config = plain.model.config

        def forward(self, ids):
            logits = torch.zeros(*ids.shape, len(plain.tokenizer))
            logits[..., self.favourite] = 1
            return type("Out", (), {"logits": logits})

        def get_input_embeddings(self):
            return torch.nn.Embedding(len(plain.tokenizer), 2)

    assert opening(replace(with_template(strips), model=Planted(3))) == ""
    assert opening(replace(plain, model=Planted(marker))) == "<think>\n\n</think>\n\n"


@pytest.mark.parametrize(
    ("text", "answer", "thoughts"),
    [
        ("<think>\nHm.\n</think>\n\nYes.", "Yes.", ["Hm."]),
        ("<think>\n\n</think>\n\nYes.", "Yes.", []),
        ("Hm, well.\n</think>\n\nYes.", "Yes.", ["Hm, well."]),
        ("<think>never ends", "", ["never ends"]),
        ("<think>a</think>Yes.\n<think>b</think>\nNo.", "Yes.\n\nNo.", ["a", "b"]),
        ("<think>a</think><think>b</think>Yes.", "Yes.", ["a", "b"]),
        ("<thought>a</thought>Yes.", "Yes.", ["a"]),
        ("<seed:think>a</seed:think>Yes.", "Yes.", ["a"]),
        ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>", "Yes.", ["a"]),
        ("\u25c1think\u25b7a\u25c1/think\u25b7Yes.", "Yes.", ["a"]),
        ("[THINK]a[/THINK]Yes.", "Yes.", ["a"]),
        ("<|channel>thought\na<channel|>Yes.", "Yes.", ["a"]),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
            "Yes.",
            ["a"],
        ),
        ("<|channel|>analysis<|message|>a<|end|>", "", ["a"]),
        ("analysisThe user wants it.assistantfinalYes.", "Yes.", ["The user wants it."]),
        ("Use <think> and </think> as tags.", "Use <think> and </think> as tags.", []),
        ("It ends with `</think>` there.", "It ends with `</think>` there.", []),
        ("An analysis of it.", "An analysis of it.", []),
        ("a</think>b</think>Yes.", "Yes.", ["a</think>b"]),
        ("a</think>Yes.\n<think>b</think>No.", "Yes.\nNo.", ["a", "b"]),
    ],
)
def test_the_answer_of_a_text(text, answer, thoughts):
    found = thinking.answer_of(text)
    assert found.text.strip() == answer and list(found.thoughts) == thoughts


BLOCK = "Write this:\n\n```xml\n<think>\nAdd them.\n</think>\nFour.\n```\nThat is all."
INNER = "Write:\n\n- here:\n  ````\n  ```\n  <think>\n  ```\n  ````\nDone."


@pytest.mark.parametrize(
    ("text", "answer", "thoughts"),
    [
        (BLOCK, BLOCK, []),
        (BLOCK.replace("```", "~~~"), BLOCK.replace("```", "~~~"), []),
        (BLOCK.replace("</think>\n", ""), BLOCK.replace("</think>\n", ""), []),
        (INNER, INNER, []),
        (f"<think>a</think>\n{BLOCK}", BLOCK, ["a"]),
        ("<think>a</think>\n```\n<think>\n```", "```\n<think>\n```", ["a"]),
        (f"The plan.\n</think>\n{BLOCK}", BLOCK, ["The plan."]),
        (f"{BLOCK}\n<think>b</think>\nMore.", f"{BLOCK}\n\nMore.", ["b"]),
        ("Say:\n```\n<|channel|>analysis<|message|>Hm\n```\nSo.", "Say:\n```\n<|channel|>analysis<|message|>Hm\n```\nSo.", []),
        # Thoughts: a block that nothing stands before, one that never ends or has ended, code within a thought, no block at all.
        ("```\n<think>\na\n</think>\n```\nYes.", "```\n\n```\nYes.", ["a"]),
        ("So:\n```\ncode\n<think>\na\n</think>\nYes.", "So:\n```\ncode\n\nYes.", ["a"]),
        ("So:\n```\ncode\n```\n<think>a</think>\nYes.", "So:\n```\ncode\n```\n\nYes.", ["a"]),
        ("<think>So:\n```\n<think>\n```\na</think>\nYes.", "Yes.", ["So:\n```\n<think>\n```\na"]),
        ("<think>So:\n```\nopen</think>\nYes:\n<think>b</think>\n```\ncode\n```", "Yes:\n\n```\ncode\n```", ["So:\n```\nopen", "b"]),
        ("Use ```<think>``` so:\n<think>a</think>\nYes.\n```\ncode\n```", "Use ```<think>``` so:\n\nYes.\n```\ncode\n```", ["a"]),
    ],
)  # fmt: skip
def test_a_block_of_code_in_an_answer_is_its_own(text, answer, thoughts):
    found = thinking.answer_of(text)
    assert found.text.strip() == answer and list(found.thoughts) == thoughts and not found.open


@pytest.mark.parametrize(
    "message",
    [
        {"content": "A tale.", "reasoning_content": "A plan."}, {"content": "<think>A plan.</think>A tale."},
        {"content": "A plan.</think>\n\nA tale."}, {"content": "A tale.", "reasoning": "A plan."},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "A plan."}]}, {"type": "text", "text": "A tale."}]},
    ],
    ids=["field", "tags", "closing tag", "another field", "parts"],
)  # fmt: skip
def test_a_servers_thoughts_are_no_part_of_its_text(message):
    answer = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"completion_tokens": 900}}
    # The server counts the tokens of the thought, so its count is none of the text's.
    assert read_completion(answer) == ("A tale.", "stop", None)


def test_a_servers_unfinished_thought_is_no_text():
    answer = {"choices": [{"message": {"content": None, "reasoning_content": "A plan"}, "finish_reason": "length"}]}
    assert read_completion(answer) == ("", "length", None)
    answer["choices"][0]["message"] = {"content": "<think>A plan"}
    assert read_completion(answer)[0] == ""
