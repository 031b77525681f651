"""Control tokens in what somebody wrote: the marks of a chat template, as they stand in pasted logs and in attempts to steer a model.

A model takes `<|im_end|>` in a message for the end of the message. So readings say where such marks are. A mark is a token that
the tokenizer calls special, or what looks like a mark and stands in the template itself: an added token that is not called special
(`<tool_call>`), or one that is spelled with ordinary tokens (`[INST]` of Llama 2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from transformers import PreTrainedTokenizerBase

# What templates write around messages: <|end|>, </s>, <start_of_turn>, <<SYS>>, [/INST], [TOOL_CALLS].
MARK = re.compile(r"<<?[/|]?[^\s<>|'\"{}()=.]+\|?>>?|\[/?[A-Z][A-Z_]+\]")


class _Known(NamedTuple):
    """The marks of one tokenizer with one template: ids, and what is spelled."""

    of: tuple[int, str]
    ids: frozenset[int]
    spelled: re.Pattern[str] | None


_KNOWN: WeakKeyDictionary[PreTrainedTokenizerBase, _Known] = WeakKeyDictionary()


def marks_among(
    tokenizer: PreTrainedTokenizerBase,
    ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    text: str,
    ranges: Sequence[tuple[int, int]],
) -> tuple[int, ...]:
    """The places in `ids` of control tokens within the half-open token `ranges` (contents of messages, or a plain text)."""
    known = _marks_of(tokenizer)
    found = set()
    for first, last in ranges:
        found |= {place for place in range(first, last) if ids[place] in known.ids}
        if known.spelled is None or first == last:
            continue
        for mark in known.spelled.finditer(text, offsets[first][0], offsets[last - 1][1]):
            found |= {
                place
                for place in range(first, last)
                if offsets[place][0] < mark.end() and offsets[place][1] > mark.start()
            }
    return tuple(sorted(found))


def _marks_of(tokenizer: PreTrainedTokenizerBase) -> _Known:
    source = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else ""
    known = _KNOWN.get(tokenizer)
    if known is None or known.of != (len(tokenizer), source):
        special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
        words = sorted(set(MARK.findall(source)), key=len, reverse=True)
        spelled = re.compile("|".join(map(re.escape, words))) if words else None
        known = _KNOWN[tokenizer] = _Known(
            (len(tokenizer), source), frozenset(special | set(tokenizer.all_special_ids)), spelled
        )
    return known
