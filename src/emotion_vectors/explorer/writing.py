"""Write answers of chats together, each with vectors of its own, as a stream of the texts so far.

Seeded: the same prompt, settings and seed give the same answer as `emotion-vectors steer`, whoever else is using the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, Thread
from typing import NamedTuple

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.models import Loaded
from emotion_vectors.lm.decode import Row, decode
from emotion_vectors.lm.sampling import Sampling as Drawing
from emotion_vectors.lm.writers.base import read_text
from emotion_vectors.vectors.steering import Addition, TextSpan, Tokens, find_text, summed
from emotion_vectors.vectors.writing import prompt_ids

READ_EVERY = 8  # tokens of each answer between two readings of what is there


class Sampling(NamedTuple):
    """How an answer is drawn: `temperature` 0 takes the most probable token each time."""

    seed: int
    max_tokens: int
    temperature: float


def write(
    loaded: Loaded,
    chats: Sequence[Sequence[dict[str, str]]],
    additions: Sequence[Sequence[Addition]],
    tokens: Tokens,
    sampling: Sampling,
    stop: Event | None = None,
    read: Callable[[tuple[str, ...]], None] | None = None,
) -> Iterator[tuple[str, ...]]:
    """Yield the answers so far, again and again, until they are whole. Setting `stop` or closing the iterator ends the writing.

    Each chat is answered with its own `additions`, all with the same seed, in one batch. The model's lock is held from the first token to the last, and
    where `read` is given, it gets the texts every `READ_EVERY` tokens with the lock held and no vector added. Raises `UserError` for what the model or the steering
    refuses.
    """
    over: Event = Event()

    def ended() -> bool:
        return over.is_set() or (stop is not None and stop.is_set())

    heard: SimpleQueue[tuple[str, ...] | BaseException | None] = SimpleQueue()

    # In a thread of its own, so that an iterator that nobody asks any more doesn't keep the model's lock.
    def answer() -> None:
        try:
            with _locked(loaded, ended) as free:
                if free and not ended():
                    _answer(loaded, chats, additions, tokens, sampling, heard.put, ended, read)
            heard.put(None)
        except BaseException as error:
            heard.put(error)

    thread = Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield ("",) * len(chats)
        while (now := heard.get()) is not None:
            if isinstance(now, UserError):
                raise now
            if isinstance(now, BaseException):
                raise UserError(f"The answers could not be written ({type(now).__name__}: {now}).") from now
            yield now
    finally:
        over.set()
        thread.join()


@contextmanager
def _locked(loaded: Loaded, ended: Callable[[], bool]) -> Iterator[bool]:
    """Hold the model's lock; False where the visitor stopped, or went away, while waiting for it."""
    while not (held := loaded.lock.acquire(timeout=0.2)):
        if ended():
            break
    try:
        yield held
    finally:
        if held:
            loaded.lock.release()


def _answer(
    loaded: Loaded, chats: Sequence[Sequence[dict[str, str]]], additions: Sequence[Sequence[Addition]], tokens: Tokens, sampling: Sampling,
    say: Callable[[tuple[str, ...]], None], ended: Callable[[], bool], read: Callable[[tuple[str, ...]], None] | None,
) -> None:  # fmt: skip
    lm, rows = loaded.lm, []
    for messages, added in zip(chats, additions, strict=True):
        ids = prompt_ids(lm, list(messages), sampling.max_tokens)
        vectors = {layer: vector.numpy() for layer, vector in summed(lm.model, lm.parts, added).items()}
        touched = find_text(lm.tokenizer, ids, tokens) if isinstance(tokens, TextSpan) else tokens
        rows.append(Row(ids, sampling.seed, vectors, touched))
    written: list[list[int]] = [[] for _ in rows]
    texts = [""] * len(rows)

    def on_token(row: int, token: int) -> bool:
        done = len(written[row])
        if read is not None and done and done % READ_EVERY == 0 and done == max(map(len, written)):
            # The first token of a step: no pass is under way and no hook on the model, so it reads as the plain one.
            read(tuple(texts))
        written[row].append(token)
        # A letter of several tokens ends in this sign until its last one is there.
        if not (text := read_text(lm, written[row])).endswith("\N{REPLACEMENT CHARACTER}"):
            texts[row] = text
            say(tuple(texts))
        return ended()

    decode(lm, rows, Drawing(sampling.temperature, max_new_tokens=sampling.max_tokens), on_token=on_token)
    say(tuple(read_text(lm, one) for one in written))
