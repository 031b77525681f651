"""Other forms of one request, for servers that refuse a field by name: another name for it, or leaving it out.

Newer OpenAI models want `max_completion_tokens` and their own temperature; Mistral calls the seed `random_seed`; some take none.
What a server refused is tried in the next form once and remembered, and the writer's name in the record says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# What a refused field becomes; None leaves it out.
NEXT = {
    "max_tokens": "max_completion_tokens", "seed": "random_seed", "random_seed": None, "temperature": None, "top_p": None,
    "presence_penalty": None, "n": None, "stream": None,
}  # fmt: skip
# A server that doesn't know a field or takes only its own value; a value out of its range is for the user to fix.
UNKNOWN = re.compile(
    r"not (be )?(supported|permitted|allowed|recogni[sz]ed|accepted|implemented|available)|unsupported|unrecogni[sz]ed|unknown|unexpected"
    r"|does(n't| not) (support|accept|allow)|no longer|deprecated|\bextra\b|only the default|only 1 is allowed|cannot (both )?be (set|used|specified|given)|invalid (parameter|argument|field)",
    re.IGNORECASE,
)


class Form:
    """How requests to one server are worded, found out by its refusals."""

    def __init__(self) -> None:
        self._changes: dict[str, str | None] = {}

    def apply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`body` with refused fields under their other names, or left out."""
        found = dict(body)
        for old, new in self._changes.items():  # in the order of the refusals: a second name may have been refused too
            if old in found:
                value = found.pop(old)
                if new is not None:
                    found[new] = value
        return found

    def learn(self, body: Mapping[str, Any], said: str) -> bool:
        """Whether the server's words about `body` (as it was sent) name a field that has another form; it is used from now on."""
        if not UNKNOWN.search(said):
            return False
        named = [name for name in NEXT if name in body and re.search(rf"(?<![\w-]){name}(?![\w-])", said)]
        # Two that may not stand together: the first stays.
        for name in named[1:] if len(named) > 1 and re.search(r"\bboth\b", said) else named:
            self._changes[name] = NEXT[name]
        return bool(named)

    def __str__(self) -> str:
        left_out = [name for name, new in self._changes.items() if new is None]
        renamed = [new for new in self._changes.values() if new is not None and new not in left_out]
        parts = [*renamed, *(f"no {'seed' if name == 'random_seed' else name}" for name in left_out)]
        return ", ".join(parts)
