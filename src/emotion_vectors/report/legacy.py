"""Topics whose part of the record is not yet typed: their functions get the record's JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emotion_vectors.record import Record
from emotion_vectors.report import (
    claims,
    claims_preferences,
    claims_validation,
    figures_preferences,
    figures_twins,
    figures_validation,
    figures_words,
    legacy_method,
    tables,
    tables_controls,
    words_section,
)
from emotion_vectors.report.checks_controls import check_layers
from emotion_vectors.report.checks_experiments import EXPERIMENTS
from emotion_vectors.report.published import CRITERIA
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.topic import Card, Figure, Section, TableOf, Topic
from emotion_vectors.report.wording import number


def _raw(make: Callable[[dict[str, Any]], Any]) -> Callable[[Record], Any]:
    return lambda record: make(record.raw)


def _figure(
    number: int | str,
    title: str,
    made: tuple[Any, ...],
    said: tuple[Any, ...],
    section: str = "figures",
    after: int = 99,
) -> Figure:
    return Figure(number, title, *(_raw(make) for make in (*made, *said)), section=section, after=after)


def _table(
    make: Callable[[dict[str, Any]], Any], section: str = "tables", folded: bool = False, place: int = 50
) -> TableOf:
    return TableOf(_raw(make), section, folded, place)


def _checked(*names: str) -> Callable[[Record], None]:
    def contradictions(record: Record) -> None:
        raw = record.raw
        for name in names:
            if parts(raw, "experiments").get(name):
                EXPERIMENTS[name](raw["experiments"], raw["criteria"])

    return contradictions


def _has(part: str, *keys: str) -> Callable[[Record], bool | None]:
    def has_data(record: Record) -> bool | None:
        experiments = parts(record.raw, "experiments")
        found = parts(experiments, part)
        return any(bool(found.get(key)) for key in keys) if part in experiments else None

    return has_data


def _any_valence(part: str) -> Callable[[Record], bool | None]:
    def has_data(record: Record) -> bool | None:
        experiments = parts(record.raw, "experiments")
        rows = parts(experiments, part).get("emotions") or []
        return any(row.get("valence") is not None for row in rows) if part in experiments else None

    return has_data


READ, PREFER = "Can emotions be read from a text?", "Do they go with what the model prefers?"


def _card(name: str, title: str, question: str, **more: Any) -> Card:
    return Card(name, title, question, CRITERIA[name], **more)


def _scenario_contradictions(record: Record) -> None:
    _checked("scenarios")(record)
    check_layers(record.raw)


def _missing_valence(record: Record) -> list[str]:
    rows = parts(record.raw, "experiments", "correlation").get("emotions") or []
    missing = sum(row["valence"] is None for row in rows)
    whole = f"{number(missing)} of {len(rows)} emotion{'s' * (len(rows) != 1)}"
    return [f"The valence of {whole} is not given; what is judged by valence leaves them out."] if missing else []


SCENARIOS = Topic(
    "scenarios", "Implicit scenarios",
    criteria=(
        _card("V3", "Implied emotion ranks first", READ, has_data=_has("scenarios", "items")),
        _card("V4", "Mean rank of the implied emotion", READ, has_data=_has("scenarios", "items"), lower_is_better=True),
    ),
    figures=(_figure(
        1, "Texts that imply an emotion without naming it", (figures_validation.scenarios_chart, figures_validation.scenario_rows),
        (claims_validation.scenarios_seen, claims_validation.scenarios_chance, claims_validation.scenarios_published),
    ),),
    tables=(_table(tables_controls.battery_table, place=50),),
    contradictions=_scenario_contradictions, method=_raw(legacy_method.scenario_choices),
)  # fmt: skip
NUMERIC = Topic(
    "numeric", "Numbers in context",
    criteria=(
        _card("V5", "Expected signs", READ, has_data=_has("numeric", "templates")),
        _card("V6", "Strong trends", READ, has_data=_has("numeric", "templates")),
    ),
    figures=(
        _figure(
            2, "Numbers that should change an emotion", (figures_validation.numeric_chart, figures_validation.numeric_rows),
            (claims_validation.numeric_seen, claims_validation.numeric_chance, claims_validation.numeric_published),
        ),
        _figure(
            "E", "Numbers that mean something beside the same numbers that mean nothing", (figures_twins.twins_chart, figures_twins.twins_rows),
            (claims_validation.twins_seen, claims_validation.twins_chance, claims_validation.twins_published), after=2,
        ),
    ),
    contradictions=_checked("numeric"), method=_raw(legacy_method.numeric_choices),
)  # fmt: skip
PREFERENCES = Topic(
    "preferences", "Preferences", criteria=(_card("V7", "Gap between categories", PREFER),),
    tables=(_table(tables.category_table, place=20),), contradictions=_checked("preferences"), abstract=_raw(claims.preferred),
    method=_raw(legacy_method.preference_choices),
)  # fmt: skip


def _probe(number: int, kind: str) -> Figure:
    return _figure(
        number, f"A {kind} emotion: probe against preference",
        (lambda raw: figures_preferences.probe_chart(raw, kind), lambda raw: figures_preferences.probe_rows(raw, kind)),
        claims_preferences.example(kind),
    )  # fmt: skip


CORRELATION = Topic(
    "correlation", "Probes and preference",
    criteria=(
        _card("V8", "Valence of the extremes", PREFER, has_data=_any_valence("correlation")),
        _card("V9", "Emotions that go with preference", PREFER),
    ),
    figures=(
        _figure(
            3, "Every probe's correlation with preference", (figures_preferences.bars_chart, figures_preferences.bar_rows),
            (claims_preferences.bars_seen, claims_preferences.bars_chance, claims_preferences.bars_published),
        ),
        _probe(5, "positive"), _probe(7, "negative"),
    ),
    contradictions=_checked("correlation"), limits=_missing_valence,
)  # fmt: skip
WORDS = Topic(
    "words", "Words while steered", sections=(Section("words", "Words while steered", "Words while steered", missing=words_section.MISSING),),
    figures=(_figure(
        "D", "Emotion words after a sentence, while steered", (figures_words.feels_chart, figures_words.feels_rows),
        (words_section.feels_seen, words_section.feels_chance, words_section.feels_published), "words",
    ),),
    tables=(_table(words_section.sentences_table, "words"), _table(words_section.leaks_table, "words")),
    contradictions=_checked("feels", "leaks"),
)  # fmt: skip
BASELINES = Topic(
    "baselines", "What the words alone give", tables=(_table(tables_controls.words_table, place=60),), contradictions=_checked("baselines"),
)  # fmt: skip
