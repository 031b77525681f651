"""What is kept while texts are read: a few passages of each emotion, and some taken at random, however many texts there are.

A passage is the largest token of a stretch (the part of a text that one window reads anew) with `AROUND` tokens on either side, up to whole words.
There is at most one for each stretch and emotion. Ties are broken by a hash of the text, so neither the order of the files nor that of the
texts in them matters, and a text that appears twice counts once.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from emotion_vectors.natural.words import Words
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.transcripts.passages import AROUND, Passage, Place, Strength
from emotion_vectors.transcripts.scores import MessageScores, Seen
from emotion_vectors.vectors.calibration import KINDS, Calibration

RANDOM_PASSAGES = 400
MOST_OF_A_WORD = 8  # tokens that a passage grows by on either side to end with a whole word


@dataclass(frozen=True)
class Example(Passage):
    """A passage is a stretch of this many tokens, in a text or in a message (`form`). A random one has no emotion and no cosines."""

    form: str
    stretch: int

    @property
    def text(self) -> str:
        """The passage."""
        return "".join(self.tokens)


Entry = tuple[float, int, Example]  # strength, minus the key of the stretch


class Heap:
    """The `most` strongest entries, of each stretch one."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._entries: list[Entry] = []
        self._keys: set[int] = set()

    def takes(self, strength: float, key: int) -> bool:
        """Whether a passage of this strength would be kept."""
        full = len(self._entries) == self.most
        return not full or key in self._keys or (strength, -key) > self._entries[0][:2]

    def push(self, strength: float, key: int, example: Example) -> None:
        """Keep a passage if it is among the strongest."""
        if key in self._keys:
            place = next(place for place, entry in enumerate(self._entries) if entry[1] == -key)
            if self._entries[place][0] < strength:
                self._entries[place] = (strength, -key, example)
                heapq.heapify(self._entries)
        elif len(self._entries) < self.most:
            heapq.heappush(self._entries, (strength, -key, example))
            self._keys.add(key)
        elif (strength, -key) > self._entries[0][:2]:
            gone = heapq.heappushpop(self._entries, (strength, -key, example))
            self._keys = (self._keys | {key}) - {-gone[1]}

    def ordered(self) -> list[Entry]:
        """The entries, strongest first; of equal strength the smaller key first."""
        return sorted(self._entries, key=lambda entry: (-entry[0], -entry[1]))


class Stretch(NamedTuple):
    """One window's part of one message: where it is, its text's hash, the scores so far and what the window shows."""

    place: Place
    text: int
    message: MessageScores
    seen: Seen

    @property
    def key(self) -> int:
        """64 bits that tell this stretch from others, of the text's contents and not of its place in the files."""
        named = f"{self.text}:{self.place.message}:{self.seen.window.first}"
        return int.from_bytes(hashlib.blake2b(named.encode(), digest_size=8).digest(), "little")


