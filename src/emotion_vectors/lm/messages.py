"""Texts and chats as a model reads them: token ids, the words of each token, whose message it is, where the answer begins.

A chat is a list of messages in the OpenAI format: `{"role": ..., "content": ...}`, the content a string or a list of parts, of which
the text is read. It is rendered by the model's own chat template (thinking off), or as `Human: ...` / `Assistant: ...` for a base
model. A plain text is read as it is, without a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from emotion_vectors.errors import UserError
from emotion_vectors.lm.chat_format import ChatMessage, NoMessageError, Said, forms, read_message
from emotion_vectors.lm.control import marks_among
from emotion_vectors.lm.limits import require_known, require_room
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.placing import own_tokens_of, places_of
from emotion_vectors.lm.templates import MARKS, fronted, marked, prompt_ids, ready, template_text

Messages = Sequence[Mapping[str, Any]]
"""A chat in the OpenAI format."""

SURROGATE = re.compile("[\ud800-\udfff]")
BASE_ROLES = {"user": "Human: ", "assistant": "Assistant: ", "system": ""}


class MessageSpan(NamedTuple):
    """The tokens of one message's content: the half-open range `first` to `last`. A plain text has the role `text`."""

    role: str
    first: int
    last: int


@dataclass(frozen=True)
class Conversation:
    """A rendered text or chat.

    `ids` (t,) are what the model is fed; `tokens` (t,) the characters of each, which join to `text` (a character that
    several tokens share is with the last of them); `response` is the position that predicts the first token of the last
    answer, whether it is there or still to come, and None for a plain text. `front` is how many tokens of the tokenizer's own
    begin it. `numbers`, one for each of `messages`, are their places among the messages given; `left_out` has the places of the others
    and why. `control_tokens`, `thought_tokens` and `other_parts` count, by message, control tokens among its own tokens (somebody wrote
    the template's marks, `lm.control`), tokens of thoughts that were left out, and parts that are not text; `control` has the places of those
    control tokens in `ids`.
    """

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    text: str
    messages: tuple[MessageSpan, ...]
    response: int | None
    front: int = 0
    numbers: tuple[int, ...] = ()
    left_out: tuple[tuple[int, str], ...] = ()
    control_tokens: tuple[int, ...] = ()
    thought_tokens: tuple[int, ...] = ()
    other_parts: tuple[int, ...] = ()
    control: tuple[int, ...] = ()


def converse(
    lm: LanguageModel, text_or_messages: str | Messages, any_length: bool = False, partial: bool = False
) -> Conversation:
    """Render a plain text, or a chat that ends with an answer or is about to be answered.

    What an assistant thought is left out, in whatever form it is given (`lm.thinking`), and counted. With `partial`, messages without words
    and those that the template passes over are left out too and named in `left_out`; otherwise they are refused. Raises `UserError` for
    messages of another format, for a chat that the template refuses or alters, and for a text longer than the model's context
    (unless `any_length`).
    """
    if isinstance(text_or_messages, str):
        if not text_or_messages.strip():
            raise UserError("The text is empty; give some words to read.")
        place = {0: (0, len(text_or_messages))}
        return _located(lm, text_or_messages, place, {0: Said("text", text_or_messages)}, any_length, plain=True)
    chat = checked(text_or_messages, partial)
    missing = {number: _why_missing(said) for number, said in chat.items() if not said.content.strip()}
    chat = {number: said for number, said in chat.items() if said.content.strip() or said.carried.get("tool_calls")}
    if not any(said.content.strip() for said in chat.values()):
        raise UserError("None of the messages has words to read.")
    given, rendered, places = _rendered(lm, chat)
    passed = [number for number in given if given[number]["content"] and number not in places]
    for number in passed:
        said = chat.pop(number)
        missing[number] = f"the chat template of {lm.name} ignores the role '{said.role}'; it was left out"
        if not partial:
            raise UserError(
                f"The chat template of {lm.name} ignores message {number + 1} (role '{said.role}'); leave it out or give it another role."
            )
    if passed:
        if not any(said.content.strip() for said in chat.values()):
            raise UserError(
                f"The chat template of {lm.name} ignores all of these messages; use the roles user and assistant."
            )
        given, rendered, places = _rendered(lm, chat)
    found = _located(lm, rendered, places, chat, any_length)
    left_out = tuple(sorted(missing.items()))
    return replace(found, response=_response(lm, list(given.values()), found), left_out=left_out)


def transcript(lm: LanguageModel, turns: Sequence[tuple[str, str]]) -> Conversation:
    """Turns of (name, text) as plain text without a template, `Name: text` with a blank line between; the spans are of the texts alone.

    Raises `UserError` for a text without words and for one longer than the model's context.
    """
    text, places, said = "", {}, {}
    for number, (name, words) in enumerate(turns):
        if not words.strip():
            raise UserError(f"Turn {number + 1} has no words to read.")
        text += ("\n\n" if text else "") + f"{name}: "
        places[number], said[number] = (len(text), len(text) + len(words)), Said(name, words)
        text += words
    return _located(lm, text, places, said, any_length=False, plain=True)


