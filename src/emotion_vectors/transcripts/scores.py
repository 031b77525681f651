"""Texts and chats -> one set of scores per message, in batches of texts of similar length.

In: items with their rendered conversations, vectors, one layer. Out: for each message and emotion its score at the response
position, the mean over the tokens of its content, and the largest token's, each as a raw and a centred cosine. The sequence's
very first token is not counted (see `calibration.own_tokens`). A text longer than the window is read in windows that overlap;
a token's score is that of the first window it is in, so it has at least `OVERLAP` tokens before it that the model saw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from emotion_vectors.lm.finite import NotFiniteError
from emotion_vectors.lm.limits import context_of, rotation_border
from emotion_vectors.lm.messages import Conversation
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.vectors.activations import batches
from emotion_vectors.vectors.calibration import KINDS, own_tokens
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.reading import Reading, read_batch

OVERLAP = 256  # tokens that a window shares with the one before it
MOST_WINDOW = 8192  # tokens read at once unless somebody says otherwise: attention costs grow with their square


class Window(NamedTuple):
    """The tokens `first` to `last` of a text are read at once; the scores of those from `fresh` on are used."""

    first: int
    last: int
    fresh: int


@dataclass
class MessageScores:
    """Scores (kinds, emotions) of one message. NaN: no such score (no response position; vectors without a centre)."""

    role: str
    first: int
    last: int
    mean: np.ndarray
    max: np.ndarray
    place: np.ndarray  # of the largest token, counted in the text
    response: np.ndarray
    start: int  # first token of the content, from which positions are counted
    answered_at: int | None  # response position
    counted: int = 0
    # Where every token is asked for: (kinds, tokens from `first` to `last`, emotions, layers).
    every: np.ndarray | None = None


@dataclass
class TextScores:
    """The scores of a text's messages; `windows` is how many pieces it was read in, `problem` why there are none."""

    windows: int
    messages: list[MessageScores] = field(default_factory=list)
    problem: str = ""


class Seen(NamedTuple):
    """What one window shows: cosines (kinds, tokens, emotions), NaN where the vectors have no centre, and the tokens' text."""

    window: Window
    cosines: np.ndarray
    tokens: tuple[str, ...]
    # The same at the layers of which every token is asked for: (kinds, tokens, emotions, layers).
    every: np.ndarray | None = None


Watch = Callable[[int, int, MessageScores, Seen], None]
"""Gets the numbers of text and message, the message's scores so far, and the window that is about to be added to them."""


def usual_window(lm: LanguageModel) -> int:
    """How many tokens are read at once where nobody says: the model's context, up to `MOST_WINDOW`."""
    return min(context_of(lm) or MOST_WINDOW, MOST_WINDOW)


