"""The model's chat template: which one, and a chat rendered with it up to where the answer begins.

What a template makes is looked at in frames: the same chat with placeholders for its contents, once ready to be answered and once
with an answer in place. So nothing that a person wrote is ever taken for the template's, and how the template itself opens an
answer is known: where the prompt stops before that (gpt-oss: inside the turn's header) or opens a thought (DeepSeek R1), the rest is
added, the model's *opening*. What can't be opened for certain is a `UserError`. A template that prints today's date always prints `TODAY`,
so that a prompt, and with it every result, is the same on any day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from transformers import PreTrainedTokenizerBase
from transformers.utils.hub import cached_file

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm import thinking
from emotion_vectors.lm.chat_format import ChatMessage

if TYPE_CHECKING:
    from emotion_vectors.lm.model import LanguageModel

# Around a number, they stand for a message's content while its place in the template is looked up: private Unicode.
MARKS = "\ue0f1\ue0f2"
# The day that templates are told. It is the one that Llama 3's own template prints where it is told none.
TODAY = datetime(2024, 7, 26, 12)
CLOCK = "strftime_now"  # the function by which templates of transformers ask for the time
DIRECTIVES = "aAbBcdeFHIjmMpSTuUwWxXyY"
Message = Mapping[str, Any]

_PARTS: WeakKeyDictionary[PreTrainedTokenizerBase, dict[str, bool]] = WeakKeyDictionary()
_OPENINGS: WeakKeyDictionary[PreTrainedTokenizerBase, dict[tuple[str, ...], str]] = WeakKeyDictionary()


def template_text(lm: LanguageModel, messages: Sequence[Message], answer: bool) -> str:
    """The chat as the template renders it, thinking off where it can be; with `answer` up to what it puts before an answer.

    Raises `UserError` with the template's own words where it refuses the messages.
    """
    if _wants_parts(lm.tokenizer):
        messages = [
            {**message, "content": [{"type": "text", "text": message["content"]}] if message["content"] else []}
            for message in messages
        ]
    try:
        return str(
            lm.tokenizer.apply_chat_template(
                [dict(message) for message in messages], tokenize=False, add_generation_prompt=answer,
                chat_template=dated(lm.tokenizer.chat_template), **thinking.SWITCHES
            )
        )  # fmt: skip
    except Exception as error:  # templates raise whatever their authors chose
        raise UserError(f"The chat template of {lm.name} refuses these messages: {first_line(error)}.") from error


def _wants_parts(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the template reads contents as lists of parts alone, as those of some models with images do (SmolVLM, LLaVA).

    It is tried: such a template passes over the words of a user whose content is a text.
    """
    source, word = dated(tokenizer.chat_template), "".join(MARKS)
    known = _PARTS.setdefault(tokenizer, {})
    if (key := str(source)) not in known:
        found = []
        for content in (word, [{"type": "text", "text": word}]):
            try:
                chat = [{"role": "user", "content": content}]
                found.append(
                    word
                    in str(
                        tokenizer.apply_chat_template(chat, tokenize=False, chat_template=source, **thinking.SWITCHES)
                    )
                )
            except Exception:  # templates raise whatever their authors chose; the real messages tell
                found.append(False)
        known[key] = found == [False, True]
    return known[key]


def dated(source: Any) -> Any:
    """The template with its clock stopped at `TODAY`; one that never asks for the time is returned as it is.

    transformers hands no function to a template, so the clock is a macro of the same name that writes the parts of the date.
    """
    if not isinstance(source, str) or CLOCK not in source:
        return source
    # "%-d" and the like are a number without its leading zero; "%%" has to survive the others.
    parts = [("%%", "\0"), *((f"%-{d}", TODAY.strftime(f"%{d}").lstrip("0") or "0") for d in "dHIjmMSyU")]
    parts += [(f"%{d}", TODAY.strftime(f"%{d}")) for d in DIRECTIVES] + [("\0", "%")]
    written = "format" + "".join(f".replace({json.dumps(old)}, {json.dumps(new)})" for old, new in parts)
    # The empty expression keeps the macro's end from taking the template's first line break.
    return f"{{% macro {CLOCK}(format) %}}{{{{ {written} }}}}{{% endmacro %}}{{{{ '' }}}}{source}"


