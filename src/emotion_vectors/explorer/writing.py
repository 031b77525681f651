"""Write one answer of a chat while vectors are added, as a stream of the text so far.

Seeded: the same prompt, settings and seed give the same answer, whoever else is using the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, NamedTuple

import torch
from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.models import Loaded
from emotion_vectors.vectors.steering import Addition, Tokens, steer


class Sampling(NamedTuple):
    """How an answer is drawn: `temperature` 0 takes the most probable token each time."""

    seed: int
    max_tokens: int
    temperature: float


class _Stopped(StoppingCriteria):
    """Ends `generate` after the token during which the event was set."""

    def __init__(self, event: Event) -> None:
        self.event = event

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.full((len(input_ids),), self.event.is_set(), dtype=torch.bool, device=input_ids.device)


def write(
    loaded: Loaded,
    messages: Sequence[dict[str, str]],
    additions: Sequence[Addition],
    tokens: Tokens,
    sampling: Sampling,
) -> Iterator[str]:
    """Yield the answer so far, again and again, until it is whole. Closing the iterator stops the writing.

    The model's lock is held from the first token to the last. Raises `UserError` for what the model or the steering
    refuses.
    """
    streamer = TextIteratorStreamer(loaded.lm.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=0.2)  # pyright: ignore[reportArgumentType]
    stop: Event = Event()
    failed: SimpleQueue[BaseException] = SimpleQueue()

    def generate() -> None:
        try:
            # Another visitor may have gone away while this one waited for the lock.
            with loaded.lock, torch.inference_mode():
                if not stop.is_set():
                    _generate(loaded, messages, additions, tokens, sampling, streamer, stop)
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
        stop.set()
        thread.join()
    if not failed.empty():
        error = failed.get()
        if isinstance(error, UserError):
            raise error
        raise UserError(f"The answer could not be written ({type(error).__name__}: {error}).") from error


def _generate(
    loaded: Loaded, messages: Sequence[dict[str, str]], additions: Sequence[Addition], tokens: Tokens, sampling: Sampling,
    streamer: TextIteratorStreamer, stop: Event,
) -> None:  # fmt: skip
    lm = loaded.lm
    inputs = lm.inputs(messages)
    drawn = sampling.temperature > 0
    # Whatever the model's own generation settings say, the arms differ in nothing but the vectors.
    how = {"do_sample": True, "temperature": sampling.temperature, "top_p": 0.95, "top_k": 0} if drawn else {
        "do_sample": False, "temperature": None, "top_p": None, "top_k": None,
    }  # fmt: skip
    torch.manual_seed(sampling.seed)
    with steer(lm, additions, tokens):
        lm.generate(
            **inputs, **how, repetition_penalty=1.0, max_new_tokens=sampling.max_tokens, pad_token_id=lm.pad_id, streamer=streamer,
            stopping_criteria=StoppingCriteriaList([_Stopped(stop)]),
        )  # fmt: skip
