"""Fake writers, settings and tokenizers for the corpus tests: text in place of a model."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

from emotion_vectors.corpus.writing import Scribes
from emotion_vectors.lm.writers.base import Request, Sampling, Written
from emotion_vectors.lm.writers.choosing import chunks_together
from emotion_vectors.scale.workers import InProcess


@dataclass(frozen=True)
class Wishes:
    """The settings that writing reads."""

    seed: int = 0
    stories_per_topic: int = 1
    story_tries: int = 3
    min_words: int = 30
    story_tokens: int = 80
    min_tokens: int = 20
    neutral_texts: int = 10
    temperature: float = 0.8
    top_p: float = 0.95
    repetition_penalty: float = 1.0


def scribes(writer) -> Scribes:
    """This process as the only one that writes, with `writer`."""
    return Scribes(InProcess(SimpleNamespace(writer=writer)), chunks_together(writer))


def chat_ids(message: str) -> tuple[int, ...]:
    """One id per character: a fake writer can read its prompt back."""
    return tuple(ord(character) for character in message)


def read_prompt(request: Request) -> str:
    return "".join(chr(token) for token in request.prompt_ids)


def count_tokens(text: str) -> int:
    return len(text.split())


def invented(seed: int, words: int = 50) -> str:
    """A text of invented words that depends on the seed alone and repeats nothing."""
    generator = random.Random(seed)
    made = ["".join(generator.choices(string.ascii_lowercase, k=7)) for _ in range(words)]
    return " ".join(made) + "."


@dataclass
class FakeWriter:
    """Writes what `compose(prompt, request)` says; counts its requests, stops with an error after `limit` of them."""

    compose: Callable[[str, Request], str]
    name: str = "fake 1"
    limit: int | None = None
    asked: list[Request] = field(default_factory=list)

    def write(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Written]:
        # Backwards: the order of answers must not matter.
        for request in reversed(requests):
            if self.limit is not None and len(self.asked) >= self.limit:
                raise KeyboardInterrupt
            self.asked.append(request)
            words = self.compose(read_prompt(request), request).split(" ")
            text = " ".join(words[: sampling.max_new_tokens])
            yield Written(
                request.key, text, min(len(words), sampling.max_new_tokens), len(words) <= sampling.max_new_tokens
            )
