"""What a corpus holds, before anything is made of it: how many texts of which emotion, and how many words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from emotion_vectors.corpus.imported import NEUTRAL_COLUMNS, Emotions, read_corpus
from emotion_vectors.corpus.sources import Source
from emotion_vectors.errors import UserError


@dataclass
class Survey:
    """Texts and words of a corpus by emotion (neutral texts: by ""), before any filter."""

    texts: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)


def survey_stories(source: Source, known: tuple[str, ...], skip_unknown: bool) -> Survey:
    """Read the stories once; raises `UserError` for the first row that can't be used, and for a corpus without any."""
    names, found = Emotions(known, skip_unknown or source.ours), Survey()
    for row in read_corpus(source):
        emotion = names.find(source, row)
        if emotion is not None:
            found.texts[emotion] += 1
            found.words[emotion] += len(row.text.split())
    return _filled(found, source)


def survey_neutral(source: Source) -> Survey:
    """As `survey_stories`, of neutral texts."""
    found = Survey()
    for row in read_corpus(source, NEUTRAL_COLUMNS):
        found.texts[""] += 1
        found.words[""] += len(row.text.split())
    return _filled(found, source)


def _filled(found: Survey, source: Source) -> Survey:
    if not found.texts:
        raise UserError(f"{source.name} has no text that this run can use; check its columns and emotions.")
    return found
