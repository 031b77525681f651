"""A template that prints today's date (Llama 3.2, Mistral Small, gpt-oss, SmolLM3) gives the same prompt on any day."""

import datetime

import pytest
from lm.test_messages import with_template
from transformers.utils import chat_template_utils

from cases.folders import CHATML, USER
from emotion_vectors.doctor.bench import own_text
from emotion_vectors.lm.messages import converse
from emotion_vectors.lm.prompts import render
from emotion_vectors.lm.templates import TODAY, dated

pytestmark = pytest.mark.case
LLAMA = (
    "{%- if not date_string is defined %}{%- if strftime_now is defined %}{%- set date_string = strftime_now('%d %b %Y') %}"
    "{%- else %}{%- set date_string = '26 Jul 2024' %}{%- endif %}{%- endif %}{{- 'Today Date: ' + date_string + '\\n\\n' }}"
    + CHATML
)
MACRO = (
    "\n{%- macro today() %}{{ strftime_now('%Y-%m-%d') }}{% endmacro %}{{ 'Current date: ' ~ today() ~ '\\n' }}"
    + CHATML
)


def on(monkeypatch, year):
    """Let transformers think that it is another year."""

    class Then(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(year, 3, 4, 5, 6, 7, tzinfo=tz)

    monkeypatch.setattr(chat_template_utils, "datetime", Then)


@pytest.mark.parametrize(
    ("template", "says"), [(LLAMA, "Today Date: 26 Jul 2024"), (MACRO, "Current date: 2024-07-26")]
)
def test_two_days_one_prompt(monkeypatch, template, says):
    lm = with_template(template)
    ours, plain = [], []
    for year in (2025, 2031):
        on(monkeypatch, year)
        ours.append((render(lm, "Hello"), converse(lm, [USER]).text, own_text(lm, "Hello", "(")))
        plain.append(lm.tokenizer.apply_chat_template([USER], tokenize=False))
    assert plain[0] != plain[1] and "2031" in plain[1], "transformers itself goes with the clock"
    assert ours[0] == ours[1] and all(says in text for text in ours[0])
    assert (
        ours[0][1]
        == plain[0]
        .replace(plain[0].split(CHATML[:1])[0], plain[0].split(CHATML[:1])[0])
        .replace("04 Mar 2025", "26 Jul 2024")
        .replace("2025-03-04", "2024-07-26")
        + "<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("format_", ["%d %b %Y", "%B %d, %Y", "%-d %B", "%A, %H:%M:%S", "%y%j 100%% %p", "no date"])
def test_every_format_is_pythons(format_):
    lm = with_template("{{ strftime_now('" + format_ + "') }}|\n" + CHATML)
    assert render(lm, "Hello").startswith(TODAY.strftime(format_) + "|\n<|im_start|>")


@pytest.mark.parametrize("start", ["\n", "  \n", "{%- if true -%}\n x{% endif %}", "{{ '' }}\n"])
def test_nothing_else_of_the_template_changes(start):
    unused = start + "{% if false %}{{ strftime_now('%Y') }}{% endif %}" + CHATML
    lm = with_template(unused)
    assert converse(lm, [USER]).text == lm.tokenizer.apply_chat_template(
        [USER], tokenize=False, add_generation_prompt=True
    )
    assert dated(CHATML) is CHATML
