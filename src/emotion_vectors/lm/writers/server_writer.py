"""Write with another model behind an OpenAI-compatible server: vLLM, llama.cpp, or a hosted one.

The server gets the text of the message, not token ids: it has its own model and template. So a strong model can write
what a small one then reads. Answers come in any order; each depends on its own request alone, as far as the server's
seed holds.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from emotion_vectors.errors import UserError
from emotion_vectors.lm.chat_format import NoMessageError, read_message
from emotion_vectors.lm.thinking import FIELDS
from emotion_vectors.lm.writers.base import Engine, Options, Request, Sampling, WriterKind, Written
from emotion_vectors.lm.writers.http_json import HIDDEN, Endpoint, Refused, Stopped, checked_key, checked_url, post
from emotion_vectors.lm.writers.request_forms import Form
from emotion_vectors.store.records import storable
from emotion_vectors.store.schema import JsonObject

TIMEOUT = 300.0  # seconds for one text
# Many servers keep seeds in 32 bits, some with a sign; llama.cpp draws at random for the largest.
SEEDS = 2**31 - 1
# A key shorter than this ("EMPTY", as local servers want it) is not a secret, and may occur in a story as a word.
SECRET_LENGTH = 8
# Why servers say that a text ended where its model did not end it: its length, a filter, a stop of the engine. OpenAI and vLLM; Mistral;
# Anthropic and Gemini behind gateways; DeepSeek; SGLang.
CUT = (
    "length", "content_filter", "model_length", "max_tokens", "max_output_tokens", "safety", "recitation", "insufficient_system_resource",
    "abort", "cancelled",
)  # fmt: skip


class ServerWriter(Engine):
    """Writes with the model `model` of the server at `url`, `concurrency` texts at a time.

    The first request goes alone: a server that refuses is told from one that works before many are asked, and which fields it
    takes is known to all others (see `request_forms`). Where it takes other fields, `name` says so from then on.
    """

    def __init__(
        self,
        url: str | None,
        model: str | None,
        key: str = "",
        concurrency: int = 8,
        timeout: float = TIMEOUT,
        count_tokens: Callable[[str], int] = lambda text: len(text.split()),
        **endpoint: Any,
    ) -> None:
        """`url`: base URL, as in http://localhost:8000/v1. count_tokens: for servers that don't say how many they wrote.

        endpoint: `tries` and `first_wait` of `Endpoint`.
        """
        if not model:
            raise UserError("writer=server needs the model's name at the server: --set server_model=NAME.")
        if not url:
            raise UserError(
                "writer=server needs a server: give --server URL (http://localhost:8000/v1) or set EMOTION_VECTORS_SERVER."
            )
        if concurrency < 1:
            raise UserError(f"The server's concurrency is {concurrency}; it must be 1 or more.")
        self.name = f"server {model}"
        self.model, self.concurrency = model, concurrency
        self._count = count_tokens
        self._form, self._first, self._settled = Form(), threading.Lock(), False
        self._endpoint = Endpoint(checked_url(url), timeout, checked_key(key), **endpoint)

    def write(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Written]:
        """Yield one `Written` per request as they get done. The first failure stops all and is raised."""
        if sampling.repetition_penalty != 1.0:
            raise UserError("writer=server knows no repetition penalty; use --set repetition_penalty=1.")
        for request in requests:
            if not request.message:
                raise ValueError(f"the request {request.key!r} has no message")
        waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
        for request in requests:
            waiting.put(request)
        done: queue.SimpleQueue[Written | Exception] = queue.SimpleQueue()
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                try:
                    done.put(self._written(waiting.get_nowait(), sampling, stop))
                except (queue.Empty, Stopped):
                    return
                except Exception as error:  # raised again below, in the caller's thread
                    done.put(error)
                    return

        # Daemons: after Ctrl-C nobody waits for a server that hangs.
        for _ in range(min(self.concurrency, len(requests))):
            threading.Thread(target=work, daemon=True).start()
        try:
            for _ in requests:
                written = done.get()
                if isinstance(written, Exception):
                    raise written
                yield written
        finally:
            stop.set()

    def _written(self, request: Request, sampling: Sampling, stop: threading.Event) -> Written:
        body = {
            "model": self.model, "messages": [{"role": "user", "content": request.message}], "stream": False, "n": 1,
            "seed": request.seed % SEEDS, "temperature": sampling.temperature, "top_p": sampling.top_p,
            "max_tokens": sampling.max_new_tokens,
        }  # fmt: skip
        if sampling.presence_penalty:
            body["presence_penalty"] = sampling.presence_penalty
        text, reason, tokens = self._answer(body, stop)
        key = self._endpoint.key
        if len(key) >= SECRET_LENGTH:
            text = text.replace(key, HIDDEN)
        return Written(request.key, text, self._count(text) if tokens is None else tokens, reason.lower() not in CUT)

    def _answer(self, body: JsonObject, stop: threading.Event) -> tuple[str, str, int | None]:
        if self._settled:
            return self._asked(body, stop)
        with self._first:
            if stop.is_set():
                raise Stopped
            if not self._settled:
                try:
                    answer = self._asked(body, stop)
                except Exception:
                    stop.set()  # before the next one gets its turn: it would only fail as this one did
                    raise
                self._settled = True
                return answer
        return self._asked(body, stop)

    def _asked(self, body: JsonObject, stop: threading.Event) -> tuple[str, str, int | None]:
        """The answer, asked for in another form where the server refuses a field by name; each form is tried once."""
        while True:
            sent = self._form.apply(body)
            try:
                return post(self._endpoint, sent, read_completion, stop.wait)
            except Refused as refused:
                if self._settled or not self._form.learn(sent, refused.said):
                    raise
                self.name = f"server {self.model} ({self._form})"


def read_completion(answer: Any) -> tuple[str, str, int | None]:
    """Text, finish reason and number of tokens (None where it isn't said) of a chat completion; else `ValueError`.

    What the model thought, in a field, in parts or in the text, is not part of the text.
    """
    try:
        choice = answer["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise ValueError("it is not a chat completion") from None
    try:
        said = read_message({"role": "assistant", "content": text})
    except NoMessageError:
        raise ValueError("its content is not text") from None
    usage = answer.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    known = isinstance(tokens, int) and not isinstance(tokens, bool) and 0 <= tokens < 2**31
    # The server counts the thought too.
    known = known and not said.thoughts and not any(choice["message"].get(field) for field in FIELDS)
    return storable(said.content).strip(), str(choice.get("finish_reason")), tokens if known else None


def _server(options: Options, **more: Any) -> ServerWriter:
    """The writer behind the server that the options or EMOTION_VECTORS_SERVER name; nothing is asked of it."""
    url = options.server_url or os.environ.get("EMOTION_VECTORS_SERVER")
    key = os.environ.get("OPENAI_API_KEY", "")
    return ServerWriter(url, options.server_model, key, options.server_concurrency, **more)


def _make(lm: Any, options: Options) -> ServerWriter:
    def count(text: str) -> int:
        return len(lm.tokenizer(text, add_special_tokens=False)["input_ids"])

    return _server(options, count_tokens=count)


KIND = WriterKind(make=_make, check=_server, is_remote=True, chunks_together=16)
