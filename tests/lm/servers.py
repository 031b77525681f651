"""A real HTTP server on this machine that answers chat completions, or misbehaves as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def completion(text: str | None, tokens: int | None = 7, reason: str = "stop") -> bytes:
    answer: dict = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}]
    }
    if tokens is not None:
        answer["usage"] = {"prompt_tokens": 3, "completion_tokens": tokens}
    return json.dumps(answer).encode()


@dataclass
class Reply:
    """What the server does with one request: wait, then status, headers and body; `promise` is the length it claims."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    promise: int | None = None
    drip: float = 0.0  # seconds between single bytes


@dataclass
class Seen:
    """The requests that came, with their times, and how many were there at once at most."""

    bodies: list[dict] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    inside: int = 0
    most_inside: int = 0
    url: str = ""


def echo(body: dict, number: int) -> Reply:
    """Says what it was asked, and with which seed."""
    return Reply(completion(f"{body['messages'][0]['content']} / {body['seed']}"))


@contextmanager
def serving(reply: Callable[[dict, int], Reply]) -> Iterator[Seen]:
    """Serve on a free port; `reply(body, number)` says what to do with the request, numbered from 0 as they come."""
    seen, lock = Seen(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(seen.bodies)
                seen.bodies.append(body)
                seen.headers.append(dict(self.headers))
                seen.paths.append(self.path)
                seen.times.append(time.monotonic())
                seen.inside += 1
                seen.most_inside = max(seen.most_inside, seen.inside)
            try:
                self._answer(reply(body, number))
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client gave up, as it should
            finally:
                with lock:
                    seen.inside -= 1

        def _answer(self, one: Reply) -> None:
            time.sleep(one.delay)
            with lock:  # what is answered no longer counts as being there
                seen.inside -= 1
            try:
                self.send_response(one.status)
                for name, value in one.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(one.body) if one.promise is None else one.promise))
                self.end_headers()
                for start in range(len(one.body)) if one.drip else [0]:
                    self.wfile.write(one.body[start : start + 1] if one.drip else one.body)
                    self.wfile.flush()
                    time.sleep(one.drip)
            finally:
                with lock:
                    seen.inside += 1

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    seen.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