def fronted(lm: LanguageModel) -> bool:
    """Whether rendered chats begin with the tokenizer's own first tokens (a BOS), as plain texts do.

    Not where a template writes the chat: what transformers and vLLM feed is the template's text alone, `apply_chat_template(...,
    tokenize=True)`. A GGUF file says so itself (`add_bos_token`), and llama.cpp does it for chats too.
    """
    return not lm.is_chat or lm.gguf is not None


def altered(lm: LanguageModel, what: str) -> UserError:
    """The refusal of a template that does not write messages as they are."""
    return UserError(
        f"The chat template of {lm.name} alters or repeats {what}, so its tokens can't be located; give the model a chat template that "
        "writes messages as they are (chat_template.jinja in its folder)."
    )


def ready(lm: LanguageModel, messages: Sequence[Message]) -> str:
    """The chat as text, ready for the model to answer: the template's text and the model's opening."""
    return template_text(lm, messages, answer=True) + opening(lm, messages)


def marked(messages: Sequence[Message]) -> list[ChatMessage]:
    """The messages with a placeholder for every content that has words."""
    return [
        {**message, "content": f"{number}".join(MARKS)} if message["content"] else dict(message)
        for number, message in enumerate(messages)
    ]


def opening(lm: LanguageModel, messages: Sequence[Message] = ({"role": "user", "content": "Hello."},)) -> str:
    """What has to be added to the template's text so that the answer begins, "" where the template opens it; cached by roles."""
    if not lm.is_chat:
        return ""
    kinds = tuple(f"{message['role']}{'' if message['content'] else ' '}{sorted(message)}" for message in messages)
    key = (str(lm.tokenizer.chat_template), *kinds)
    known = _OPENINGS.setdefault(lm.tokenizer, {})
    if key not in known:
        frames = marked(messages)
        tail = template_text(lm, frames, answer=True).rpartition(MARKS[1])[2]
        known[key] = _opening(lm, tail, _answered(lm, frames))
    return known[key]


def _answered(lm: LanguageModel, frames: list[ChatMessage]) -> str | None:
    """What the template puts between the last message and an answer that is there; None where it shows none."""
    try:
        text = template_text(lm, [*frames, {"role": "assistant", "content": "".join(MARKS)}], answer=False)
    except UserError:
        return None
    before, found, _ = text.rpartition("".join(MARKS))
    return before.rpartition(MARKS[1])[2] if found else None


def _opening(lm: LanguageModel, tail: str, answered: str | None) -> str:
    if answered is not None and answered.startswith(tail):
        added = answered[len(tail) :]
        # White space before an answer is the template's taste; a tokenizer may join it with the answer's first word.
        added = added if added.strip() else ""
    else:
        added = _closing(tail, answered)
        for opener in thinking.ANSWERS:
            if answered is not None and answered.endswith(opener) and not (tail + added).endswith(opener):
                added += opener if opener != thinking.FINAL else answered[answered.rfind("<|start|>") :]
        if answered is not None and not added and not thinking.mentions(tail):
            _refuse_unknown(lm, tail, answered)
    whole = tail + added
    if (form := thinking.left_open(whole)) or (channel := thinking.in_other_channel(whole)):
        shown = form.opened if form else f"the channel {channel}"
        raise UserError(
            f"The chat template of {lm.name} leaves a reasoning block open ({shown}) that can't be closed for certain; use a model that answers at once."
        )
    return added if thinking.mentions(whole) else added + _thought_of_its_own(lm, whole)


def _closing(tail: str, answered: str | None) -> str:
    """What ends a thought that the prompt ends in, where there is one and nothing of it is said."""
    if thinking.in_other_channel(tail):
        final = answered is not None and answered.endswith(thinking.FINAL) and "<|start|>" in answered
        return "<|end|>" if final and tail.endswith("<|message|>") else ""
    form = thinking.left_open(tail)
    if form is None or tail.rpartition(form.opened)[2].strip():
        return ""
    # A template that breaks the line after the opening marker does so before the closing one.
    line = "\n" if tail.endswith("\n") else ""
    return f"{line}{form.closed}{line * 2}"


def _refuse_unknown(lm: LanguageModel, tail: str, answered: str) -> None:
    """Refuse words that the template puts before an answer to come but not before one that is there: a thought in no known form."""
    extra = tail.rstrip()[len(answered.rstrip()) :].strip() if tail.startswith(answered.rstrip()) else ""
    if extra:
        raise UserError(
            f"The chat template of {lm.name} begins an answer with {extra[:40]!r}, which may open a thought in a form that is not known here; "
            "use a model that answers at once."
        )


