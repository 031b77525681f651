"""One POST of JSON to a server that may be busy, slow, broken or hostile: retries, deadlines, limits. Standard library.

The key goes into the Authorization header and nowhere else: redirects are not followed (they would carry it along), a
key that a server sends back is blanked, and no error names it.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers import server_words
from emotion_vectors.store.schema import JsonObject

TRIES = 6
FIRST_WAIT = 0.5  # seconds; doubles with each try
LONGEST_WAIT = 30.0
LONGEST_RETRY_AFTER = 600.0  # a server that wants a longer pause than this is not waited for
MOST_BYTES = 16 * 2**20
SHOWN = 200  # characters of a server's own words in an error
HIDDEN = "[key]"


class Stopped(Exception):
    """Raised where a wait between two tries was broken off."""


class Refused(UserError):
    """The server does not take the request as it is. `said`: its own words."""

    def __init__(self, sentence: str, said: str) -> None:
        super().__init__(sentence)
        self.said = said


class _Retry(Exception):
    def __init__(self, reason: str, after: float | None = None, said: str = "") -> None:
        super().__init__(reason)
        self.after, self.said = after, said


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return None


@dataclass(frozen=True)
class Endpoint:
    """Where and how to ask. `timeout`: seconds for a whole answer. `key` is left out of the text form on purpose."""

    url: str
    timeout: float
    key: str = ""
    tries: int = TRIES
    first_wait: float = FIRST_WAIT

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"


def checked_url(url: str) -> str:
    """The address of chat completions under a base URL such as http://localhost:8000/v1.

    Raises `UserError` for anything but plain http(s); a URL that may hold a password is refused without showing it.
    """
    try:
        parts = urllib.parse.urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UserError("The server's URL is malformed; give for example --server http://localhost:8000/v1.") from error
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UserError(
            "The server's URL contains a user, a password or a query; give the plain URL and set the key in OPENAI_API_KEY."
        )
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url.strip():
        raise UserError("The server's URL must begin with http:// or https://, as in http://localhost:8000/v1.")
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, f"{path}/chat/completions", "", ""))


def checked_key(key: str) -> str:
    """`key` without white space around it; one that can't go into a header is a `UserError` that doesn't show it."""
    key = key.strip()
    if not (key.isascii() and all("!" <= character <= "~" for character in key)):
        raise UserError(
            "OPENAI_API_KEY contains characters that no key has; set it again, without spaces or line breaks."
        )
    return key


def post(endpoint: Endpoint, body: JsonObject, read: Callable[[Any], Any], wait: Callable[[float], bool]) -> Any:
    """What `read` makes of the server's JSON answer to `body`; busy, failing and broken answers are asked for again.

    read: raises `ValueError` for JSON of another form. wait: sleeps for that many seconds; True breaks off (`Stopped`).
    Raises `UserError` at once where the server refuses (4xx but 408 and 429), and after `endpoint.tries` tries.
    """
    reason = said = ""
    for attempt in range(endpoint.tries):
        try:
            answer = _ask(endpoint, body)
            _refuse_errors(endpoint, answer)
            return read(answer)
        except _Retry as error:
            reason, after, said = str(error), error.after, error.said
        except ValueError as error:
            reason, after, said = f"its answer can't be read: {error}", None, ""
        if after is not None and after > LONGEST_RETRY_AFTER:
            raise UserError(f"The server wants a pause of {after:,.0f} s; run the same command again later to resume.")
        backed = min(LONGEST_WAIT, endpoint.first_wait * 2**attempt) * random.uniform(0.5, 1.0)
        if attempt + 1 < endpoint.tries and wait(backed if after is None else after + backed * 0.1):
            raise Stopped
    raise Refused(
        f"The server gave no usable answer in {endpoint.tries} tries ({shown(reason, endpoint.key)}); check that it runs "
        "and answers, then run the same command again to resume.",
        said,
    )


def _ask(endpoint: Endpoint, body: JsonObject) -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "emotion-vectors"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    asked = urllib.request.Request(endpoint.url, json.dumps(body).encode(), headers, method="POST")
    deadline = time.monotonic() + endpoint.timeout
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(asked, timeout=endpoint.timeout) as response:
            return _parsed(endpoint, response, _read(response, deadline))
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(endpoint, error, deadline) from None
    except (OSError, http.client.HTTPException) as error:  # URLError, timeouts and connections that break are OSErrors
        inner = getattr(error, "reason", error)
        said = "it took too long" if isinstance(inner, TimeoutError) else f"{type(inner).__name__}: {inner}"
        raise _Retry(said) from None
    except RecursionError:
        raise _Retry("its answer is nested too deeply") from None


def _parsed(endpoint: Endpoint, response: Any, body: bytes) -> Any:
    """The answer's JSON; a page or a text for people in its place is told, at once where asking again brings it again."""
    elsewhere = "check that --server is the URL of an OpenAI-compatible API and that OPENAI_API_KEY is set."
    if server_words.is_page(body):
        title = server_words.page_title(body)
        called = f' ("{shown(title, endpoint.key)}")' if title else ""
        raise UserError(
            f"The server answered with a web page{called} and not with JSON (HTTP status {response.status}); {elsewhere}"
        )
    try:
        return json.loads(body)
    except ValueError:
        said = server_words.plain_text(body)
        if said is None:
            raise
        if server_words.is_busy(None, said):
            raise _Retry(f"it says: {said}") from None
        raise UserError(
            f"The server answered with text and not with JSON (HTTP status {response.status}): {shown(said, endpoint.key)}; {elsewhere}"
        ) from None


