"""Texts and chats as a model reads them: token ids, the words of each token, whose message it is, where the answer begins.

A chat is a list of messages in the OpenAI format: `{"role": ..., "content": ...}`, the content a string or a list of text
parts. It is rendered by the model's own chat template (thinking off), or as `Human: ...` / `Assistant: ...` for a base
model. A plain text is read as it is, without a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import THINKING, check_span, leading_bos

Messages = Sequence[Mapping[str, Any]]
"""A chat in the OpenAI format."""

SURROGATE = re.compile("[\ud800-\udfff]")
BASE_ROLES = {"user": "Human: ", "assistant": "Assistant: ", "system": ""}
# Around a number, they stand for a message's content while its place in the template is looked up: private Unicode.
MARKS = "\ue0f1\ue0f2"


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
    answer, whether it is there or still to come, and None for a plain text.
    """

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    text: str
    messages: tuple[MessageSpan, ...]
    response: int | None


def converse(lm: LanguageModel, text_or_messages: str | Messages, any_length: bool = False) -> Conversation:
    """Render a plain text, or a chat that ends with an answer or is about to be answered.

    Raises `UserError` for messages of another format, for a chat that the template refuses or alters, and for a text
    longer than the model's context (unless `any_length`).
    """
    if isinstance(text_or_messages, str):
        if not text_or_messages.strip():
            raise UserError("The text is empty; give some words to read.")
        return _located(lm, text_or_messages, [("text", 0, len(text_or_messages))], chat=False, any_length=any_length)
    messages = checked(text_or_messages)
    rendered = _render(lm, messages)
    places = _places(lm, messages, rendered)
    found = _located(lm, rendered, places, chat=True, any_length=any_length)
    return replace(found, response=_response(lm, messages, found))


def checked(messages: Messages) -> list[dict[str, str]]:
    """Messages as role and text; anything that is not the OpenAI format is a `UserError`."""
    wanted = 'give a text or a list of messages like {"role": "user", "content": "Hello"}'
    if not isinstance(messages, Sequence) or not messages:
        raise UserError(f"These are no chat messages; {wanted}.")
    plain = []
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise UserError(f"Message {number} has no role; {wanted}.")
        content = message.get("content")
        if isinstance(content, Sequence) and not isinstance(content, str):
            content = _joined(content, number)
        if not isinstance(content, str):
            raise UserError(f"The content of message {number} is no text; {wanted}.")
        if not content.strip():
            raise UserError(f"Message {number} is empty; leave it out or give it words.")
        plain.append({"role": message["role"], "content": content})
    return plain


def _joined(parts: Sequence[Any], number: int) -> str:
    texts = [part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") == "text"]
    if len(texts) != len(parts) or not all(isinstance(text, str) for text in texts):
        raise UserError(f"Message {number} has parts that are no text; only text can be read.")
    return "".join(map(str, texts))


def _render(lm: LanguageModel, messages: list[dict[str, str]]) -> str:
    """Text of the chat, with the generation prompt unless it ends with an answer."""
    open_ended = messages[-1]["role"] != "assistant"
    if not lm.is_chat:
        return _plain(lm, messages) + ("\n\nAssistant:" if open_ended else "")
    try:
        text = str(
            lm.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=open_ended, enable_thinking=False
            )
        )
    except Exception as error:  # templates raise whatever their authors chose
        raise UserError(f"The chat template of {lm.name} refuses these messages: {first_line(error)}.") from error
    for opened, closed in THINKING if open_ended else ():
        if text.rfind(opened) > text.rfind(closed):
            raise UserError(
                f"The chat template of {lm.name} leaves a reasoning block open ({opened}); use a model that answers at once."
            )
    return text


def _plain(lm: LanguageModel, messages: list[dict[str, str]]) -> str:
    for number, message in enumerate(messages, start=1):
        if message["role"] not in BASE_ROLES:
            raise UserError(
                f"Message {number} has the role '{message['role']}', but {lm.name} has no chat template; use user, assistant or system."
            )
    return "\n\n".join(BASE_ROLES[message["role"]] + message["content"] for message in messages)