def windows(length: int, size: int, overlap: int = OVERLAP, front: int = 1) -> list[Window]:
    """Windows of at most `size` tokens over a text of `length` tokens, each beginning `overlap` before the last one's end.

    All but the first leave room for the `front` tokens with which the tokenizer begins a text, and for one in any case.
    """
    shared = min(overlap, size // 4)
    found = [Window(0, min(size, length), 0)]
    while found[-1].last < length:
        fresh = found[-1].last
        first = fresh - shared
        found.append(Window(first, min(first + size - max(front, 1), length), fresh))
    return found


def score_texts(
    vectors: EmotionVectors,
    lm: LanguageModel,
    texts: Sequence[Conversation],
    emotions: Sequence[str],
    layer: int,
    size: int,
    tokens_per_batch: int = 4096,
    watch: Watch = lambda *_: None,
    advance: Callable[[float], None] = lambda _: None,
    every: Sequence[int] = (),
) -> list[TextScores]:
    """Scores of every message of rendered texts, in their order; `size` is the most tokens that are read at once.

    `every`: layers at which the cosines of every token are kept as well. `advance` gets the number of texts read, parts of long ones as fractions; `watch` sees each window of each message with its tokens.
    """
    jobs = [(text, window) for text, one in enumerate(texts) for window in windows(len(one.ids), size, front=one.front)]
    found = [_blank(one, len(emotions), size, len(every)) for one in texts]
    layers = tuple(dict.fromkeys((layer, *every)))
    kept = [layers.index(one) for one in every]
    for rows in batches(
        [window.last - window.first for _, window in jobs], tokens_per_batch, border=rotation_border(lm)
    ):
        batch = [_cut(texts[text], window, lm.tokenizer.bos_token_id) for text, window in (jobs[row] for row in rows)]
        for row, reading in zip(rows, _readings(vectors, lm, batch, emotions, layers), strict=True):
            text, window = jobs[row]
            if isinstance(reading, NotFiniteError):
                found[text].problem = str(reading)
                continue
            seen = _seen(reading, window, kept)
            for number, message in enumerate(found[text].messages):
                if (message.first < window.last and message.last > window.fresh) or _at(message, window):
                    watch(text, number, message, seen)
                    _take(message, seen)
        advance(sum(1 / found[jobs[row][0]].windows for row in rows))
    for one in found:
        for message in one.messages if not one.problem else ():
            message.mean /= message.counted
            message.max[np.isinf(message.max)] = np.nan
    return found


def _readings(
    vectors: EmotionVectors,
    lm: LanguageModel,
    batch: Sequence[Conversation],
    emotions: Sequence[str],
    layers: Sequence[int],
) -> list[Reading | NotFiniteError]:
    """What each text of a batch reads, or why it can't be read: one that overflows keeps nobody else from being read."""
    found: dict[int, Reading | NotFiniteError] = {}
    while left := [row for row in range(len(batch)) if row not in found]:
        try:
            read = read_batch(vectors, lm, [batch[row] for row in left], emotions, layers)
            found |= dict(zip(left, read, strict=True))
        except NotFiniteError as error:
            found |= {left[row]: error for row in error.rows}
    return [found[row] for row in range(len(batch))]


def _blank(text: Conversation, emotions: int, size: int, layers: int) -> TextScores:
    shape = (len(KINDS), emotions)
    scores = TextScores(
        len(windows(len(text.ids), size, front=text.front)),
        [
            MessageScores(
                span.role, *own_tokens(span.first, span.last), np.zeros(shape), np.full(shape, -np.inf), np.zeros(shape, dtype=int),
                np.full(shape, np.nan), span.first, _response(text, number),
            )
            for number, span in enumerate(text.messages)
        ],
    )  # fmt: skip
    for message in scores.messages if layers else ():
        shape = (len(KINDS), message.last - message.first, emotions, layers)
        message.every = np.full(shape, np.nan, dtype=np.float32)
    return scores


def _response(text: Conversation, number: int) -> int | None:
    """The position from which an answer begins: before each of the assistant's messages, or at the end of an open chat.

    A plain text has no answer; its last token stands in, as it does for the neutral texts.
    """
    span, is_last = text.messages[number], number == len(text.messages) - 1
    if span.role == "text" and text.response is None:
        return span.last - 1
    if is_last:
        return text.response
    return span.first - 1 if span.role == "assistant" else None


def _cut(text: Conversation, window: Window, bos: object) -> Conversation:
    """The part of a text that one window reads; what begins the text, the tokenizer's own tokens or a BOS, is put before every part."""
    if window.first == 0 and window.last == len(text.ids):
        return text
    begun = () if window.first == 0 else range(text.front or int(text.ids[0] == bos))
    chosen = [*begun, *range(window.first, window.last)]
    return replace(
        text,
        ids=tuple(text.ids[i] for i in chosen),
        tokens=tuple(text.tokens[i] for i in chosen),
        messages=(),
        response=None,
    )


def _seen(reading: Reading, window: Window, kept: Sequence[int]) -> Seen:
    """The reading of one window, at its first layer and at the `kept` ones, without the token that was put before it."""
    extra = len(reading.ids) - (window.last - window.first)
    raw = reading.raw[extra:]
    centred = np.full_like(raw, np.nan) if reading.centred is None else reading.centred[extra:]
    both = np.stack([raw, centred])
    return Seen(window, both[..., 0], reading.tokens[extra:], both[..., kept] if kept else None)


def _at(message: MessageScores, window: Window) -> bool:
    return message.answered_at is not None and window.fresh <= message.answered_at < window.last


def _take(message: MessageScores, seen: Seen) -> None:
    """Add what one window says about a message to its scores."""
    window, scores = seen.window, seen.cosines
    if _at(message, window) and message.answered_at is not None:
        message.response[:] = scores[:, message.answered_at - window.first]
    first, last = max(message.first, window.fresh), min(message.last, window.last)
    if first >= last:
        return
    here = scores[:, first - window.first : last - window.first]
    if message.every is not None and seen.every is not None:
        own = slice(first - message.first, last - message.first)
        message.every[:, own] = seen.every[:, first - window.first : last - window.first]
    message.mean += here.sum(axis=1, dtype=np.float64)
    message.counted += last - first
    largest, place = here.max(axis=1), here.argmax(axis=1) + first
    # A tie stays with the earlier token, whatever the order in which windows were read.
    better = (largest > message.max) | ((largest == message.max) & (place < message.place))
    message.place[better], message.max[better] = place[better], largest[better]
