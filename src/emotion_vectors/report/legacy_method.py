"""Rows of the method table that are not yet beside their experiments."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.method_table import counted
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.topic import Choice
from emotion_vectors.report.wording import number


def scenario_choices(record: dict[str, Any]) -> list[Choice]:
    """The scenario tests."""
    found = parts(record, "experiments", "scenarios")
    both, items = parts(found, "together"), found.get("items")
    rows = [counted("Implicit scenarios", 12, "12", None if items is None else len(items))]
    if both:
        value = f"{number(both['of'])}, centred"
        rows.append(Choice("Scenarios for the verdict", "12, raw cosine", "12, raw cosine", value, None))
    return rows


def numeric_choices(record: dict[str, Any]) -> list[Choice]:
    """The numeric templates."""
    found = parts(record, "experiments", "numeric")
    templates, twins = found.get("templates"), parts(found, "twins")
    rows = [counted("Numeric templates", 6, "6", None if templates is None else len(templates))]
    if twins:
        rows.append(Choice("Templates with twins", "none", "none", number(len(twins["templates"])), None))
    return rows


def preference_choices(record: dict[str, Any]) -> list[Choice]:
    """How activities are compared and scored."""
    settings, found = parts(record, "settings"), parts(record, "experiments", "preferences")
    activities = found.get("activities")
    score = f"Bradley-Terry; beside it Elo with K = {number(settings.get('elo_k'))}, up to {number(settings.get('elo_passes'))} passes"
    resampled = f"{number(settings.get('resamples'))} resamples for each"
    return [
        counted("Activities", 64, "64", None if activities is None else len(activities)),
        counted("Preference prompts", 4032, "4,032", found.get("prompts")),
        Choice("Preference score", "Elo on probabilities, K not given", "Elo with K = 32, 10 passes", score, None),
        Choice("Intervals and nulls", "none reported", "none", resampled, None),
    ]
