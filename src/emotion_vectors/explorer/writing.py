"""Write one answer of a chat while vectors are added, as a stream of the text so far.

Seeded: the same prompt, settings and seed give the same answer, whoever else is using the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, NamedTuple

import torch
from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.models import Loaded
from emotion_vectors.lm.limits import require_room
from emotion_vectors.vectors.steering import Addition, Tokens, steer


class Sampling(NamedTuple):
    """How an answer is drawn: `temperature` 0 takes the most probable token each time."""

    seed: int
    max_tokens: int
    temperature: float


class _Stopped(StoppingCriteria):
    """Ends `generate` after the token during which `ended` became true."""

    def __init__(self, ended: Callable[[], bool]) -> None:
        self.ended = ended

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.full((len(input_ids),), self.ended(), dtype=torch.bool, device=input_ids.device)


def write(
    loaded: Loaded,
    messages: Sequence[dict[str, str]],
    additions: Sequence[Addition],
    tokens: Tokens,
    sampling: Sampling,
    stop: Event | None = None,
) -> Iterator[str]:
    """Yield the answer so far, again and again, until it is whole. Setting `stop` or closing the iterator ends the writing.

    The model's lock is held from the first token to the last. Raises `UserError` for what the model or the steering
    refuses.
    """
    streamer = TextIteratorStreamer(loaded.lm.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=0.2)  # pyright: ignore[reportArgumentType]
    over: Event = Event()

    def ended() -> bool:
        return over.is_set() or (stop is not None and stop.is_set())

    failed: SimpleQueue[BaseException] = SimpleQueue()

    def generate() -> None:
        try:
            with _locked(loaded, ended) as free, torch.inference_mode():
                if free and not ended():
                    _generate(loaded, messages, additions, tokens, sampling, streamer, ended)
        except BaseException as error:
            failed.put(error)
        finally:
            streamer.end()

    thread = Thread(target=generate, daemon=True)
    thread.start()
    text = ""
    try:
        yield text
        while True:
            try:
                text += next(streamer)
            except Empty:
                continue
            except StopIteration:
                break
            yield text
    finally:
        over.set()
        thread.join()
    if not failed.empty():
        error = failed.get()
        if isinstance(error, UserError):
            raise error
        raise UserError(f"The answer could not be written ({type(error).__name__}: {error}).") from error


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


def _generate(
    loaded: Loaded, messages: Sequence[dict[str, str]], additions: Sequence[Addition], tokens: Tokens, sampling: Sampling,
    streamer: TextIteratorStreamer, ended: Callable[[], bool],
) -> None:  # fmt: skip
    lm = loaded.lm
    inputs = lm.inputs(messages)
    require_room(lm, inputs["input_ids"].shape[1], sampling.max_tokens, "The prompt")
    drawn = sampling.temperature > 0
    # Whatever the model's own generation settings say, the arms differ in nothing but the vectors.
    how = {"do_sample": True, "temperature": sampling.temperature, "top_p": 0.95, "top_k": 0} if drawn else {
        "do_sample": False, "temperature": None, "top_p": None, "top_k": None,
    }  # fmt: skip
    torch.manual_seed(sampling.seed)
    with steer(lm, additions, tokens):
        lm.generate(
            **inputs, **how, repetition_penalty=1.0, max_new_tokens=sampling.max_tokens, pad_token_id=lm.pad_id, streamer=streamer,
            stopping_criteria=StoppingCriteriaList([_Stopped(ended)]),
        )  # fmt: skip
