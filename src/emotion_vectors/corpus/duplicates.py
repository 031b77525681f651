"""Near-duplicates of texts already kept, for hundreds of thousands of texts.

Two texts are near-duplicates when the Jaccard similarity of their sets of five-word shingles is above `LIMIT` (lower
case, words only). Candidates come from MinHash with banding (Broder 1997): `BANDS` bands of `ROWS` minima find a pair
at similarity s with probability 1 - (1 - s^3)^16, which is 0.980 at 0.6, 0.9985 at 0.7 and above 0.9999 at 0.8;
every candidate is then compared exactly, so nothing is dropped by chance.
"""

from __future__ import annotations

import re
import zlib

import numpy as np

LIMIT = 0.6
SHINGLE_WORDS = 5
BANDS = 16
ROWS = 3
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return [word.lower().replace("’", "'") for word in WORD.findall(text)]


def shingles(text: str) -> np.ndarray:
    """Sorted distinct 32-bit hashes of the five-word shingles of `text`; a shorter text is one shingle of its own."""
    words = words_of(text)
    if not words:
        return np.empty(0, dtype=np.uint32)
    starts = range(max(1, len(words) - SHINGLE_WORDS + 1))
    # crc32 is the same in every process, which Python's hash is not.
    return np.unique(
        np.array([zlib.crc32(" ".join(words[i : i + SHINGLE_WORDS]).encode()) for i in starts], dtype=np.uint32)
    )


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Jaccard similarity of two sets of shingles, in [0, 1]; 0 where one is empty."""
    if not len(first) or not len(second):
        return 0.0
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


class DuplicateIndex:
    """Remembers kept texts and finds the one that a new text nearly repeats."""

    def __init__(self, limit: float = LIMIT) -> None:
        self.limit = limit
        generator = np.random.default_rng(20260402)
        shape = (BANDS * ROWS, 1)
        # Multiply-shift hashing: an odd factor and an offset per minimum, arithmetic modulo 2^64.
        self._factors = generator.integers(0, 2**64, size=shape, dtype=np.uint64) | np.uint64(1)
        self._offsets = generator.integers(0, 2**64, size=shape, dtype=np.uint64)
        self._kept: list[np.ndarray] = []
        self._bands: list[dict[bytes, list[int]]] = [{} for _ in range(BANDS)]

    def __len__(self) -> int:
        """Number of texts kept."""
        return len(self._kept)

    def find(self, text: str) -> int | None:
        """The number (in order of `add`) of a kept text that `text` nearly repeats, the first one; None if there is none."""
        mine = shingles(text)
        if not len(mine):
            return None
        candidates = {
            number for keys, band in zip(self._keys(mine), self._bands, strict=True) for number in band.get(keys, ())
        }
        return next((n for n in sorted(candidates) if similarity(mine, self._kept[n]) > self.limit), None)

    def add(self, text: str) -> None:
        """Remember `text` as kept."""
        mine = shingles(text)
        number = len(self._kept)
        self._kept.append(mine)
        if len(mine):
            for keys, band in zip(self._keys(mine), self._bands, strict=True):
                band.setdefault(keys, []).append(number)

    def _keys(self, mine: np.ndarray) -> list[bytes]:
        hashed = (mine.astype(np.uint64)[None, :] * self._factors + self._offsets) >> np.uint64(40)
        minima = hashed.min(axis=1).astype(np.uint32).reshape(BANDS, ROWS)
        return [row.tobytes() for row in minima]
