"""Sentences about Figure 3 (correlation with preference) and Figures 5 and 7 (one emotion's probe against the score)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scipy.stats import t as student

from emotion_vectors.report.claims_validation import null_sentence, reported
from emotion_vectors.report.published import (
    CRITERIA,
    PAPER_CORRELATION,
    PAPER_CORRELATION_WITHOUT_EXTREMES,
    PAPER_RANGE_OF_R,
    SEED_CORRELATION,
)
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.wording import count, fixed, interval, listing, number, p_value

Record = dict[str, Any]
EXTREMES = "Misaligned and Unsafe"
_PAPER_EXAMPLE = {"positive": "blissful", "negative": "hostile"}
_SEED_EXAMPLE = {"positive": "content", "negative": "hostile"}


def chance_band(activities: int) -> float | None:
    """Largest |r| that one unrelated probe stays below in 95 of 100 cases, from Student's t; None below 4 activities."""
    if activities < 4:
        return None
    quantile = float(student.ppf(0.975, activities - 2))
    return quantile / (activities - 2 + quantile**2) ** 0.5


def bands(record: Record) -> tuple[float | None, float | None]:
    """Largest |r| in 95 of 100 cases: for scores dealt out to other activities, and for random directions.

    The first falls back to Student's t where the record has none; either is None where it is not known.
    """
    correlation = parts(record, "experiments", "correlation")
    dealt, turned = correlation.get("null_band"), correlation.get("null_band_vectors")
    return (chance_band(activity_count(record)) if dealt is None else dealt), turned


def activity_count(record: Record) -> int:
    """How many activities the preferences are about; 0 where there are none."""
    return len(parts(record, "experiments", "preferences").get("activities") or [])


def correlated(record: Record) -> list[dict[str, Any]]:
    """The emotions with an r, from the lowest to the highest."""
    rows = parts(record, "experiments", "correlation").get("emotions") or []
    return sorted((row for row in rows if row["r"] is not None), key=lambda row: row["r"])


def bars_seen(record: Record) -> str:
    """Range, count above 0.3 with and without the extreme categories, and the ends of the list."""
    rows = correlated(record)
    if not rows:
        return "This run has no correlations with preference."
    strong = sum(abs(row["r"]) > 0.3 for row in rows)
    known = [row["r_without_extremes"] for row in rows if row.get("r_without_extremes") is not None]
    without = f" ({sum(abs(r) > 0.3 for r in known)} without {EXTREMES})" if known else ""
    top, bottom = rows[::-1][:3], rows[:3]
    cosine = parts(record, "experiments", "correlation").get("cosine_count")
    other = (
        f", {cosine} by the mean cosine over an activity's tokens in place of the projection"
        if cosine is not None
        else ""
    )
    return (
        f"r runs from {fixed(rows[0]['r'])} to {fixed(rows[-1]['r'])}; {strong} of {len(rows)} emotions have |r| > 0.3{without}{other}. "
        f"Highest: {_named(top)}. Lowest: {_named(bottom)}."
    )


def _named(rows: list[dict[str, Any]]) -> str:
    return listing([f"{row['emotion']} ({row['valence'] or 'no valence given'})" for row in rows])


def bars_chance(record: Record) -> str:
    """The band for one probe, the false-discovery count and the null of V9."""
    rows, activities = correlated(record), activity_count(record)
    band, wide = bands(record)
    if not rows or band is None:
        return "Nothing to compare."
    turned = f", a random direction within |r| < {fixed(wide)} (light band)" if wide is not None else ""
    found = [row for row in rows if row.get("q") is not None]
    discovered = _discovered(record, found) if found else ""
    return (
        f"With {count(activities, 'activity', 'activities')}, one unrelated probe stays within |r| < {fixed(band)} in 95 of 100 cases "
        f"(dark band){turned}.{discovered} {null_sentence(record['criteria']['V9'])}{_held_constant(record)}"
    )