class Kept:
    """The strongest passages of each emotion, the strongest without its words, and random ones."""

    def __init__(
        self,
        emotions: Sequence[str],
        columns: Sequence[int],
        layer: int,
        calibration: Calibration | None,
        centred: bool,
        words: Words,
        top: int,
    ) -> None:
        """`columns` are the emotions' numbers in the vectors; `centred`: whether there are centred cosines to rank by."""
        self.emotions, self.kind = tuple(emotions), KINDS[1 if centred else 0]
        self._strength = Strength(calibration, layer, columns, self.kind)
        self._words = words
        self.strongest = {emotion: Heap(top) for emotion in self.emotions}
        self.without = {emotion: Heap(top) for emotion in self.emotions}
        self.random = Heap(RANDOM_PASSAGES)

    def see(self, stretch: Stretch) -> int:
        """Look at one window of a message; how many of its tokens count."""
        window, message = stretch.seen.window, stretch.message
        first, last = max(message.first, window.fresh), min(message.last, window.last)
        if first >= last:
            return 0
        span, key = slice(first - window.first, last - window.first), stretch.key
        here = stretch.seen.cosines[KINDS.index(self.kind)][span, : len(self.emotions)]
        strength, neutral = self._strength.of(here.max(axis=0), last - first, stretch.place.form)
        whole = "".join(stretch.seen.tokens)
        for column, emotion in enumerate(self.emotions):
            value = float(strength[column])
            heaps = [self.strongest[emotion]] if self.strongest[emotion].takes(value, key) else []
            # Without its words: nowhere in what the model saw, not only in the passage.
            if self.without[emotion].takes(value, key) and not self._words.find(emotion, whole).either:
                heaps.append(self.without[emotion])
            if heaps:
                at = first + int(here[:, column].argmax())
                usual = None if neutral is None else float(neutral[column])
                example = _example(stretch, first, last, at, emotion, value, column, self.kind, usual)
                for heap in heaps:
                    heap.push(value, key, example)
        # A key is a random number, so the smallest keys are a random choice of stretches, and one of them a random place.
        if self.random.takes(-float(key), key):
            at = first + key % (last - first)
            self.random.push(-float(key), key, _example(stretch, first, last, at))
        return last - first

    def dump(self) -> JsonObject:
        """Everything that is kept, as JSON values; `restore` takes it."""
        heaps = {"strongest": self.strongest, "without": self.without, "random": {"": self.random}}
        return {
            name: {
                emotion: [[entry[0], -entry[1], asdict(entry[2])] for entry in heap.ordered()]
                for emotion, heap in group.items()
            }
            for name, group in heaps.items()
        }

    def restore(self, kept: JsonObject) -> None:
        """Take in what `dump` gave."""
        heaps = {"strongest": self.strongest, "without": self.without, "random": {"": self.random}}
        for name, group in heaps.items():
            for emotion, heap in group.items():
                for strength, key, example in kept[name][emotion]:
                    heap.push(strength, key, Example(**example))


def _example(
    stretch: Stretch,
    first: int,
    last: int,
    at: int,
    emotion: str = "",
    strength: float = 0.0,
    column: int | None = None,
    kind: str = "",
    neutral: float | None = None,
) -> Example:
    """The passage round the token `at` of a stretch that is tokens `first` to `last` of the text."""
    place, _, message, seen = stretch
    offset = seen.window.first
    start, end = whole_words(seen.tokens, first - offset, last - offset, at - offset)
    cosines = [] if column is None else seen.cosines[KINDS.index(kind)][start:end, column]
    return Example(
        emotion, strength, place.source, place.item, place.id, place.message, message.role, at - message.start, at - offset - start,
        list(seen.tokens[start:end]), [round(float(value), 5) for value in cosines], neutral, place.form, last - first,
    )  # fmt: skip


def whole_words(tokens: Sequence[str], first: int, last: int, at: int) -> tuple[int, int]:
    """The range of `AROUND` tokens on either side of `at` within `first` to `last`, grown to whole words."""
    start, end = max(first, at - AROUND), min(last, at + AROUND + 1)
    for _ in range(MOST_OF_A_WORD):
        start -= start > first and not _is_border(tokens[start - 1], tokens[start])
        end += end < last and not _is_border(tokens[end - 1], tokens[end])
    return start, end


def _is_border(before: str, after: str) -> bool:
    """Whether no word goes on from one token to the next."""
    return not (before[-1:].isalnum() and after[:1].isalnum())


def marked_cells(example: Example) -> np.ndarray:
    """(t,) how strong each token is: 0 as usual in neutral texts, 1 as the passage's largest, below 0 where less than usual."""
    values = np.array(example.cosines)
    usual = float(values.min()) if example.neutral is None else example.neutral
    high = values[example.largest] - usual
    return np.clip((values - usual) / high, -1, 1) if high > 0 else np.zeros_like(values)