def _refuse_errors(endpoint: Endpoint, answer: Any) -> None:
    """Raise where an answer with status 200 is an error in the server's own words: some gateways send theirs so."""
    said = server_words.in_answer(answer)
    if said is None:
        return
    if server_words.is_busy(answer, said):
        raise _Retry(f"it says: {said}")
    raise Refused(
        f"The server answered with an error: {shown(said, endpoint.key)}; check server_model, --server and OPENAI_API_KEY.",
        said,
    )


def _read(response: Any, deadline: float) -> bytes:
    """The whole body; a body that is cut, too long or too slow is a reason to try again."""
    pieces, size = [], 0
    while piece := response.read1(65536):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise _Retry(f"its answer is longer than {MOST_BYTES // 2**20} MiB")
        if time.monotonic() > deadline:
            raise _Retry("it took too long")
    # http.client doesn't complain where a connection ends before the length that was promised.
    promised = response.headers.get("Content-Length")
    if promised is not None and promised.isdigit() and size < int(promised):
        raise _Retry("its answer was cut off")
    return b"".join(pieces)


def _refusal(endpoint: Endpoint, error: urllib.error.HTTPError, deadline: float) -> Exception:
    """A reason to try again for 408, 429 and 5xx, else the `UserError` with the server's own first line."""
    try:
        said = server_words.of_body(_read(error, deadline))
    except (OSError, http.client.HTTPException, _Retry):
        said = ""
    if error.code in (408, 429) or error.code >= 500:
        if not server_words.is_unpaid(said):
            status = f"HTTP status {error.code}"
            return _Retry(f"{status}: {said}" if said else status, retry_after(error.headers.get("Retry-After")), said)
    elif error.code < 400:
        return UserError(
            f"The server redirects elsewhere (HTTP status {error.code}); give its final URL with --server."
        )
    words = f": {shown(said, endpoint.key)}" if said else ""
    return Refused(
        f"The server refused the request (HTTP status {error.code}){words}; check server_model, --server and OPENAI_API_KEY.",
        said,
    )


def shown(text: str, key: str) -> str:
    """A server's words for an error: without the key, control characters escaped, shortened."""
    text = text.replace(key, HIDDEN) if key else text
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; None where there is none to read."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
