"""The report's functions for a record as JSON, so that a test changes a value in it and asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from altair.utils import schemapi

from emotion_vectors.experiments.baselines import report as baselines
from emotion_vectors.experiments.correlation import sentences as correlation
from emotion_vectors.experiments.lens import report as lens
from emotion_vectors.experiments.lens.record import Lens
from emotion_vectors.experiments.numeric import figures as numeric_figures
from emotion_vectors.experiments.preferences import report as preferences
from emotion_vectors.experiments.scenarios import report as scenarios
from emotion_vectors.experiments.steered_words import figures as words_figures
from emotion_vectors.experiments.steered_words import report as words
from emotion_vectors.experiments.steered_words.record import Leaks
from emotion_vectors.experiments.steering import sentences_controls, sentences_inversion
from emotion_vectors.experiments.steering import tables as steering
from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.record import ContradictoryRecord, Record, parse
from emotion_vectors.report import about, checks, criteria, page
from emotion_vectors.report import run_tables as method
from emotion_vectors.report.page import Drawn
from emotion_vectors.report.topic import cards, parts_of
from emotion_vectors.topics import EXPERIMENTS, TOPICS

__all__ = ["ContradictoryRecord"]
CARDS = cards(TOPICS)
CRITERIA = tuple(card.id for card in CARDS)
Json = dict[str, Any]


def typed(record: Json | Record) -> Record:
    """The record as the report reads it."""
    return record if isinstance(record, Record) else parse(record, parts_of(TOPICS))


def _of(function: Callable[..., Any], *more: Any) -> Callable[..., Any]:
    return lambda record: function(typed(record), *more)


check = _of(checks.check, TOPICS)
abstract = _of(about.abstract, TOPICS)
limits = _of(about.limits, TOPICS)
caution = _of(about.caution)
reliability_seen = _of(about.reliability_seen)
corpus_table = _of(about.corpus_table)
method_table = _of(method.method_table, EXPERIMENTS)
criteria_table = _of(criteria.criteria_table, CARDS)
answers = _of(criteria.answers, CARDS)
pair_table = _of(lens.pair_table)
vectors_table = _of(lens.vectors_table)
twins_chart = _of(numeric_figures.twins_chart)
twins_rows = _of(numeric_figures.twins_rows)
feels_rows = _of(words_figures.feels_rows)
sentences_table = _of(words.sentences_table)
leaks_table = _of(words.leaks_table)
battery_table = _of(scenarios.battery_table)
retrieval_seen = _of(scenarios.retrieval_seen)
layers_seen = _of(scenarios.layers_seen)
words_table = _of(baselines.words_table)
words_seen = _of(baselines.words_seen)
category_table = _of(preferences.category_table)
bars_chance = _of(correlation.bars_chance)
arms_table = _of(steering.arms_table)
inversion_table = _of(steering.inversion_table)
effects_table = _of(steering.effects_table)
steered_category_table = _of(steering.steered_category_table)


def drawn(record: Json | Record) -> list[Drawn]:
    """All figures, made as `write_report` makes them; `to_dict` of one checks it against the schema."""
    with schemapi.debug_mode(False):
        return page.figures(typed(record), TOPICS)


def _steered(function: Callable[..., str], part: str = "") -> Callable[[Json | Record], str]:
    """A sentence about the steering part, or about one of its parts."""

    def said(record: Json | Record) -> str:
        found = typed(record).part(Steering)
        assert found is not None
        return function(getattr(found, part) if part else found)

    return said


arms_seen = _steered(sentences_controls.arms_seen)
broken_seen = _steered(sentences_controls.broken_seen)
categories_seen = _steered(sentences_controls.categories_seen)
scale_seen = _steered(sentences_controls.scale_seen, "scale")
contraction_seen = _steered(sentences_inversion.contraction_seen, "inversion")


def pairs_seen(record: Json | Record) -> str:
    """The note of the table of pairs."""
    found = typed(record).part(Lens)
    return "" if found is None else lens.pairs_seen(found.pairs_test, found.opposites)


def leaks_seen(record: Json | Record) -> str:
    """The note of the table of answers."""
    found = typed(record).part(Leaks)
    return "" if found is None else words.leaks_seen(found)


def verdict_counts(record: Json | Record, kind: str = "verdict") -> dict[str, list[str]]:
    """Criteria by verdict."""
    return criteria.verdict_counts(typed(record), CARDS, seed=kind == "seed_verdict")


def write_report(folder: Path, record: Json | Record) -> list[Path]:
    """The page and its figures."""
    return page.write_report(folder, record, TOPICS)


def render(record: Json | Record, figures: list[Drawn], folder: Path | None = None) -> str:
    """The page's text without pictures; `folder` has the texts of a run."""
    return page.render(typed(record), TOPICS, figures, {}, {}, folder)


def figures(record: Json | Record) -> list[Drawn]:
    """The numbered figures."""
    return [one for one in drawn(record) if isinstance(one.figure.number, int)]


def lettered_figures(record: Json | Record) -> list[Drawn]:
    """The lettered figures that the record has data for."""
    return [one for one in drawn(record) if isinstance(one.figure.number, str)]


def figure_claims(record: Json | Record, number: int | str) -> Drawn:
    """A figure with its three sentences."""
    one = next(figure for topic in TOPICS for figure in topic.figures if figure.number == number)
    record = typed(record)
    return Drawn(one, None, [], one.seen(record), one.chance(record), one.published(record))
