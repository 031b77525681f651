"""Topics whose part of the record is not yet typed: their functions get the record's JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emotion_vectors.record import Record
from emotion_vectors.report import (
    claims,
    claims_arms,
    claims_inversion,
    claims_steering,
    claims_validation,
    figures_controls,
    figures_steering,
    figures_twins,
    figures_validation,
    figures_words,
    legacy_method,
    tables_controls,
    tables_steering,
    words_section,
)
from emotion_vectors.report.checks_controls import check_layers
from emotion_vectors.report.checks_experiments import EXPERIMENTS
from emotion_vectors.report.checks_steering import check_steering_settings
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


READ, DRIVE = "Can emotions be read from a text?", "Do they drive what it prefers?"


def _card(name: str, title: str, question: str, **more: Any) -> Card:
    return Card(name, title, question, CRITERIA[name], **more)


def _scenario_contradictions(record: Record) -> None:
    _checked("scenarios")(record)
    check_layers(record.raw)


def _steering_contradictions(record: Record) -> None:
    _checked("steering")(record)
    check_steering_settings(record.raw)


def _signs_by_r(record: Record) -> str:
    """Of V11, which counts signs of the valence, also the count of signs of r, which is what the paper's figure shows."""
    steering = parts(record.raw, "experiments", "steering")
    if steering.get("signs_by_correlation") is None:
        return ""
    return f" by valence, {number(steering['signs_by_correlation'])}/{len(steering.get('emotions') or [])} by sign of r"


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


def _after(number: int, kind: str) -> Figure:
    return _figure(
        number, f"A {kind} emotion: preference before and after steering",
        (lambda raw: figures_steering.after_chart(raw, kind), lambda raw: figures_steering.after_rows(raw, kind)),
        claims_steering.example(kind),
    )  # fmt: skip


STEERING = Topic(
    "steering", "Steering",
    criteria=(
        _card("V10", "Steering follows correlation", DRIVE, has_data=_has("steering", "emotions"), bar=0.0),
        _card("V11", "Steering has the sign of the valence", DRIVE, has_data=_any_valence("steering"), beside=_signs_by_r),
    ),
    sections=(
        Section("inverted", "Why the seed came out inverted", "Why the seed came out inverted"),
        Section("controls", "Controls of the steering experiment", "Steering controls"),
    ),
    figures=(
        _figure(
            4, "Steering against correlation", (figures_steering.scatter_chart, figures_steering.effect_rows),
            (claims_steering.scatter_seen, claims_steering.scatter_chance, claims_steering.scatter_published),
        ),
        _after(6, "positive"), _after(8, "negative"),
        _figure(
            "A", "Which half is steered: the vector on one activity and on both", (figures_controls.inversion_chart, figures_controls.inversion_rows),
            (claims_inversion.parity_seen, claims_inversion.identity_seen, claims_inversion.inversion_published), "inverted",
        ),
        _figure(
            "B", "Steering effect by strength", (figures_controls.dose_chart, figures_controls.dose_rows),
            (claims_arms.dose_seen, claims_arms.dose_chance, claims_arms.dose_published), "controls",
        ),
        _figure(
            "C", "Steering effect by layer", (figures_controls.depth_chart, figures_controls.depth_rows),
            (claims_arms.depth_seen, claims_arms.depth_chance, claims_arms.depth_published), "controls",
        ),
    ),
    tables=(
        _table(tables_steering.inversion_table, "inverted"), _table(tables_steering.arms_table, "controls"),
        _table(tables_steering.steered_category_table, "controls"), _table(tables_steering.scale_table, "controls"),
        _table(tables_steering.effects_table, folded=True, place=60),
    ),
    contradictions=_steering_contradictions, abstract=_raw(claims.steered),
    limits=lambda record: claims._steering_limits(parts(record.raw, "experiments", "steering"), record.settings),
    method=_raw(legacy_method.steering_choices),
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
