"""What a server says of an error, wherever it puts it: OpenAI's, FastAPI's, Google's, Spring's and gateways' own forms, pages and plain text.

Nothing is known here of how it was sent; http_json decides what to do. Texts come from a stranger: only their first lines are kept.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Fields that hold the reason, the one with the most to say first; "error" may be a word beside a message.
FIELDS = (
    "message", "msg", "error_description", "error_message", "error_msg", "status_msg", "detail", "error", "errors", "base_resp", "title", "reason",
)  # fmt: skip
CODES = ("code", "type", "status", "status_code", "error_code")
DEEPEST = 5
# It may answer in a moment, as opposed to what nobody but the user can fix.
BUSY = re.compile(
    r"rate.?limit|too many requests|overload|temporar|timed?.?out|try (it )?again|retry|\bbusy\b|unavailable|capacity|(server|internal).?error|loading",
    re.IGNORECASE,
)
UNPAID = re.compile(r"quota|billing|credit|\bbalance\b|payment", re.IGNORECASE)
SOON = re.compile(r"\bretry\b|try again|per.?(second|minute|min)\b", re.IGNORECASE)


def words(error: Any, depth: int = 0) -> str:
    """The reason in an error of JSON, "" where it has none; of a list of them all, with the field that each is about."""
    if isinstance(error, str):
        return line(error)
    if depth > DEEPEST:
        return ""
    if isinstance(error, list):
        return "; ".join(filter(None, (words(one, depth + 1) for one in error)))
    if not isinstance(error, dict):
        return ""
    said = next(filter(None, (words(error.get(name), depth + 1) for name in FIELDS)), "")
    place = error.get("param")
    if isinstance(error.get("loc"), list):
        place = ".".join(str(one) for one in error["loc"])
    return f"{place}: {said}" if said and isinstance(place, str) and place and place not in said else said


def in_answer(answer: Any) -> str | None:
    """The server's reason where an answer that came as a success is an error; None where it is none.

    A choice that the server itself calls failed is one too: its text is cut somewhere, or empty.
    """
    if not isinstance(answer, dict):
        return None
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict):
        return words(answer) or ("it gives no reason" if answer.get("error") else None)
    if first.get("error") or first.get("finish_reason") == "error":
        return words(first.get("error")) or words(answer.get("error")) or "it gives no reason"
    return None


def is_busy(answer: Any, said: str) -> bool:
    """Whether the same request may well be answered a moment later, going by the error's codes and words."""
    codes = [str(code) for code in _codes(answer, 0)]
    whole = " ".join([said, *codes])
    if is_unpaid(whole):
        return False
    numbers = [int(code) for code in codes if code.isdecimal()]
    return any(number in (408, 429) or 500 <= number < 600 for number in numbers) or bool(BUSY.search(whole))


def is_unpaid(said: str) -> bool:
    """Whether a quota is used up: servers say so with the status of one that is busy, and waiting does not help."""
    return bool(UNPAID.search(said)) and not SOON.search(said)


def _codes(error: Any, depth: int) -> list[Any]:
    """What stands in the fields for codes, down to the error itself."""
    if depth > DEEPEST:
        return []
    if isinstance(error, list):
        return [code for one in error[:3] for code in _codes(one, depth + 1)]
    if not isinstance(error, dict):
        return []
    here = [error[name] for name in CODES if isinstance(error.get(name), str | int)]
    return [
        *here,
        *(code for name in ("error", "errors", "base_resp", "choices") for code in _codes(error.get(name), depth + 1)),
    ]


def of_body(body: bytes) -> str:
    """The reason in the body of a refusal: of its JSON, the title of a page, else its first line."""
    text = body.decode("utf-8", "replace")
    if is_page(body):
        return page_title(body) or line(text)
    try:
        return words(json.loads(text)) or line(text)
    except (ValueError, RecursionError):
        return line(text)  # no JSON: the text as it is


def plain_text(body: bytes) -> str | None:
    """The first line of a body that is a text for people; None where it may be JSON that broke off, or is not text."""
    try:
        text = body.decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    return line(text) if text and text[0] not in '{["' else None


def is_page(body: bytes) -> bool:
    """Whether a body is a web page."""
    return body.lstrip()[:1] == b"<"


def page_title(body: bytes) -> str:
    """The title of a web page, "" where it has none."""
    found = re.search(rb"<title[^>]*>(.*?)</title>", body[:65536], re.IGNORECASE | re.DOTALL)
    return " ".join(found[1].decode("utf-8", "replace").split()) if found else ""


def line(text: str) -> str:
    """The first line that has words."""
    return next((one.strip() for one in text.splitlines() if one.strip()), "")
