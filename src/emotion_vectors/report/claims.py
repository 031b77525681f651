"""Sentences of the abstract and the limits that are not yet beside their experiments."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.requirements import parts
from emotion_vectors.report.wording import fixed

Record = dict[str, Any]


def preferred(record: Record) -> str:
    """Spread of the preferences and how many probes go with them."""
    preferences, correlation = parts(record, "experiments", "preferences"), parts(record, "experiments", "correlation")
    if not preferences or not correlation:
        return ""
    top, bottom, gap = category_gap(record)
    why = preferences.get("why_not_usable")
    blocked = f", but these choices can't carry a verdict: {why}" if preferences.get("usable") is False and why else ""
    strong = sum(row["r"] is not None and abs(row["r"]) > 0.3 for row in correlation["emotions"])
    return (
        f"The model's choices put {top} {fixed(gap, 0)} Elo points above {bottom}, and "
        f"{strong} of {len(correlation['emotions'])} probes go with them at |r| > 0.3{blocked}."
    )


def category_gap(record: Record) -> tuple[str, str, float]:
    """Highest and lowest category and their distance, by the score that V7 was measured with."""
    categories, stated = record["experiments"]["preferences"]["categories"], record["criteria"]["V7"].get("value")
    found = []
    for score in ("bradley_terry", "elo"):
        ordered = sorted(categories, key=lambda row: row[score])
        found.append((ordered[-1]["category"], ordered[0]["category"], ordered[-1][score] - ordered[0][score]))
    return found[0] if stated is None else min(found, key=lambda gap: abs(gap[2] - stated))
