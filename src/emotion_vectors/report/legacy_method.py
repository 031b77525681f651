"""Rows of the method table that are not yet beside their experiments."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.claims_steering import control_names, controls
from emotion_vectors.report.method_table import counted
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.topic import Choice
from emotion_vectors.report.wording import NOTHING, number


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
