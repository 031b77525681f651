"""The words that give an emotion away: its own in all forms, and its synonyms, found in any text.

The synonyms are the list of ours that also keeps stories from naming their emotion (two to six for each of the 171, written by hand);
an emotion that is not in it has its own word only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from emotion_vectors.corpus.naming import forms, naming_pattern

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


class Found(NamedTuple):
    """Whether a text has a form of the emotion's own word, and of a synonym."""

    own: bool
    synonym: bool

    @property
    def either(self) -> bool:
        """Whether it has one of both."""
        return self.own or self.synonym


class Mark(NamedTuple):
    """Characters `first` to `last` of a text are the emotion's own word (`own`) or a synonym."""

    first: int
    last: int
    own: bool


class Words:
    """Own words and synonyms of some emotions."""

    def __init__(self, emotions: Sequence[str], synonyms: Mapping[str, Sequence[str]]) -> None:
        self._own = {emotion: naming_pattern((emotion,)) for emotion in emotions}
        self._synonyms = {name: naming_pattern(tuple(synonyms[name])) for name in emotions if synonyms.get(name)}
        every = {form for name in emotions for word in (name, *synonyms.get(name, ())) for form in forms(word)}
        self._single = frozenset(form for form in every if " " not in form)
        phrases = tuple(sorted(form for form in every if " " in form))
        self._phrases = naming_pattern(phrases) if phrases else None

    def find(self, emotion: str, text: str) -> Found:
        """What of one emotion's words is in a text."""
        synonyms = self._synonyms.get(emotion)
        return Found(bool(self._own[emotion].search(text)), bool(synonyms and synonyms.search(text)))

    def marks(self, emotion: str, text: str) -> list[Mark]:
        """Where one emotion's words are, in their order; where both overlap, the emotion's own word."""
        own = [Mark(*found.span(), True) for found in self._own[emotion].finditer(text)]
        synonyms = self._synonyms.get(emotion)
        others = [Mark(*found.span(), False) for found in synonyms.finditer(text)] if synonyms else []
        apart = [one for one in others if all(one.last <= mark.first or mark.last <= one.first for mark in own)]
        return sorted([*own, *apart])

    def any_in(self, text: str) -> bool:
        """Whether a text has a word of any of the emotions."""
        if not self._single.isdisjoint(spoken(text)):
            return True
        return bool(self._phrases and self._phrases.search(text))


def spoken(text: str) -> Iterable[str]:
    """The words of a text in lower case; a hyphened word also in its parts."""
    for found in WORD.finditer(text.lower()):
        word = found.group().replace("’", "'")
        yield word
        if "-" in word:
            yield from word.split("-")