def _thought_of_its_own(lm: LanguageModel, whole: str) -> str:
    """An empty thought where the model itself would begin its answer with one, although the template opens none.

    Asked only of templates that know of thoughts: the likeliest tokens after a prompt say whether the model writes the marker.
    """
    source = lm.tokenizer.chat_template
    forms = [
        form for form in thinking.FORMS if isinstance(source, str) and (form.opened in source or form.closed in source)
    ]
    if not forms:
        return ""
    prompt = template_text(lm, [{"role": "user", "content": "Hello."}], answer=True)
    ids = prompt_ids(lm.tokenizer, prompt, fronted(lm))[0]
    for form in forms:
        wanted = list(lm.tokenizer(form.opened, add_special_tokens=False)["input_ids"])
        written: list[int] = []
        while len(written) < len(wanted) and written == wanted[: len(written)]:
            with torch.inference_mode():
                logits = lm.model(torch.tensor([[*ids, *written]], device=lm.device)).logits
            written.append(int(logits[0, -1].argmax()))
        if wanted and written == wanted:
            return form.empty
    return ""


def prompt_ids(
    tokenizer: PreTrainedTokenizerBase, text: str, begun: bool = True
) -> tuple[list[int], list[tuple[int, int]], int]:
    """Ids and character offsets of `text` as the tokenizer begins texts, and how many of its own tokens stand in front.

    With `begun` False nothing is put before the text; see `fronted`.

    Source of the front: the tokenizer's own output for a plain text (a BOS, or several such as `[gMASK]<sop>`). A text that begins with these
    tokens already, as many templates write them, gets no second ones; its offsets then show them as part of the text.
    """
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(encoded["input_ids"]), [(int(a), int(b)) for a, b in encoded["offset_mapping"]]
    front = prefix_of(tokenizer)
    there = next((k for k in range(len(front)) if ids[: len(front) - k] == front[k:]), len(front))
    if front and ids[:1] == front[:1]:
        there = 0
    there = there if begun else 0
    return (
        [*front[:there], *ids],
        [(0, 0)] * there + offsets,
        len(front) if ids[: len(front) - there] == front[there:] else 0,
    )


def prefix_of(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The ids that the tokenizer puts before a plain text."""
    if tokenizer.is_fast and not tokenizer.num_special_tokens_to_add():
        return []  # known without reading two texts, and asked for every prompt
    plain, whole = (list(tokenizer("a", add_special_tokens=own)["input_ids"]) for own in (False, True))
    at = next((k for k in range(len(whole) - len(plain) + 1) if whole[k : k + len(plain)] == plain), 0)
    return whole[:at]


def settle_template(tokenizer: PreTrainedTokenizerBase, folder: str, name: str, revision: str | None = None) -> None:
    """Give the tokenizer the one template to use: from its files, from chat_template.json, or the default of several.

    Raises `UserError` where there are several and none is called default: which one the model wants for a plain chat is not known.
    """
    if not tokenizer.chat_template and (path := _beside(folder, "chat_template.json", revision)):
        try:
            tokenizer.chat_template = json.loads(path.read_text(encoding="utf-8"))["chat_template"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"The chat_template.json of '{name}' has no template ({first_line(error)}); fix it or remove it from the folder."
            ) from error
    named = tokenizer.chat_template
    if isinstance(named, list):  # as older files keep them
        named = {str(one["name"]): one["template"] for one in named}
    if not isinstance(named, dict):
        return
    chosen = named.get("default") or (next(iter(named.values())) if len(named) == 1 else None)
    if chosen is None:
        raise UserError(
            f"The tokenizer of '{name}' has several chat templates ({', '.join(sorted(named))}) and none is called default; save the one "
            "for plain chats as chat_template.jinja in the model's folder, without the others."
        )
    tokenizer.chat_template = chosen


def _beside(folder: str, file: str, revision: str | None) -> Path | None:
    """A file of a model folder or of a repository on the hub, None where it has none."""
    if Path(folder).is_dir():
        path = Path(folder) / file
        return path if path.is_file() else None
    try:
        found = cached_file(folder, file, revision=revision, _raise_exceptions_for_missing_entries=False,
                            _raise_exceptions_for_connection_errors=False)  # fmt: skip
    except OSError:
        return None
    return None if found is None else Path(found)
