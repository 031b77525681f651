"""Dialogues of two speakers with an emotion each, from a file: checked row by row, without a model.

In: a .jsonl or .parquet file with the columns `topic`, `turns` (a list of {speaker, text}) and `emotions` ({speaker: emotion}). The
speakers are Human and Assistant, or Person 1 and Person 2. Out: the dialogues in their order, kept or with the reason why they are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from emotion_vectors.corpus.filters import NAMES
from emotion_vectors.corpus.imported import MOST_CHARACTERS, Emotions, Row, raw_rows
from emotion_vectors.corpus.naming import named
from emotion_vectors.corpus.sources import Source, locate_corpus
from emotion_vectors.errors import UserError
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.store.records import storable

WRITE = "write"  # in place of a file: the model writes them (corpus/speaking.py)
# The first speaker by either name, and the second one.
SPEAKERS = ({"human", "user", "person", "person 1"}, {"assistant", "ai", "person 2"})
COLUMNS = ("topic", "turns", "emotions")
MOST_DIALOGUES, MOST_TURNS = 20_000, 24
FEWEST_TURNS = 3  # the first turn is not read: the other has not spoken yet
FEWEST_TOPICS, FEWEST_EMOTIONS, FEWEST_USES = 4, 4, 2
FORM = (
    'a dialogue is {"topic": ..., "turns": [{"speaker": "Human", "text": ...}, {"speaker": "Assistant", "text": ...}, ...], '
    '"emotions": {"Human": ..., "Assistant": ...}}'
)


class Dialogue(NamedTuple):
    """Turns by the first and the second speaker in alternation, their two emotions, and why it is left out ("" where it isn't)."""

    number: int
    topic: str
    turns: tuple[str, ...]
    emotions: tuple[str, str]
    fault: str


class Dialogues(NamedTuple):
    """The file, and all its dialogues."""

    source: Source
    rows: list[Dialogue]

    @property
    def kept(self) -> list[Dialogue]:
        """Those that are read."""
        return [row for row in self.rows if not row.fault]

    @property
    def dropped(self) -> dict[str, int]:
        """How many are left out, by reason."""
        return dict(Counter(row.fault for row in self.rows if row.fault))


def read_dialogues(name: str, pack: Pack) -> Dialogues:
    """The dialogues of the file `name`. Raises `UserError` for a bad row, and where too few are left to split by topic."""
    source = locate_corpus(name)
    if source.ours:
        raise UserError(
            f"There are no dialogues called '{name}'; give a .jsonl or .parquet file of them, or '{WRITE}'."
        )
    source = source._replace(text_columns=("turns",))
    emotions, found = Emotions(pack.emotions), []
    for number, row in raw_rows(source, COLUMNS):
        if len(found) >= MOST_DIALOGUES:
            raise UserError(f"{source.name} has more than {MOST_DIALOGUES:,} dialogues; take a part of it.")
        found.append(_dialogue(source, number, row, emotions, pack))
    _require_enough(source.name, [row for row in found if not row.fault])
    return Dialogues(source, found)


def _dialogue(source: Source, number: int, row: Any, emotions: Emotions, pack: Pack) -> Dialogue:
    place = f"{source.name}, row {number}"
    if not isinstance(row, dict):
        raise UserError(f"{place}: it is not an object; {FORM}.")
    topic = row.get("topic")
    if not isinstance(topic, str) or not topic.strip():
        raise UserError(f"{place}: the topic is missing; {FORM}. Dialogues are split by topic.")
    turns = tuple(_turns(place, row.get("turns")))
    felt = _felt(place, row.get("emotions"))
    both = [str(emotions.find(source, Row(number, one, topic, ""))) for one in felt]
    fault = NAMES if leaks("\n".join(turns), both, pack) else ""
    return Dialogue(number, topic.strip(), turns, (both[0], both[1]), fault)


def leaks(text: str, felt: Iterable[str], pack: Pack) -> bool:
    """Whether a text names one of the emotions `felt`, or a synonym."""
    return any(named(text, one, pack.synonyms.get(one, ())) for one in felt)


def _turns(place: str, given: Any) -> Iterator[str]:
    if not isinstance(given, list) or not FEWEST_TURNS <= len(given) <= MOST_TURNS:
        raise UserError(
            f"{place}: it needs {FEWEST_TURNS} to {MOST_TURNS} turns; the first one is not read, because the other speaker has not "
            "spoken yet."
        )
    for turn, one in enumerate(given, 1):
        if not isinstance(one, dict) or not isinstance(one.get("text"), str) or not one["text"].strip():
            raise UserError(f"{place}: turn {turn} has no text; {FORM}.")
        if len(one["text"]) > MOST_CHARACTERS:
            raise UserError(f"{place}: turn {turn} has more than {MOST_CHARACTERS:,} characters; shorten it.")
        if speaker_of(one.get("speaker")) != (turn - 1) % 2:
            raise UserError(
                f"{place}: turn {turn} is not {'the Human' if turn % 2 else 'the Assistant'}'s; Human and Assistant (or Person 1 and Person 2) "
                "take turns, and the first of the two begins."
            )
        yield storable(one["text"].strip())


def _felt(place: str, given: Any) -> list[str]:
    owners = (
        {speaker_of(name): one for name, one in given.items() if one is not None} if isinstance(given, dict) else {}
    )
    if set(owners) != {0, 1} or not all(isinstance(one, str) for one in owners.values()):
        raise UserError(f"{place}: it does not say what each of the two speakers feels; {FORM}.")
    return [owners[0], owners[1]]


def speaker_of(name: Any) -> int | None:
    """0 for a name of the first speaker, 1 for one of the second, None for any other."""
    plain = " ".join(name.casefold().replace("_", " ").split()) if isinstance(name, str) else ""
    return next((place for place, names in enumerate(SPEAKERS) if plain in names), None)


def _require_enough(name: str, rows: list[Dialogue]) -> None:
    """Refuse what can't be split into halves by topic with every emotion of every speaker in both."""
    topics = {row.topic for row in rows}
    if len(topics) < FEWEST_TOPICS:
        raise UserError(
            f"{name} has dialogues on {len(topics)} topics that can be used; {FEWEST_TOPICS} are needed to split them."
        )
    seen = {one for row in rows for one in row.emotions}
    if len(seen) < FEWEST_EMOTIONS:
        raise UserError(f"{name} has speakers with {len(seen)} emotions; {FEWEST_EMOTIONS} are needed.")
    for owner, who in enumerate(("Human", "Assistant")):
        held = Counter(one for one, _ in {(row.emotions[owner], row.topic) for row in rows})
        if few := [one for one in sorted(seen) if held[one] < FEWEST_USES]:
            raise UserError(
                f"{name}: the {who} is {few[0]} in dialogues on {held[few[0]]} topics; every emotion of each speaker needs {FEWEST_USES} "
                "topics or more."
            )
