"""The eight numbered figures of a report and the lettered ones: number, title, chart, alternative text and the data behind it, all from the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emotion_vectors.report import figures_controls as controls
from emotion_vectors.report import figures_preferences as preferences
from emotion_vectors.report import figures_steering as steering
from emotion_vectors.report import figures_twins as twins
from emotion_vectors.report import figures_validation as validation
from emotion_vectors.report import figures_words as words
from emotion_vectors.report.claims import FigureClaims, figure_claims
from emotion_vectors.report.palette import styled

Record = dict[str, Any]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """One figure; `number` is a letter for a figure that the seed report lacks. `chart` is an altair chart, or None where the run has no data for it; `rows` is the data behind it."""

    number: int | str
    title: str
    chart: Any | None
    claims: FigureClaims
    rows: Rows

    @property
    def name(self) -> str:
        """File name without ending."""
        return f"figure-{self.number}".lower()

    @property
    def alternative(self) -> str:
        """Text for those who don't see the picture: what it is and what it shows."""
        return f"Figure {self.number}, {self.title}. {self.claims.seen}"


_FIGURES: tuple[tuple[str, Callable[[Record], Any | None], Callable[[Record], Rows]], ...] = (
    ("Texts that imply an emotion without naming it", validation.scenarios_chart, validation.scenario_rows),
    ("Numbers that should change an emotion", validation.numeric_chart, validation.numeric_rows),
    ("Every probe's correlation with preference", preferences.bars_chart, preferences.bar_rows),
    ("Steering against correlation", steering.scatter_chart, steering.effect_rows),
    (
        "A positive emotion: probe against preference",
        lambda record: preferences.probe_chart(record, "positive"),
        lambda record: preferences.probe_rows(record, "positive"),
    ),
    (
        "A positive emotion: preference before and after steering",
        lambda record: steering.after_chart(record, "positive"),
        lambda record: steering.after_rows(record, "positive"),
    ),
    (
        "A negative emotion: probe against preference",
        lambda record: preferences.probe_chart(record, "negative"),
        lambda record: preferences.probe_rows(record, "negative"),
    ),
    (
        "A negative emotion: preference before and after steering",
        lambda record: steering.after_chart(record, "negative"),
        lambda record: steering.after_rows(record, "negative"),
    ),
)


def figures(record: Record) -> list[Figure]:
    """Figures 1 to 8 of a record that passed `checks.check`."""
    made = []
    for number, (title, chart, rows) in enumerate(_FIGURES, start=1):
        drawn = chart(record)
        made.append(
            Figure(number, title, None if drawn is None else styled(drawn), figure_claims(record, number), rows(record))
        )
    return made


_LETTERED: tuple[tuple[str, str, Callable[[Record], Any | None], Callable[[Record], Rows]], ...] = (
    (
        "A",
        "Which half is steered: the vector on one activity and on both",
        controls.inversion_chart,
        controls.inversion_rows,
    ),
    ("B", "Steering effect by strength", controls.dose_chart, controls.dose_rows),
    ("C", "Steering effect by layer", controls.depth_chart, controls.depth_rows),
    ("D", "Emotion words after a sentence, while steered", words.feels_chart, words.feels_rows),
    ("E", "Numbers that mean something beside the same numbers that mean nothing", twins.twins_chart, twins.twins_rows),
)


def lettered_figures(record: Record) -> list[Figure]:
    """Figures A to E, those of which the record holds the data."""
    made = ((letter, title, chart(record), rows) for letter, title, chart, rows in _LETTERED)
    return [
        Figure(letter, title, styled(chart), figure_claims(record, letter), rows(record))
        for letter, title, chart, rows in made
        if chart is not None
    ]
