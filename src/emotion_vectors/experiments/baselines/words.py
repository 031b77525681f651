"""A bag of words: texts as weighted word counts, which see no order and no context.

TF-IDF with the conventions of scikit-learn's TfidfVectorizer: lower case, words of two letters or more, weight
ln((1 + texts) / (1 + texts with the word)) + 1, every text scaled to length 1. Texts come as a stream and only emotion means
are kept, so memory does not grow with the number of stories. What it can't tell: "not happy" is happy to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.vectors.directions import contrast

LIMIT = 20_000
_WORD = re.compile(r"\b\w\w+\b")


class Vocabulary(NamedTuple):
    """w words with their columns, and the weight (w,) of each."""

    columns: dict[str, int]
    weights: np.ndarray

    def row(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Columns and values of one text of length 1; both empty where it has no known word."""
        counts = Counter(word for word in words(text) if word in self.columns)
        columns = np.array([self.columns[word] for word in counts], dtype=np.intp)
        values = np.array(list(counts.values()), dtype=np.float64) * self.weights[columns]
        return columns, values / np.linalg.norm(values) if len(values) else values

    def rows(self, texts: Sequence[str]) -> np.ndarray:
        """Texts as vectors (t, w) of length 1; a text without a known word is zero."""
        table = np.zeros((len(texts), len(self.columns)))
        for row, text in zip(table, texts, strict=True):
            columns, values = self.row(text)
            row[columns] = values
        return table


def words(text: str) -> list[str]:
    """The lower-case words of a text."""
    return _WORD.findall(text.lower())


def fit(texts: Iterable[str], limit: int = LIMIT) -> Vocabulary:
    """The `limit` most frequent words of `texts` (ties: first by alphabet), in alphabetical order."""
    uses: Counter[str] = Counter()
    holders: Counter[str] = Counter()
    total = 0
    for text in texts:
        found = Counter(words(text))
        uses.update(found)
        holders.update(found.keys())
        total += 1
    chosen = sorted(sorted(uses, key=lambda word: (-uses[word], word))[:limit])
    if not chosen:
        raise UserError("The stories contain no word of two letters, so there is no bag of words; use a better writer.")
    held = np.array([holders[word] for word in chosen])
    return Vocabulary({word: column for column, word in enumerate(chosen)}, np.log((1 + total) / (1 + held)) + 1)


def emotion_vectors(stories: Iterable[tuple[str, str]], emotions: Sequence[str], vocabulary: Vocabulary) -> np.ndarray:
    """Directions (n, w) from a stream of (emotion, text): the mean over its stories minus the mean over emotions."""
    index = {emotion: row for row, emotion in enumerate(emotions)}
    sums, counts = np.zeros((len(emotions), len(vocabulary.columns))), np.zeros(len(emotions))
    for emotion, text in stories:
        columns, values = vocabulary.row(text)
        sums[index[emotion], columns] += values
        counts[index[emotion]] += 1
    if not counts.all():
        missing = emotions[int(counts.argmin())]
        raise UserError(f"There is no story of '{missing}', so it has no bag of words; use fewer emotions.")
    return contrast(sums / counts[:, None])
