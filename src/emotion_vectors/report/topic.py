"""What an experiment gives to the page: plain data about functions of the typed record.

A topic is in the same folder as its measurement and knows the record; the page knows topics and none of them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from emotion_vectors.record import Record
from emotion_vectors.record.base import ExperimentPart
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.report.published import Reference

Rows = list[dict[str, Any]]


def nothing(record: Record) -> str:
    """No sentence."""
    return ""


@dataclass(frozen=True)
class Card:
    """A criterion: its id, name and question, what the published sources report, and when a run has the data to ask it.

    `has_data` says whether the record has what the criterion is about, or None where its version did not write the part.
    `lower_is_better` of ranks. `since` is the version that it came with: records of earlier ones may lack it. A pass needs an
    interval wholly beyond `bar`. `beside` is text behind the value in the table.
    """

    id: str
    title: str
    question: str
    published: Reference | None = None
    has_data: Callable[[Record], bool | None] | None = None
    lower_is_better: bool = False
    since: str = ""
    bar: float | None = None
    beside: Callable[[Record], str] = nothing


@dataclass(frozen=True)
class Figure:
    """A figure of the page; `number` is a letter for one that the earlier reproduction lacks, which is left out without data.

    `chart` gives an altair chart, or None where the run has no data for it; `rows` the data behind it. `seen`, `chance` and
    `published` are the sentences below it: what is seen, what chance looks like, and what the published sources saw.
    """

    number: int | str
    title: str
    chart: Callable[[Record], Any | None]
    rows: Callable[[Record], Rows]
    seen: Callable[[Record], str]
    chance: Callable[[Record], str]
    published: Callable[[Record], str]
    section: str = "figures"
    after: int = 99  # a lettered figure stands behind the numbered one

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in its section."""
        return (self.number, "") if isinstance(self.number, int) else (self.after, self.number)

    @property
    def name(self) -> str:
        """File name without ending."""
        return f"figure-{self.number}".lower()


@dataclass(frozen=True)
class Cell:
    """Text of a table cell; `kind` is a CSS class that never says more than the text does.

    A `number` stays on one line; what is `measured`, a number with words or its interval, may take several.
    """

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A caption, column heads and rows of cells; the first cell of a row is its head. `anchors` name the rows.

    `reasons`, one for each row, stand below their rows over the whole width.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    anchors: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    kind: str = ""  # a CSS class: `cards` are read row by row on a phone, `texts` hold long ones


@dataclass(frozen=True)
class TableOf:
    """A table of the page: `make` gives it, or None where the run has nothing for it; `folded` ones open on a click."""

    make: Callable[[Record], Table | None]
    section: str = "tables"
    folded: bool = False
    place: int = 50  # tables of a section stand in the order of their places, then of their topics


@dataclass(frozen=True)
class TextsOf:
    """A table of texts that a run wrote: `make` reads them in the run's folder, and gives None where that has none (any more)."""

    make: Callable[[Path, Record], Table | None]
    section: str


@dataclass(frozen=True)
class Shade:
    """What the explorer's map can show of each emotion: a number, or the name of a group.

    `of` gives them by emotion; an emotion without one is drawn as unknown, and a run without any has no such choice. `note` says what
    chance and the words alone give, since a map looks like something whatever is on it.
    """

    name: str
    of: Callable[[Record], Mapping[str, float | str]]
    note: Callable[[Record], str]


class Evidence(NamedTuple):
    """What a run hands to an experiment that needs no model: settings, stimuli, vectors, and what was read and asked.

    `readings` are the prompts' activations, `answers` the unsteered choices, `scores` the activities' preferences, `responses` the
    activations before and in the model's own answers, `correlations` those of the emotions with preference, `runs` the steered answers
    (None where nothing was steered).
    """

    settings: Any
    pack: Any
    vectors: Any
    readings: Any
    answers: Any
    scores: Any
    responses: Any = None
    correlations: Any = None
    runs: Any = None


class Measured(NamedTuple):
    """An experiment's part of the record, and the criteria that it judges (as `experiments.criteria.judge` gives them).

    `reasons` are sentences that it adds to the reasons of other criteria, by id; they change no verdict.
    """

    part: ExperimentPart
    criteria: tuple[Criterion, ...] = ()
    reasons: Mapping[str, str] = {}


class Choice(NamedTuple):
    """One row of the method table: `agrees` is True or False against the paper, None where the paper gives nothing to compare with."""

    name: str
    paper: str
    seed: str
    run: str
    agrees: bool | None


@dataclass(frozen=True)
class Section:
    """A section of the page with a head of its own; without content it is left out, or says `missing`."""

    key: str
    title: str
    nav: str
    note: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Topic:
    """All that the page, the checks and the comparison need of one experiment.

    `parts` are its parts of the record. `contradictions` raises `ContradictoryRecord` where a part contradicts itself or
    another one. `abstract` and `limits` are sentences for those places, `method` rows of the method table, `shades` what the map can show.
    `measure` makes the part where vectors and readings suffice, or None where they don't; what needs the model is measured by a stage.
    """

    key: str
    title: str
    parts: tuple[type[ExperimentPart], ...] = ()
    criteria: tuple[Card, ...] = ()
    sections: tuple[Section, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[TableOf, ...] = ()
    texts: tuple[TextsOf, ...] = ()
    contradictions: Callable[[Record], None] | None = None
    abstract: Callable[[Record], str] = nothing
    limits: Callable[[Record], list[str]] | None = None
    shades: tuple[Shade, ...] = ()
    method: Callable[[Record], list[Choice]] | None = None
    measure: Callable[[Evidence], Measured | None] | None = None


def cards(topics: Sequence[Topic]) -> list[Card]:
    """The criteria of all topics, in their order."""
    return [card for topic in topics for card in topic.criteria]


def parts_of(topics: Sequence[Topic]) -> dict[str, type[ExperimentPart]]:
    """The parts of the record that the topics declare, by key."""
    return {part.key: part for topic in topics for part in topic.parts}