def _discovered(record: Record, found: list[dict[str, Any]]) -> str:
    """How many emotions go with preference at the false-discovery rate, and how many of these have a direction that can be relied on."""
    held = {row["emotion"] for row in found if row["q"] < 0.05}
    text = f" {len(held)} of {len(found)} hold at a false-discovery rate of 5 %"
    halves = parts(record, "vectors").get("split_half") or {}
    high = (halves.get("null") or {}).get("high")
    if not held or high is None:
        return f"{text}."
    shared = sum(row["r"] > high for row in halves["rows"] if row["emotion"] in held)
    return f"{text}; of these, {shared} have a direction that both halves of the topics share (r above {fixed(high)})."


def _held_constant(record: Record) -> str:
    """How many emotions keep |r| > 0.3 when the extreme categories, or all, are held constant; nothing if not measured."""
    correlation, pieces = parts(record, "experiments", "correlation"), []
    for part, label in (("extremes_held", EXTREMES), ("within_categories", "all categories")):
        counts = correlation.get(part) or {}
        if counts.get("partial_count") is not None:
            pieces.append(
                f"with {label} held constant {number(counts['partial_count'])} (scores permuted within: "
                f"{number(counts['partial_null_count'])}, {p_value(counts['partial_p'])})"
            )
    return f" |r| > 0.3 is left {', and '.join(pieces)}." if pieces else ""


def bars_published(record: Record) -> str:
    """The paper's and the seed's counts."""
    criterion, (low, high) = CRITERIA["V9"], PAPER_RANGE_OF_R
    return (
        f"Paper: r from {fixed(low)} to {fixed(high)}, {reported(criterion.paper)} with |r| > 0.3 (read from its Figure 4, dashed line). "
        f"Seed: {reported(criterion.seed)}; corrected by its author: {reported(criterion.corrected)}."
    )


def example(valence: str) -> tuple[Callable[[Record], str], Callable[[Record], str], Callable[[Record], str]]:
    """The three sentences about the example of one valence ("positive": Figure 5, "negative": Figure 7)."""
    return (
        lambda record: example_seen(record, valence),
        lambda record: example_chance(record, valence),
        lambda record: example_published(record, valence),
    )


def example_seen(record: Record, valence: str) -> str:
    """r of the example with its interval, and without the extreme categories."""
    shown = parts(record, "experiments", "correlation", "examples", valence)
    if shown.get("r") is None:
        return f"This run has no example of a {valence} emotion."
    row = next((row for row in correlated(record) if row["emotion"] == shown["emotion"]), {})
    bounds = f" (95 % interval {interval((row['low'], row['high']), 2)})" if row.get("low") is not None else ""
    without = (
        f"; without {EXTREMES} r = {fixed(row['r_without_extremes'])}"
        if row.get("r_without_extremes") is not None
        else ""
    )
    direction = "rises" if shown["r"] > 0 else "falls"
    return (
        f"Over {count(len(shown['points']), 'activity', 'activities')} the score {direction} with the {shown['emotion']} probe: "
        f"r = {fixed(shown['r'])}{bounds}{without}."
    )


def example_chance(record: Record, valence: str) -> str:
    """The band for one probe, and p and q of the example."""
    shown = parts(record, "experiments", "correlation", "examples", valence)
    band = chance_band(len(shown.get("points") or []))
    if band is None:
        return "Nothing to compare."
    row = next((row for row in correlated(record) if row["emotion"] == shown["emotion"]), {})
    tail = f" For {shown['emotion']} {p_value(row['p'])}" if row.get("p") is not None else ""
    tail += f", and q = {row['q']:.2g} among all emotions" if tail and row.get("q") is not None else ""
    return (
        f"One unrelated probe stays within |r| < {fixed(band)} in 95 of 100 cases.{tail}{'.' if tail else ''} "
        f"The example is an extreme of {len(correlated(record))} emotions, so its r is somewhat too large."
    )


def example_published(record: Record, valence: str) -> str:
    """The paper's and the seed's example of the same valence."""
    paper, seed = _PAPER_EXAMPLE[valence], _SEED_EXAMPLE[valence]
    return (
        f"Paper: {paper} r = {fixed(PAPER_CORRELATION[paper])}, and {fixed(PAPER_CORRELATION_WITHOUT_EXTREMES[paper])} without {EXTREMES} "
        f"(our computation from its Table 9). Seed: {seed} r = {fixed(SEED_CORRELATION[seed])}."
    )
