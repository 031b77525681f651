"""Sentences about Figure 2 (numbers in context)."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.claims_baselines import words_reach
from emotion_vectors.report.published import CRITERIA, Reported
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.wording import fixed, interval, number, p_value, signed

Record = dict[str, Any]


def null_sentence(criterion: dict[str, Any]) -> str:
    """What the criterion's own null gives, or that it has none."""
    null, whole = criterion.get("null"), criterion.get("of")
    if criterion["verdict"] == "not asked":
        return f"{criterion['id']} is not asked in this run."
    if not null:
        return f"{criterion['id']} has no null in this run."
    value = number(null["value"]) if null.get("value") is not None else "not available"
    out_of = f" of {number(whole)}" if whole is not None else ""
    tail = f" ({p_value(null['p'])})" if null.get("p") is not None else ""
    return f"{criterion['id']}, {null['what']}: {value}{out_of}{tail}."


def missing(record: Record, name: str) -> str:
    """Why the criterion `name` was not asked, or "" where it was."""
    criterion = record["criteria"][name]
    return f"{name} is not asked. {criterion['reason']}" if criterion["verdict"] == "not asked" else ""


def reported(value: Reported | None) -> str:
    """A published value as text: 57 of 171, 0.85."""
    if value is None:
        return "no value"
    return f"{number(value.value)} of {value.of}" if value.of is not None else number(value.value)


def numeric_seen(record: Record) -> str:
    """Right signs, strong correlations, and the largest change."""
    numeric = parts(record, "experiments", "numeric")
    if not numeric:
        return missing(record, "V5") or "This run has no numeric templates."
    signs, strong = record["criteria"]["V5"], record["criteria"]["V6"]
    changes = [
        (curve[-1] - curve[0], emotion, template["x_label"])
        for template in numeric["templates"]
        for emotion, curve in template["cosine"].items()
    ]
    if signs.get("of") and signs.get("value") is not None:
        count = f"{number(signs['value'])} of {number(signs['of'])} {_what_counts(signs)}"
    else:
        count = "No direction was tested for these templates"
    if strong.get("of") and strong.get("value") is not None:
        count += f", and {number(strong['value'])} of {number(strong['of'])} have |ρ| > 0.7"
    if not changes:
        return f"{count}."
    change, emotion, label = max(changes, key=lambda row: abs(row[0]))
    return f"{count}. The largest change from the first to the last value is {signed(change, 3)} in cosine ({emotion}, {label})."


def _what_counts(signs: Record) -> str:
    """What V5 counts, and the first list without twins beside it."""
    own = signs.get("seed")
    if not own:
        return "curves go the way that was expected in advance"
    found = "curves exceed their twin's the way that was expected in advance (Figure E)"
    if own["value"] is None:
        return found
    return f"{found}; on these templates, which have no twins, {number(own['value'])} of {number(own['of'])} have the expected sign"


def twins_seen(record: Record) -> str:
    """How far the curves exceed their twins', and what another severity does."""
    found = record["experiments"]["numeric"]["twins"]
    excess, severity, pieces = found["excess"], found["severity"], []
    if excess["of"]:
        pieces.append(
            f"{number(excess['count'])} of {number(excess['of'])} curves exceed the curve of their twin, in which the same numbers mean "
            f"nothing, the way that was expected in advance (95 % interval {interval(excess['interval'])}); the mean excess is "
            f"{signed(excess['mean'], 4)} in cosine{_ends(excess)}."
        )
    if severity["of"]:
        pieces.append(
            f"At equal numbers another severity moves {number(severity['count'])} of {number(severity['of'])} cosines the expected "
            f"way, by {signed(severity['mean'], 4)} on average{_ends(severity)}."
        )
    return (
        " ".join([*pieces, words_reach(record, ("V5", "severity"))]).strip() or "No direction was expected in advance."
    )


def _ends(part: Record) -> str:
    return "" if part["low"] is None else f" (95 % interval {signed(part['low'], 4)} to {signed(part['high'], 4)})"


def twins_chance(record: Record) -> str:
    """Random directions on the same templates and twins."""
    found, pieces = record["experiments"]["numeric"]["twins"], []
    for key, what in (("excess", "beyond the twin"), ("severity", "of another severity")):
        part = found[key]
        if part["of"]:
            pieces.append(
                f"Random directions with the angles of the emotions have {number(part['null'])} curves {what} the expected way "
                f"({p_value(part['count_p'])}) and a mean of {signed(part['null_mean'], 4)}, sd {fixed(part['null_sd'], 4)} "
                f"({p_value(part['size_p'])})."
            )
    return " ".join(pieces) or "Nothing to compare."


def twins_published(_: Record) -> str:
    """Nobody else has twins."""
    return "Paper and seed: numbers without twins only, so that what a number does where it means nothing is not known there."


def numeric_chance(record: Record) -> str:
    """Nulls of V5 and V6, the effect size, and why a high rank correlation over a few values says little."""
    numeric = parts(record, "experiments", "numeric")
    if not numeric:
        return "Nothing to compare."
    return (
        f"{null_sentence(record['criteria']['V5'])} {null_sentence(record['criteria']['V6'])}{_effect(numeric)} Over five to seven values a "
        "random direction often drifts steadily, so the signs say more than the size of ρ."
    )


def _effect(numeric: Record) -> str:
    """The effect size of V5 in cosine, with its interval and its null, or nothing where it was not measured."""
    effect = numeric.get("effect") or {}
    if effect.get("mean") is None:
        return ""
    bounds = ""
    if effect.get("low") is not None:
        bounds = f" (95 % interval {signed(effect['low'], 3)} to {signed(effect['high'], 3)})"
    return (
        f" Mean change in cosine the expected way: {signed(effect['mean'], 3)}{bounds}; random directions "
        f"{signed(effect['null_mean'], 3)}, sd {fixed(effect['null_sd'], 3)} ({p_value(effect['p'])})."
    )


def numeric_published(record: Record) -> str:
    """The paper's visible directions and the seed's counts."""
    signs, strong = CRITERIA["V5"], CRITERIA["V6"]
    return (
        f"Paper: {reported(signs.paper)} named directions are visible in its Figure 3, with cosines up to 0.08. "
        f"Seed: {reported(signs.seed)} signs and {reported(strong.seed)} strong; corrected: {reported(signs.corrected)} and "
        f"{reported(strong.corrected)}. The seed's axis ran from −1.5 to 2.0, which a cosine can't."
    )
