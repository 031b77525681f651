"""Rows of the method table that are not yet beside their experiments."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.claims_steering import control_names, controls
from emotion_vectors.report.method_table import counted
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.topic import Choice
from emotion_vectors.report.wording import NOTHING, number


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


def steering_choices(record: dict[str, Any]) -> list[Choice]:
    """What was steered and how."""
    settings, steering = parts(record, "settings"), parts(record, "experiments", "steering")
    strength = steering.get("strength", settings.get("strength"))
    wanted = {"spread": "cover the range", "strongest": "largest |r|", "all": "all"}.get(
        settings.get("steered_emotions", ""), ""
    )
    amount = steering.get("of")
    return [
        Choice(
            "Steering strength",
            "0.5 residual norms",
            "0.5 residual norms",
            f"{number(strength)} residual norms",
            None if strength is None else strength == 0.5,
        ),
        Choice(
            "Steered layers",
            "“same middle layers”",
            "single layer 21",
            f"single layer {number(steering.get('layer'))}",
            None,
        ),
        Choice(
            "Steered tokens",
            "the steered activity only",
            "both activities (found later)",
            str(steering.get("tokens", NOTHING)),
            None if "tokens" not in steering else steering["tokens"] == "the steered activity only",
        ),
        Choice(
            "Steered and control half",
            "two equal groups",
            "even and odd index in each category",
            str(steering.get("split", NOTHING)),
            None,
        ),
        Choice(
            "Steered emotions",
            "35, cover the range",
            "35, largest |r|",
            f"{number(amount)}, {wanted}" if wanted else number(amount),
            None if amount is None else amount == 35 and wanted == "cover the range",
        ),
        Choice(
            "Control directions of equal norm",
            "none reported",
            "none",
            control_names(record) if controls(record) else NOTHING,
            None,
        ),
    ]