def _places(lm: LanguageModel, messages: list[dict[str, str]], rendered: str) -> list[tuple[str, int, int]]:
    """Role and character range of every message's content, in the order of the messages.

    The template is rendered again with placeholders for the contents; what lies between them must be the same in both.
    """
    if any(mark in message["content"] for message in messages for mark in MARKS):
        raise UserError("A message holds the private characters U+E0F1 or U+E0F2; take them out.")
    frame = _render(lm, [message | {"content": f"{number}".join(MARKS)} for number, message in enumerate(messages)])
    places: dict[int, tuple[int, int]] = {}
    opening, *rest = frame.split(MARKS[0])
    matches, cursor = rendered.startswith(opening), len(opening)
    for piece in rest:
        name, _, between = piece.partition(MARKS[1])
        number = int(name)
        content = messages[number]["content"]
        # Many templates strip the content.
        form = next((c for c in (content, content.strip()) if rendered.startswith(c + between, cursor)), None)
        if not matches or form is None or number in places:
            break
        places[number] = (cursor, cursor + len(form))
        cursor += len(form) + len(between)
    if not matches or len(places) != len(messages) or cursor != len(rendered):
        wrong = next((n for n in range(len(messages)) if n not in places), 0) + 1
        raise UserError(f"The chat template of {lm.name} alters or repeats message {wrong}; can't place its tokens.")
    return [(message["role"], *places[number]) for number, message in enumerate(messages)]


def _located(
    lm: LanguageModel, text: str, places: list[tuple[str, int, int]], chat: bool, any_length: bool
) -> Conversation:
    """Tokenise once, place every message in those very ids, and check the places by decoding."""
    if half := SURROGATE.search(text):
        raise UserError(
            f"Character {half.start() + 1} of the text is half a character (a lone surrogate), which no tokenizer can read; take it out."
        )
    encoded = lm.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(encoded["input_ids"]), [(int(a), int(b)) for a, b in encoded["offset_mapping"]]
    bos = leading_bos(lm.tokenizer)
    if bos is not None and ids[:1] != [bos]:
        ids, offsets = [bos, *ids], [(0, 0), *offsets]
    limit = getattr(lm.model.config.get_text_config(), "max_position_embeddings", None)
    if isinstance(limit, int) and len(ids) > limit and not any_length:
        raise UserError(f"The text has {len(ids)} tokens but {lm.name} reads at most {limit}; shorten or split it.")
    spans = []
    for role, start, end in places:
        inside = [i for i, (a, b) in enumerate(offsets) if b > start and a < end and b > a]
        if not inside:
            raise UserError(f"No token spells '{text[start:end][:60]}'; the tokenizer gives no usable offsets.")
        spans.append(MessageSpan(role, inside[0], inside[-1] + 1))
        if chat:
            # A plain text may hold characters that a tokenizer normalises; in a chat a wrong span would mix up speakers.
            check_span(lm.tokenizer, ids[inside[0] : inside[-1] + 1], text[start:end])
    return Conversation(tuple(ids), pieces(text, offsets), text, tuple(spans), None)


def _response(lm: LanguageModel, messages: list[dict[str, str]], found: Conversation) -> int:
    """The last token of the generation prompt, where the answer is still to come and where it is there alike."""
    last = found.messages[-1]
    if last.role != "assistant":
        return len(found.ids) - 1
    opening = _render(lm, messages[:-1]) if len(messages) > 1 and messages[-2]["role"] != "assistant" else None
    if opening is None or not found.text.startswith(opening):
        return last.first - 1
    # A space between the prompt and the answer may be a token of its own: it is no part of the prompt.
    ends = accumulate(len(token) for token in found.tokens)
    whole = sum(end <= len(opening) for end in ends)
    return min(whole, last.first) - 1


def pieces(text: str, offsets: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """`text` cut into the characters of each token; the pieces join to the text.

    Characters that no token claims go to the next token; a character that several tokens spell byte by byte to the last.
    """
    cuts = [0]
    for (_, end), (following, _) in zip(offsets, [*offsets[1:], (len(text), len(text))], strict=True):
        cuts.append(max(cuts[-1], min(end, following)))
    cuts[-1] = len(text)
    return tuple(text[a:b] for a, b in pairwise(cuts))
