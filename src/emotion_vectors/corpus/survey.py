"""What a corpus holds, before a model is loaded: is every row one that can be used, how many texts of which emotion; and whose
emotions the run is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from emotion_vectors.corpus.imported import (
    NEUTRAL_COLUMNS,
    STORY_COLUMNS,
    VALENCE,
    Emotions,
    Row,
    Unknown,
    read_corpus,
)
from emotion_vectors.corpus.sources import CorpusSettings, Source, neutral_source, stories_source
from emotion_vectors.errors import UserError
from emotion_vectors.stimuli.items import NEGATIVE, POSITIVE
from emotion_vectors.stimuli.pack import Pack

FEWEST = 4  # emotions of a run; of fewer nothing is left to compare after centring
NAMED = 5  # how many names a sentence lists


class EmotionSettings(CorpusSettings, Protocol):
    """The settings that decide on the emotions of a run with imported stories."""

    @property
    def emotions(self) -> int: ...  # noqa: D102
    @property
    def emotions_from(self) -> str: ...  # noqa: D102
    @property
    def skip_unknown_emotions(self) -> bool: ...  # noqa: D102


@dataclass
class Survey:
    """Texts and words of a corpus by emotion (neutral texts: by ""), before any filter.

    valence: of emotions that the pack lacks, where the corpus gives it. skipped: rows of names that are left out.
    """

    texts: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    valence: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Imports:
    """A run's imported texts and what follows of them: None for what is written.

    pack: the stimuli, with the emotions that the corpus adds. emotions: of the run, in the pack's order, where stories are imported.
    """

    pack: Pack
    stories: Survey | None
    neutral: Survey | None
    emotions: tuple[str, ...] | None


def look_into(settings: EmotionSettings, pack: Pack, say: Callable[[str], None]) -> Imports:
    """Read the corpora once that the settings name; `UserError` for what can't be used in them.

    The emotions of imported stories are the run's: those that the pack has, the first `settings.emotions` of its subset, and with
    emotions_from=corpus all others too.
    """
    source, neutral = stories_source(settings), neutral_source(settings)
    texts = None if neutral is None else survey_neutral(neutral)
    if source is None:
        return Imports(pack, None, texts, None)
    found = survey_stories(source, pack, unknown_in(source, settings))
    chosen = [emotion for emotion in pack.subset if emotion in found.texts]
    if settings.emotions_from == "corpus":
        added = [emotion for emotion in found.texts if emotion not in pack.emotions]
        pack = replace(
            pack, emotions=(*pack.emotions, *added), subset=(*pack.subset, *added), valence=pack.valence | found.valence
        )
        chosen += added
        if untold := [emotion for emotion in added if emotion not in pack.valence]:
            say(f"{source.name} gives no valence for {_listed(untold)}; V8 and V11 leave them out.")
    else:
        chosen = chosen[: settings.emotions]
    _enough(chosen, source, settings)
    _tell(chosen, found, source, settings, say)
    return Imports(pack, found, texts, tuple(emotion for emotion in pack.emotions if emotion in set(chosen)))


def unknown_in(source: Source, settings: EmotionSettings) -> Unknown:
    """What becomes of stories about emotions that the pack does not have; a pack may have fewer emotions than our corpus."""
    if settings.emotions_from == "corpus":
        return "keep"
    return "skip" if settings.skip_unknown_emotions or source.ours else "refuse"


def survey_stories(source: Source, pack: Pack, unknown: Unknown) -> Survey:
    """Read the stories once; raises `UserError` for the first row that can't be used, and for a corpus without any."""
    names, found = Emotions(pack.emotions, unknown), Survey()
    known, columns = frozenset(pack.emotions), (*STORY_COLUMNS, VALENCE) if unknown == "keep" else STORY_COLUMNS
    for row in read_corpus(source, columns):
        emotion = names.find(source, row)
        if emotion is not None:
            found.texts[emotion] += 1
            found.words[emotion] += len(row.text.split())
            if row.valence and emotion not in known:
                _note_valence(found.valence, emotion, row, source)
    found.skipped = names.skipped
    return _filled(found, source)


def survey_neutral(source: Source) -> Survey:
    """As `survey_stories`, of neutral texts."""
    found = Survey()
    for row in read_corpus(source, NEUTRAL_COLUMNS):
        found.texts[""] += 1
        found.words[""] += len(row.text.split())
    return _filled(found, source)


def _note_valence(valence: dict[str, str], emotion: str, row: Row, source: Source) -> None:
    given = row.valence.strip().casefold()
    if given not in (POSITIVE, NEGATIVE):
        raise UserError(
            f"{source.name}, row {row.number}: the valence of an emotion is '{POSITIVE}' or '{NEGATIVE}', or left empty; found '{row.valence[:40]}'."
        )
    if valence.setdefault(emotion, given) != given:
        raise UserError(f"{source.name}, row {row.number}: '{emotion}' has both valences in it; give it one, or none.")


def _filled(found: Survey, source: Source) -> Survey:
    if not found.texts:
        left = f" ({_listed(list(found.skipped))} are not the pack's)" if found.skipped else ""
        raise UserError(f"{source.name} has no text that this run can use{left}; check its columns and emotions.")
    return found


def _enough(chosen: list[str], source: Source, settings: EmotionSettings) -> None:
    if len(chosen) >= FEWEST:
        return
    if source.ours:
        advice = "let the model write with --set stories_from=none"
    elif settings.emotions_from == "corpus":
        advice = "add stories about others"
    else:
        advice = "add stories about others, or keep emotions that the pack lacks with --emotions-from corpus"
    raise UserError(
        f"{source.name} has stories about {len(chosen)} emotion{'' if len(chosen) == 1 else 's'} of this run ({_listed(chosen)}); {FEWEST} or more are needed: {advice}."
    )


def _tell(
    chosen: list[str], found: Survey, source: Source, settings: EmotionSettings, say: Callable[[str], None]
) -> None:
    """Say whose emotions the run is about wherever that is not simply the pack's."""
    if len(chosen) < settings.emotions or settings.emotions_from == "corpus":
        say(f"The run is about the {len(chosen)} emotions of {source.label}.")
    if found.skipped and not source.ours:
        say(
            f"{found.skipped.total():,} stories of {source.name} are left out: the pack has no emotion {_listed(list(found.skipped))}."
        )


def _listed(names: list[str]) -> str:
    return (", ".join(names[:NAMED]) or "none") + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
