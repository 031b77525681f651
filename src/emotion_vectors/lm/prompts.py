"""Render prompts to token ids and find which tokens spell a piece of text.

Chat models get their own chat template, up to where the answer begins (`templates.ready`); base models the plain
`Human: ...` / `Assistant:` format. Token offsets always come from the very ids that are fed to the model.
"""

from __future__ import annotations

import string
import unicodedata
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from emotion_vectors.errors import UserError
from emotion_vectors.lm.limits import require_known, require_room
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.templates import altered, fronted, prompt_ids, ready


@dataclass(frozen=True)
class Prompt:
    """Token ids of one prompt, with the half-open token range of each named piece of text."""

    ids: tuple[int, ...]
    spans: dict[str, tuple[int, int]]
    text: str


def chat_prompt(lm: LanguageModel, template: str, values: dict[str, str] | None = None, prefill: str = "") -> Prompt:
    """The user message `template` filled with `values`, ready for the model to answer after `prefill`.

    `spans[name]` is the token range of each value. The last token is the response position: where the answer begins.
    """
    message, ranges = fill(template, values or {})
    rendered = render(lm, message) + (prefill if lm.is_chat else f" {prefill}" if prefill else "")
    if rendered.count(message) != 1:
        raise altered(lm, f"the message '{message[:60]}'")
    shift = rendered.index(message)
    places = {name: (shift + a, shift + b) for name, (a, b) in ranges.items()}
    prompt = locate(lm.tokenizer, rendered, places, begun=fronted(lm))
    require_known(lm, prompt.ids)
    require_room(lm, len(prompt.ids), what=f"The prompt '{message[:40]}'")
    return prompt


def render(lm: LanguageModel, message: str) -> str:
    """Text of a conversation in which the user has said `message` and the assistant is about to answer."""
    if not lm.is_chat:
        return f"Human: {message}\n\nAssistant:"
    return ready(lm, [{"role": "user", "content": message}])


def story_prompt(lm: LanguageModel, story: str, chat: bool) -> Prompt:
    """A story as the model reads it: raw text, or as the assistant's answer in the chat template; span `story`."""
    if chat and not lm.is_chat:
        raise UserError(f"{lm.name} has no chat template, so stories can't be read in one; use --set story_format=raw.")
    opening = render(lm, "Write a short story.") if chat else ""
    span = (len(opening), len(opening) + len(story))
    # A story may hold characters that a tokenizer normalises, so its tokens need not decode to the very same text.
    prompt = locate(lm.tokenizer, opening + story, {"story": span}, checked=False, begun=not chat or fronted(lm))
    require_known(lm, prompt.ids)
    return prompt


def fill(template: str, values: dict[str, str]) -> tuple[str, dict[str, tuple[int, int]]]:
    """`template` with its `{name}` fields replaced, and the character range of each value."""
    text, ranges = "", {}
    for literal, name, _, _ in string.Formatter().parse(template):
        text += literal
        if name is not None:
            ranges[name] = (len(text), len(text) + len(values[name]))
            text += values[name]
    return text, ranges


def locate(
    tokenizer: PreTrainedTokenizerBase,
    text: str,
    ranges: dict[str, tuple[int, int]],
    checked: bool = True,
    begun: bool = True,
) -> Prompt:
    """Tokenise `text` as the tokenizer begins texts (`templates.prompt_ids`) and turn character ranges into token ranges.

    `begun` False: nothing is put before it. With `checked` each range's tokens must decode to its text.
    """
    ids, offsets, _ = prompt_ids(tokenizer, text, begun)
    spans = {}
    for name, (start, end) in ranges.items():
        inside = [i for i, (a, b) in enumerate(offsets) if b > start and a < end and b > a]
        if not inside:
            raise UserError(f"No token spells '{text[start:end][:60]}'; the tokenizer gives no usable offsets.")
        spans[name] = (inside[0], inside[-1] + 1)
        if checked:
            check_span(tokenizer, ids[inside[0] : inside[-1] + 1], text[start:end])
    return Prompt(tuple(ids), spans, text)


def check_span(tokenizer: PreTrainedTokenizerBase, ids: list[int], text: str) -> None:
    """Refuse a span whose tokens don't decode to its text: a vector would be added to the wrong tokens."""
    decoded = str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))
    if not same_words(tokenizer, decoded, text):
        raise UserError(
            f"The tokens found for '{text[:60]}' decode to '{decoded[:60]}'; word it so that it begins and ends on token borders."
        )


def same_words(tokenizer: PreTrainedTokenizerBase, decoded: str, text: str) -> bool:
    """Whether `decoded` is `text` but for white space and what the tokenizer's own normaliser changes, such as decomposed letters."""
    wanted = "".join(text.split())
    if (said := "".join(decoded.split())) == wanted:
        return True
    if unicodedata.normalize("NFC", said) == unicodedata.normalize("NFC", wanted):
        return True
    normalizer = getattr(getattr(tokenizer, "backend_tokenizer", None), "normalizer", None)
    return normalizer is not None and "".join(normalizer.normalize_str(text).replace("\u2581", " ").split()) == said


def option_tokens(lm: LanguageModel, prompt: Prompt) -> tuple[int, int]:
    """Ids of the answers A and B right after `prompt`; one token each, and different.

    They are the tokens that the model would write there. Where the tokenizer would melt the letter with the end of the prompt, as
    the "(A" of Llama 3 and Qwen, it is the letter as a token of its own: what follows the prefill "(" in the published method.
    """
    ids = [_option_token(lm, prompt, letter) for letter in "AB"]
    if ids[0] == ids[1]:
        raise UserError(f"{lm.name} has one token for both A and B; its preferences can't be read.")
    return ids[0], ids[1]


def _written_after(lm: LanguageModel, prompt: Prompt, letter: str) -> tuple[int, ...] | None:
    """The ids of `letter` right after `prompt`; None where the tokenizer joins the two."""
    longer, end = locate(lm.tokenizer, prompt.text + letter, {}, begun=fronted(lm)).ids, len(prompt.ids)
    return longer[end:] if longer[:end] == prompt.ids else None


def _option_token(lm: LanguageModel, prompt: Prompt, letter: str) -> int:
    ids = _written_after(lm, prompt, letter)
    if ids is None:
        alone = lm.tokenizer.get_vocab().get(letter)
        ids = () if alone is None else (int(alone),)
    begun, said = (
        str(lm.tokenizer.decode(some, clean_up_tokenization_spaces=False))
        for some in (list(prompt.ids), [*prompt.ids, *ids])
    )
    if len(ids) != 1 or said != begun + letter:
        raise UserError(
            f"After {prompt.text[-12:]!a} the answer '{letter}' is not a token of its own in {lm.name}; change the prefill of the pack."
        )
    return ids[0]
