"""Where the words of each message stand in a chat that the template rendered, and which tokens spell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from transformers import PreTrainedTokenizerBase

from emotion_vectors.errors import UserError
from emotion_vectors.lm.prompts import check_span, same_words
from emotion_vectors.lm.templates import MARKS, altered

if TYPE_CHECKING:
    from emotion_vectors.lm.model import LanguageModel


def places_of(
    lm: LanguageModel, chat: Mapping[int, Mapping[str, Any]], rendered: str, frame: str, frame_numbers: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """The character range of every message's content, by its number; a message that the template passes over has none.

    `frame` is the same chat with placeholders for the contents, which count the messages of `frame_numbers`; what stands between them
    must be the same in both. Raises `UserError` where a content was altered or repeated.
    """
    places: dict[int, tuple[int, int]] = {}
    opening, *rest = frame.split(MARKS[0])
    matches, cursor = rendered.startswith(opening), len(opening)
    pieces = [
        (frame_numbers[int(number)], between) for number, _, between in (piece.partition(MARKS[1]) for piece in rest)
    ]
    for place, (number, between) in enumerate(pieces):
        found = _placed(rendered, cursor, str(chat[number]["content"]), between, place + 1 == len(pieces))
        if not matches or found is None or number in places:
            break
        places[number] = found
        cursor = found[1] + len(between)
    if not matches or len(places) != len(pieces) or cursor != len(rendered):
        there = [number for number, _ in pieces] or list(chat)
        wrong = next((number for number in there if number not in places), there[0]) + 1
        raise altered(lm, f"message {wrong}")
    return places


def _placed(rendered: str, cursor: int, content: str, between: str, is_last: bool) -> tuple[int, int] | None:
    """The range of `content` from `cursor` on, with `between` after it; templates may take white space off its ends."""
    words = content.strip()
    lead, trail = content[: len(content) - len(content.lstrip())], content[len(content.rstrip()) :]
    start = cursor
    while start < len(rendered) and rendered[start].isspace():
        start += 1
    if not lead.endswith(rendered[cursor:start]) or not rendered.startswith(words, start):
        return None
    end = start + len(words)
    kept = 0
    while kept < len(trail) and rendered[end + kept : end + kept + 1] == trail[kept]:
        kept += 1
    for left in range(kept, -1, -1):
        if rendered.startswith(between, end + left) and (not is_last or end + left + len(between) == len(rendered)):
            return cursor, end + left
    return None


def own_tokens_of(
    tokenizer: PreTrainedTokenizerBase,
    ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    text: str,
    place: tuple[int, int],
    checked: bool,
) -> tuple[int, int]:
    """The half-open range of tokens that spell a place in `text`; with `checked` they must decode to it.

    A token that spells the template's characters too (a role token that swallows the white space after it, a full stop that is one token
    with the bracket behind it) is the template's: the message is then its other tokens.
    """
    start, end = place
    inside = [i for i, (a, b) in enumerate(offsets) if b > start and a < end and b > a]
    if not inside:
        raise UserError(f"No token spells '{text[start:end][:60]}'; the tokenizer gives no usable offsets.")
    first, last = inside[0], inside[-1] + 1
    if not checked or same_words(tokenizer, _decoded(tokenizer, ids[first:last]), text[start:end]):
        # A plain text may hold characters that a tokenizer normalises; in a chat a wrong span would mix up speakers.
        return first, last
    whole = [i for i in inside if offsets[i][0] >= start and offsets[i][1] <= end]
    if whole and whole == list(range(whole[0], whole[-1] + 1)):
        left = text[offsets[whole[0]][0] : offsets[whole[-1]][1]]
        if same_words(tokenizer, _decoded(tokenizer, ids[whole[0] : whole[-1] + 1]), left):
            return whole[0], whole[-1] + 1
    check_span(tokenizer, list(ids[first:last]), text[start:end])
    return first, last


def _decoded(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))
