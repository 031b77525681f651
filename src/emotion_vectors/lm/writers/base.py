"""The writer interface: requests of token ids in, written texts out, in any order.

A writer knows nothing of emotions or topics. Each request carries its own seed, and what a request yields depends on
its prompt, its seed and the sampling alone, not on what else is in the batch (up to the float noise of the engine).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from emotion_vectors.lm import thinking
from emotion_vectors.lm.sampling import Sampling, end_tokens

__all__ = [
    "Engine",
    "ModelFacts",
    "Options",
    "Request",
    "Sampling",
    "Writer",
    "WriterKind",
    "Written",
    "end_tokens",
    "read_text",
    "refuse_empty_prompts",
]


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

    A writer of your own may also have `chunks_together`, how many chunks of requests it wants in one call.
    """

    name: str

    def write(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Written]:
        """Yield one `Written` per request, in any order, as they get done."""
        ...


class Engine(Writer):
    """A writer of this package, which is also closed when all is written."""

    start_seconds = 0.0  # spent so far on starting what writes

    def close(self) -> None:
        """Let go of memory."""


@dataclass(frozen=True)
class ModelFacts:
    """What is known of the model under test, loaded or not, by which its writer is chosen.

    gguf: its file, None for any other format. config: its configuration, as in config.json ({} where nobody needs it). device: cpu, cuda, mps.
    is_changed: it is quantised when it is loaded or has an adapter, so its files alone are another model.
    """

    gguf: Path | None
    config: Mapping[str, Any]
    device: str
    is_changed: bool = False


@dataclass(frozen=True)
class Options:
    """What a run says to its writer.

    stories_per_batch: most texts written at once. say: gets one line when something worth knowing happens. cache: folder for converted weights.
    server_model, server_url: the model's name at a server and the server's base URL (default: the variable EMOTION_VECTORS_SERVER); the key
        comes from OPENAI_API_KEY and from nowhere else. server_concurrency: texts asked for at once.
    """

    stories_per_batch: int = 128
    say: Callable[[str], None] | None = None
    cache: Path | None = None
    server_model: str | None = None
    server_url: str | None = None
    server_concurrency: int = 8


@dataclass(frozen=True)
class WriterKind:
    """All that the package knows of a writer; its file ends with one, called KIND.

    make: the writer for a loaded model. check: raises `UserError` for options that can't be, before a model is loaded. is_best: whether
    `auto` takes it for a model rather than transformers. reads_files: it loads the model's files by itself, without quantisation and adapter.
    is_remote: another machine writes, with a model of its own. chunks_together: chunks of requests that it wants in one call.
    bytes_per_weight: as it keeps weights, None as the loaded model does; a benchmark's limit comes from it.
    """

    make: Callable[[Any, Options], Engine]
    check: Callable[[Options], object] = lambda options: None
    is_best: Callable[[ModelFacts], bool] = lambda model: False
    reads_files: bool = False
    is_remote: bool = False
    chunks_together: int = 1
    bytes_per_weight: float | None = None


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
