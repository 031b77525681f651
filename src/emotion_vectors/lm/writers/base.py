"""The writer interface: requests of token ids in, written texts out, in any order.

A writer knows nothing of emotions or topics. Each request carries its own seed, and what a request yields depends on
its prompt, its seed and the sampling alone, not on what else is in the batch (up to the float noise of the engine).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from emotion_vectors.lm import thinking
from emotion_vectors.lm.sampling import Sampling, end_tokens

__all__ = ["Request", "Sampling", "Writer", "Written", "end_tokens", "read_text", "refuse_empty_prompts"]


@dataclass(frozen=True)
class Request:
    """One text to write: a key to find it again, the prompt as token ids, and the seed of its sampling.

    message: the user message of which `prompt_ids` are the ids in the chat template of the model under test; a writer
        with a model of its own sends this text instead ("" where there is none).
    """

    key: str
    prompt_ids: tuple[int, ...]
    seed: int
    message: str = ""


@dataclass(frozen=True)
class Written:
    """A written text, without its prompt and without special tokens.

    tokens: generated tokens, an end-of-text token not counted. finished: the model ended the text itself; False where
    the token limit cut it.
    """

    key: str
    text: str
    tokens: int
    finished: bool


class Writer(Protocol):
    """Anything that writes texts. `name` goes into the record, as in `openvino 2026.4`.

    A writer may have `chunks_together`, how many chunks of requests it wants in one call (1 where it has none), and
    `close()`, which is called when all is written and lets go of memory.
    """

    name: str

    def write(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Written]:
        """Yield one `Written` per request, in any order, as they get done."""
        ...


def read_text(lm: Any, tokens: Sequence[int]) -> str:
    """The text of generated token ids, without thoughts, special tokens and surrounding white space.

    A thought that doesn't end has no text behind it: the text is empty then.
    """
    tokenizer = lm.tokenizer
    plain = tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    # The marks of a thought are special tokens in some models and words in others.
    whole = tokenizer.decode(list(tokens), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    if not thinking.mentions(whole):
        return thinking.answer_of(plain).text.strip()
    text = thinking.answer_of(whole).text
    for special in sorted(_special(tokenizer), key=len, reverse=True):
        text = text.replace(special, "")
    return text.strip()


def _special(tokenizer: Any) -> set[str]:
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    return {*tokenizer.all_special_tokens, *added}


def refuse_empty_prompts(requests: Sequence[Request]) -> None:
    """Raise `ValueError` for a request without prompt tokens; there is nothing to continue."""
    for request in requests:
        if not request.prompt_ids:
            raise ValueError(f"the request {request.key!r} has no prompt tokens")
