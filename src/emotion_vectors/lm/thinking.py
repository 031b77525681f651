"""Thoughts of reasoning models: the known forms, what of a text is its answer, and how a prompt is brought to where an answer begins.

One table for all who need it: prompts (a thought that the template opens is closed), writers (what a model thinks is never part
of a story) and transcripts (the answer is read, the thought counted apart). Forms are those that the models' own templates and
servers' parsers use: DeepSeek R1, Qwen 3, EXAONE Deep, Seed-OSS, Cohere Command, Kimi, Magistral, Gemma 4, Apertus, gpt-oss (harmony).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class Form(NamedTuple):
    """How a thought begins and ends; `space` stands around an empty one, as the models' own templates write it."""

    opened: str
    closed: str
    space: str = ""

    @property
    def empty(self) -> str:
        """A whole thought without a word: what a prompt holds where thinking is off."""
        return f"{self.opened}{self.space}{self.closed}{self.space}"


FORMS = (
    Form("<think>", "</think>", "\n\n"),
    Form("<thought>", "</thought>", "\n\n"),
    Form("<thinking>", "</thinking>", "\n\n"),
    Form("<reasoning>", "</reasoning>", "\n\n"),
    Form("<seed:think>", "</seed:think>"),
    Form("<|START_THINKING|>", "<|END_THINKING|>"),
    Form("<|begin_of_thought|>", "<|end_of_thought|>", "\n\n"),
    Form("<|inner_prefix|>", "<|inner_suffix|>"),
    Form("<|channel>thought", "<channel|>"),
    Form("[THINK]", "[/THINK]"),
    Form("\u25c1think\u25b7", "\u25c1/think\u25b7"),
)
# Harmony: a turn is a message in a channel; only the channel `final` is the answer.
FINAL = "<|channel|>final<|message|>"
CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
CHANNEL_ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>")
# The same after a decoder has dropped the control tokens: "analysisThe user wants ...assistantfinalOnce ...".
BARE_HARMONY = re.compile(r"\A\s*analysis(?=[A-Z\d\"'])")
# What some models write between their thought and their answer.
ANSWERS = ("<|START_RESPONSE|>", "<|begin_of_solution|>", FINAL)
ANSWER_ENDS = ("<|END_RESPONSE|>", "<|end_of_solution|>")
# A line that opens or closes a block of code in Markdown (CommonMark 4.5).
FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
# Names by which templates take the wish not to think; a template passes over those that it doesn't know. Qwen 3, GLM, SmolLM3,
# EXAONE 4, Gemma 4; DeepSeek V3.1, Granite; Seed-OSS; Cohere Command.
SWITCHES = {"enable_thinking": False, "thinking": False, "thinking_budget": 0, "reasoning": False}
# Fields beside the content in which servers give a thought.
FIELDS = ("reasoning_content", "reasoning", "thinking")
_MARKERS = tuple(marker for form in FORMS for marker in (form.opened, form.closed))


class Answer(NamedTuple):
    """A text without its thoughts, and these; `open`: it ends within a thought."""

    text: str
    thoughts: tuple[str, ...]
    open: bool = False


def mentions(text: str) -> bool:
    """Whether `text` holds a marker of any form."""
    return "<|channel|>" in text or any(marker in text for marker in (*_MARKERS, *ANSWERS, *ANSWER_ENDS))


def left_open(text: str) -> Form | None:
    """The form of the thought that `text` ends in, None where it ends outside of all."""
    found = [form for form in FORMS if text.rfind(form.opened) > text.rfind(form.closed)]
    return max(found, key=lambda form: text.rfind(form.opened), default=None)


def in_other_channel(text: str) -> str | None:
    """The channel of harmony, other than the final one, that `text` ends in; None where it ends in none."""
    found = next(iter([*CHANNEL.finditer(text)][-1:]), None)
    if found is None or found[1] == "final" or any(end in text[found.end() :] for end in CHANNEL_ENDS):
        return None
    return found[1]


