"""One message of the OpenAI format: its words, what else it carries, and what a model thought before it said them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from emotion_vectors.lm import thinking

ChatMessage = dict[str, Any]  # role, content and what else a template may want of a message
Chat = list[ChatMessage]
# Kept for the template: calls of tools, the id that an answer of a tool refers to, and a speaker's name.
CARRIED = ("tool_calls", "tool_call_id", "name")
THOUGHT_PARTS = ("thinking", "reasoning")


class Said(NamedTuple):
    """A message. `content` is what was said, without thoughts; `other_parts` counts pictures, sounds and files."""

    role: str
    content: str
    thoughts: tuple[str, ...] = ()
    carried: dict[str, Any] = {}  # noqa: RUF012  # never changed
    other_parts: int = 0

    @property
    def message(self) -> ChatMessage:
        """The message as a chat template gets it."""
        return {"role": self.role, "content": self.content, **self.carried}


class NoMessageError(Exception):
    """Why something is not a message; a sentence's end, as in "the message 3 ..."."""


def read_message(message: Any) -> Said:
    """A message of the OpenAI format; raises `NoMessageError` for what is none."""
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str) or not message["role"].strip():
        raise NoMessageError("has no role")
    text, thoughts, others = _content(message.get("content"))
    carried = {name: _without_nulls(message[name]) for name in CARRIED if message.get(name)}
    if message["role"] == "assistant":
        answer = thinking.answer_of(text)
        text, thoughts = answer.text, (*thoughts, *answer.thoughts)
        fields = (message.get(name) for name in thinking.FIELDS)
        thoughts = (*(field for field in fields if isinstance(field, str) and field.strip()), *thoughts)
        # The blank lines that a parser leaves between a thought and the answer.
        text = text.lstrip() if thoughts else text
    return Said(message["role"], text, thoughts, carried, others)


def _content(content: Any) -> tuple[str, tuple[str, ...], int]:
    """The words of a content, the thoughts among its parts, and how many parts are neither."""
    if content is None or isinstance(content, str):
        return content or "", (), 0
    if not isinstance(content, Sequence) or isinstance(content, bytes):
        raise NoMessageError("has content that is neither text nor a list of parts")
    words, thoughts, others = [], [], 0
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if not isinstance(kind, str):
            raise NoMessageError("has a part without a type")
        if kind in THOUGHT_PARTS:
            thoughts += list(_strings({name: part[name] for name in part if name != "type"}))
        elif kind in ("text", "input_text", "output_text"):
            if not isinstance(part.get("text"), str):
                raise NoMessageError("has a text part without a text")
            words.append(part["text"])
        else:
            others += 1
    return "".join(words), tuple(thoughts), others


def _strings(value: Any) -> Iterator[str]:
    """The texts of a part, wherever a server puts them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("type", "signature", "id"):
                yield from _strings(inner)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for inner in value:
            yield from _strings(inner)


def _without_nulls(value: Any) -> Any:
    """`value` without the nulls with which a table fills the fields that a row lacks."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list | tuple) else value


def forms(chat: Mapping[int, Said]) -> Iterator[dict[int, ChatMessage]]:
    """The ways to give a chat to a template, by number of the message: as it is, with the arguments of calls as objects, without calls.

    Templates differ in what they want of a call; the last form has what is said alone.
    """
    whole = {number: said.message for number, said in chat.items()}
    yield whole
    if any(said.carried for said in chat.values()):
        yield {number: _parsed(message) for number, message in whole.items()}
        yield {
            number: {"role": said.role, "content": said.content}
            for number, said in chat.items()
            if said.content.strip()
        }


def _parsed(message: ChatMessage) -> ChatMessage:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    found = []
    for call in calls:
        inner = call.get("function") if isinstance(call, Mapping) else None
        arguments = inner.get("arguments") if isinstance(inner, Mapping) else None
        if isinstance(inner, Mapping) and isinstance(arguments, str):
            try:
                call = {**call, "function": {**inner, "arguments": json.loads(arguments)}}
            except ValueError:
                return message
        found.append(call)
    return message | {"tool_calls": found}
