"""What the stories of the emotions are made of: their words as a bag, their length and their grammatical person.

One pass over the texts after the one that makes the vocabulary; only means per emotion are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.baselines import words

FIRST = frozenset("i me my mine myself we us our ours ourselves".split())
OTHERS = frozenset(
    "you your yours yourself yourselves he him his himself she her hers herself they them their theirs themselves".split()
)
LENGTH, PERSON = "story length", "person"


class StoryFacts(NamedTuple):
    """Of n emotions: the bag of words (n, w), mean words per story (n,), share of the first person (n,), and whose words the bag counts."""

    bag: np.ndarray
    length: np.ndarray
    person: np.ndarray
    vocabulary: words.Vocabulary

    def covariates(self) -> dict[str, np.ndarray]:
        """What differs between the emotions and is not an emotion; what is the same for all of them is left out."""
        given = {LENGTH: self.length, PERSON: self.person}
        return {name: column for name, column in given.items() if np.ptp(column) > 1e-9 * max(1.0, abs(column).max())}


def read(stories: Callable[[], Iterable[tuple[str, str]]], emotions: Sequence[str]) -> StoryFacts:
    """From (emotion, text) of every story; `stories` is called once for each pass.

    The person of a story is the share of I and we, in all their forms, among its personal pronouns. Raises `UserError` where an
    emotion has no story, or no story has a word.
    """
    vocabulary = words.fit(text for _, text in stories())
    counted = _Counts(len(emotions))
    bag = words.emotion_vectors(counted.passing(stories(), emotions), emotions, vocabulary)
    return StoryFacts(bag, counted.mean(counted.length), counted.mean(counted.person), vocabulary)


class _Counts:
    """Sums over the stories that pass by."""

    def __init__(self, n: int) -> None:
        self.stories, self.length, self.person = np.zeros(n), np.zeros(n), np.zeros(n)

    def passing(self, stories: Iterable[tuple[str, str]], emotions: Sequence[str]) -> Iterable[tuple[str, str]]:
        """The same stories, counted on their way."""
        index = {emotion: row for row, emotion in enumerate(emotions)}
        for emotion, text in stories:
            said = [word.strip(".,;:!?\"'()-").lower().split("'")[0] for word in text.replace("’", "'").split()]
            first, others = sum(word in FIRST for word in said), sum(word in OTHERS for word in said)
            row = index[emotion]
            self.stories[row] += 1
            self.length[row] += len(said)
            self.person[row] += first / (first + others) if first + others else 0.5
            yield emotion, text

    def mean(self, sums: np.ndarray) -> np.ndarray:
        """Per story."""
        return sums / np.maximum(self.stories, 1)