def answer_of(text: str) -> Answer:
    """`text` without what the model thought before, between or instead of its answer.

    A thought stands at the beginning or at the beginning of a line; one that doesn't end has no answer behind it. A closing marker
    without an opening one ends a thought that the prompt had opened. Markers in quotes, in the middle of a line, or in a block of
    code of the answer are words.
    """
    if bare := BARE_HARMONY.match(text):
        thought, found, words = text[bare.end() :].rpartition("assistantfinal")
        return Answer(words if found else "", _words([thought if found else words]), not found)
    if not mentions(text):
        return Answer(text, ())
    if any(not _in_code(text[: found.start()], text[found.end() :], False) for found in CHANNEL.finditer(text)):
        return _final_channel(text)
    thoughts: list[str] = []
    for form in FORMS:
        # The last closing marker before an opening one counts, as in the templates of these models.
        closing = _last(text.partition(form.opened)[0], form.closed)
        if closing is not None:
            thoughts.append(text[:closing])
            text = text[closing + len(form.closed) :]
    answer, at = [], 0
    while found := _next_thought(text, at, "".join(answer), bool(thoughts)):
        start, form = found
        end = text.find(form.closed, start)
        answer.append(text[at:start])
        thoughts.append(text[start + len(form.opened) : end if end >= 0 else None])
        if end < 0:
            return Answer(_bare("".join(answer)), _words(thoughts), True)
        at = end + len(form.closed)
        # The blank lines around a thought are not part of the answer.
        while at < len(text) and text[at].isspace() and not answer[-1].strip():
            at += 1
    return Answer(_bare("".join([*answer, text[at:]])), _words(thoughts))


def _words(thoughts: Iterable[str]) -> tuple[str, ...]:
    return tuple(thought.strip() for thought in thoughts if thought.strip())


def _bare(text: str) -> str:
    """`text` without the marks that frame an answer at its ends."""
    for opener in ANSWERS:
        if text.lstrip().startswith(opener):
            text = text.lstrip()[len(opener) :]
    for ending in ANSWER_ENDS:
        head, found, _ = text.partition(ending)
        text = head if found else text
    return text


def _next_thought(text: str, start: int, said: str, has_thought: bool) -> tuple[int, Form] | None:
    """Where the next thought from `start` on opens, and its form; `said` is the answer so far, with or without a thought before it."""
    places = [
        (place, form) for form in FORMS if (place := _first(text, form.opened, start, said, has_thought)) is not None
    ]
    return min(places, key=lambda found: found[0], default=None)


def _first(text: str, marker: str, start: int, said: str, has_thought: bool) -> int | None:
    """The first place of an opening marker that begins the text or a line, or follows a closing marker, outside of the answer's code."""
    place = text.find(marker, start)
    while place >= 0:
        before = text[:place].rstrip(" \t")
        begins = not before.strip() or before.endswith(("\n", *(form.closed for form in FORMS)))
        if begins and not _in_code(said + text[start:place], text[place:], has_thought):
            return place
        place = text.find(marker, place + 1)
    return None


def _in_code(before: str, after: str, has_thought: bool) -> bool:
    """Whether a place lies in a block of code that the answer `before` it opens, and that ends in the text `after` it.

    The block must follow words or a whole thought: a model may fence all that it writes, its thought too.
    """
    fence, begins = "", 0
    for found in FENCE.finditer(before):
        mark, rest = found[1], found[2].strip()
        if not fence and not (mark[0] == "`" and "`" in rest):
            fence, begins = mark, found.start()
        elif fence and mark.startswith(fence) and not rest:
            fence = ""
    closes = any(fence and found[1].startswith(fence) and not found[2].strip() for found in FENCE.finditer(after))
    return closes and (has_thought or bool(before[:begins].strip()))


def _last(text: str, marker: str) -> int | None:
    """The last place of a closing marker that is not in quotes or backticks."""
    place = text.rfind(marker)
    while place >= 0 and text[place - 1 : place] in ("`", '"', "'") and place > 0:
        place = text.rfind(marker, 0, place)
    return place if place >= 0 else None


def _final_channel(text: str) -> Answer:
    """The messages of the channel `final`; all that stands in other channels is thought."""
    answer, thoughts, inside = [], [], False
    found = list(CHANNEL.finditer(text))
    head = text[: found[0].start()].removesuffix("assistant").removesuffix("<|start|>")
    for one, following in zip(found, [*found[1:], None], strict=True):
        words = text[one.end() : following.start() if following else None]
        cut = min((place for end in CHANNEL_ENDS if (place := words.find(end)) >= 0), default=len(words))
        inside = one[1] != "final" and cut == len(words) and following is None
        (answer if one[1] == "final" else thoughts).append(words[:cut])
    # Words before the first channel were written where the prompt had opened one already.
    head = head.partition("<|end|>")[0]
    return Answer("".join(answer) if answer else "", _words([head, *thoughts]), inside)