def checked(messages: Messages, partial: bool = False) -> dict[int, Said]:
    """Messages by their numbers; anything that is not the OpenAI format is a `UserError`, and so is one without words unless `partial`."""
    wanted = 'give a text or a list of messages like {"role": "user", "content": "Hello"}'
    if not isinstance(messages, Sequence) or not messages:
        raise UserError(f"These are not chat messages; {wanted}.")
    found = {}
    for number, message in enumerate(messages):
        try:
            said = read_message(message)
        except NoMessageError as wrong:
            raise UserError(f"Message {number + 1} {wrong}; {wanted}.") from None
        if not said.content.strip() and not said.carried.get("tool_calls") and not partial:
            raise UserError(f"Message {number + 1} is empty ({_why_missing(said)}); leave it out or give it words.")
        if any(mark in said.content for mark in MARKS):
            raise UserError("A message contains the private characters U+E0F1 or U+E0F2; take them out.")
        found[number] = said
    return found


def _why_missing(said: Said) -> str:
    if said.thoughts:
        return "it is a thought without an answer and was left out"
    if said.other_parts:
        return "it has parts that are not text and was left out"
    if said.carried.get("tool_calls"):
        return "it has no text, only calls of tools"
    return "it has no text and was left out"


Given = dict[int, ChatMessage]
"""Messages as a template gets them, by number."""


def _rendered(lm: LanguageModel, chat: dict[int, Said]) -> tuple[Given, str, dict[int, tuple[int, int]]]:
    """The messages in the form that the template takes, the text of the chat, and the places of the contents."""
    refusal = None
    for given in forms(chat):
        try:
            rendered, frame = (
                _render(lm, messages) for messages in (list(given.values()), marked(list(given.values())))
            )
            return given, rendered, places_of(lm, given, rendered, frame, list(given))
        except UserError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _render(lm: LanguageModel, messages: list[ChatMessage]) -> str:
    """Text of the chat, up to where an answer begins unless it ends with one."""
    open_ended = messages[-1]["role"] != "assistant"
    if not lm.is_chat:
        return _plain(lm, messages) + ("\n\nAssistant:" if open_ended else "")
    return ready(lm, messages) if open_ended else template_text(lm, messages, answer=False)


def _plain(lm: LanguageModel, messages: list[ChatMessage]) -> str:
    for number, message in enumerate(messages, start=1):
        if message["role"] not in BASE_ROLES:
            raise UserError(
                f"Message {number} has the role '{message['role']}', but {lm.name} has no chat template; use user, assistant or system."
            )
    return "\n\n".join(BASE_ROLES[message["role"]] + message["content"] for message in messages if message["content"])


def _located(
    lm: LanguageModel,
    text: str,
    places: dict[int, tuple[int, int]],
    chat: dict[int, Said],
    any_length: bool,
    plain: bool = False,
) -> Conversation:
    """Tokenise once, place every message in those very ids, and check the places by decoding."""
    if half := SURROGATE.search(text):
        raise UserError(
            f"Character {half.start() + 1} of the text is half a character (a lone surrogate), which no tokenizer can read; take it out."
        )
    ids, offsets, front = prompt_ids(lm.tokenizer, text, plain or fronted(lm))
    require_known(lm, ids)
    if not any_length:
        require_room(lm, len(ids))
    order = sorted(places)
    spans = []
    for number in order:
        first, last = own_tokens_of(lm.tokenizer, ids, offsets, text, places[number], chat[number].role != "text")
        spans.append(MessageSpan(chat[number].role, first, last))
    control = marks_among(lm.tokenizer, ids, offsets, text, [(span.first, span.last) for span in spans])
    controls = [sum(span.first <= place < span.last for place in control) for span in spans]
    thoughts = [
        sum(len(lm.tokenizer(thought, add_special_tokens=False)["input_ids"]) for thought in chat[number].thoughts)
        for number in order
    ]
    return Conversation(
        tuple(ids), pieces(text, offsets), text, tuple(spans), None, front, tuple(order), (), tuple(controls), tuple(thoughts),
        tuple(chat[number].other_parts for number in order), control,
    )  # fmt: skip


def _response(lm: LanguageModel, messages: list[ChatMessage], found: Conversation) -> int:
    """The last token of the generation prompt, where the answer is still to come and where it is there alike."""
    if messages[-1]["role"] != "assistant":
        return len(found.ids) - 1
    # An answer may be a call of a tool without a word of its own.
    first = found.messages[-1].first if messages[-1]["content"].strip() else len(found.ids)
    begun = _begun(lm, messages[:-1])
    if begun is None or not found.text.startswith(begun):
        return first - 1
    # A space between the prompt and the answer may be a token of its own: it is not part of the prompt.
    ends = accumulate(len(token) for token in found.tokens)
    whole = sum(end <= len(begun) for end in ends)
    return min(whole, first) - 1


def _begun(lm: LanguageModel, before: list[ChatMessage]) -> str | None:
    """The prompt that an answer after these messages had; None where the template makes none."""
    if not before or before[-1]["role"] == "assistant":
        return None
    try:
        return _render(lm, before)
    except UserError:  # the chat as a whole is rendered: the answer in it need not be one that could be asked for
        return None


def pieces(text: str, offsets: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """`text` cut into the characters of each token; the pieces join to the text.

    Characters that no token claims go to the next token; a character that several tokens spell byte by byte to the last.
    """
    cuts = [0]
    for (_, end), (following, _) in zip(offsets, [*offsets[1:], (len(text), len(text))], strict=True):
        cuts.append(max(cuts[-1], min(end, following)))
    cuts[-1] = len(text)
    return tuple(text[a:b] for a, b in pairwise(cuts))
