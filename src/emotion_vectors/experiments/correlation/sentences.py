"""Sentences about Figure 3 (correlation with preference) and Figures 5 and 7 (one emotion's probe against the score)."""

from __future__ import annotations

from scipy.stats import t as student

from emotion_vectors.experiments.correlation.record import (
    DISCOVERY,
    EXTREME,
    STRONG,
    EmotionCorrelation,
    Example,
    ProbeCorrelations,
    beyond_threshold,
)
from emotion_vectors.experiments.preferences.record import StatedPreferences
from emotion_vectors.record import Record
from emotion_vectors.report.criteria import null_sentence, reported
from emotion_vectors.report.published import (
    CRITERIA,
    PAPER_CORRELATION,
    PAPER_CORRELATION_WITHOUT_EXTREMES,
    PAPER_RANGE_OF_R,
    SEED_CORRELATION,
)
from emotion_vectors.report.wording import count, fixed, interval, listing, number, p_value

EXTREMES = " and ".join(EXTREME)
_PAPER_EXAMPLE = {"positive": "blissful", "negative": "hostile"}
_SEED_EXAMPLE = {"positive": "content", "negative": "hostile"}


def chance_band(activities: int) -> float | None:
    """Largest |r| that one unrelated probe stays below in 95 of 100 cases, from Student's t; None below 4 activities."""
    if activities < 4:
        return None
    quantile = float(student.ppf(0.975, activities - 2))
    return quantile / (activities - 2 + quantile**2) ** 0.5


def bands(record: Record) -> tuple[float | None, float | None]:
    """Largest |r| in 95 of 100 cases: for scores shuffled over the activities, and for random directions.

    The first falls back to Student's t where the record has none; either is None where it is not known.
    """
    found = record.part(ProbeCorrelations)
    dealt, turned = (found.null_band, found.null_band_vectors) if found else (None, None)
    return (chance_band(activity_count(record)) if dealt is None else dealt), turned


def activity_count(record: Record) -> int:
    """How many activities the preferences are about; 0 where there are none."""
    found = record.part(StatedPreferences)
    return len(found.activities) if found else 0


def correlated(record: Record) -> list[tuple[float, EmotionCorrelation]]:
    """The emotions with an r, each behind its r, from the lowest to the highest."""
    found = record.part(ProbeCorrelations)
    known = [(row.r, row) for row in found.emotions if row.r is not None] if found else []
    return sorted(known, key=lambda one: one[0])


def example(record: Record, valence: str) -> Example | None:
    """The example of one valence, "positive" or "negative"; None where the run has none."""
    found = record.part(ProbeCorrelations)
    return found.examples.get(valence) if found else None


def _row(record: Record, shown: Example) -> EmotionCorrelation | None:
    """The example among all emotions, or None where it has no r there."""
    return next((row for _, row in correlated(record) if row.emotion == shown.emotion), None)


def bars_seen(record: Record) -> str:
    """Range, count above 0.3 with and without the extreme categories, and the ends of the list."""
    found, rows = record.part(ProbeCorrelations), correlated(record)
    if found is None or not rows:
        return "This run has no correlations with preference."
    strong = beyond_threshold(r for r, _ in rows)
    known = [row.r_without_extremes for _, row in rows if row.r_without_extremes is not None]
    without = f" ({beyond_threshold(known)} without {EXTREMES})" if known else ""
    other = (
        f", {found.cosine_count} by the mean cosine over an activity's tokens in place of the projection"
        if found.cosine_count is not None
        else ""
    )
    emotions = [row for _, row in rows]
    each = min(3, len(emotions) // 2)  # no emotion is at both ends
    ends = (
        f" At the ends, with 95 % intervals: {_named(emotions[::-1][:each])}; {_named(emotions[:each])}."
        if each
        else ""
    )
    return f"r runs from {fixed(rows[0][0])} to {fixed(rows[-1][0])}; {strong} of {len(rows)} emotions have |r| > {STRONG}{without}{other}.{ends}"


def _named(rows: list[EmotionCorrelation]) -> str:
    return listing([f"{row.emotion} ({row.valence or 'no valence given'}{_bounds(row)})" for row in rows])


def _bounds(row: EmotionCorrelation) -> str:
    return "" if row.low is None or row.high is None else f", {interval((row.low, row.high), 2)}"


def bars_chance(record: Record) -> str:
    """The band for one probe, the false-discovery count and the null of V9."""
    rows, activities = correlated(record), activity_count(record)
    band, wide = bands(record)
    if not rows or band is None:
        return "Nothing to compare."
    turned = f", a random direction within |r| < {fixed(wide)} (light band)" if wide is not None else ""
    return (
        f"With {count(activities, 'activity', 'activities')}, one unrelated probe stays within |r| < {fixed(band)} in 95 of 100 cases "
        f"(dark band){turned}.{_discovered(record)} {null_sentence(record.criteria['V9'])}{_held_constant(record)}"
    )


def _discovered(record: Record) -> str:
    """How many emotions go with preference at the false-discovery rate, and how many of these have a direction that can be relied on."""
    q = {row.emotion: row.q for _, row in correlated(record) if row.q is not None}
    if not q:
        return ""
    held = {emotion for emotion, value in q.items() if value < DISCOVERY}
    text = f" {len(held)} of {len(q)} hold at a false-discovery rate of 5 %"
    halves = record.vectors.split_half if record.vectors else None
    if not held or halves is None or halves.null is None:
        return f"{text}."
    high = halves.null.high
    shared = sum(row.r is not None and row.r > high for row in halves.rows if row.emotion in held)
    return f"{text}; of these, {shared} have a direction that both halves of the topics share (r above {fixed(high)})."


def _held_constant(record: Record) -> str:
    """How many emotions keep |r| > 0.3 when the extreme categories, or all, are held constant; nothing if not measured."""
    found, pieces = record.part(ProbeCorrelations), []
    if found is None:
        return ""
    for part, label in ((found.extremes_held, EXTREMES), (found.within_categories, "all categories")):
        if part is not None and part.partial_count is not None:
            pieces.append(
                f"for {number(part.partial_count)} with {label} held constant (scores permuted within: "
                f"{number(part.partial_null_count)}, {p_value(part.partial_p)})"
            )
    return f" |r| > {STRONG} remains {', and '.join(pieces)}." if pieces else ""


def bars_published(record: Record) -> str:
    """The paper's and Hong's counts."""
    criterion, (low, high) = CRITERIA["V9"], PAPER_RANGE_OF_R
    return (
        f"Paper: r from {fixed(low)} to {fixed(high)}, {reported(criterion.paper)} with |r| > 0.3 (read from its Figure 4, dashed line). "
        f"Hong (2026): {reported(criterion.seed)}; corrected later: {reported(criterion.corrected)}."
    )


def example_seen(record: Record, valence: str) -> str:
    """r of the example with its interval, and without the extreme categories."""
    shown = example(record, valence)
    if shown is None or shown.r is None:
        return f"This run has no example of a {valence} emotion."
    row, bounds, without = _row(record, shown), "", ""
    if row is not None and row.low is not None and row.high is not None:
        bounds = f" (95 % interval {interval((row.low, row.high), 2)})"
    if row is not None and row.r_without_extremes is not None:
        without = f"; without {EXTREMES} r = {fixed(row.r_without_extremes)}"
    if row is not None and row.r_cosine is not None:
        without += f"; by the mean cosine, the unit of the paper's axis, r = {fixed(row.r_cosine)}"
    r = f"r = {fixed(shown.r)}{bounds}{without}"
    over = f"Over {count(len(shown.points), 'activity', 'activities')}"
    # A direction is said only where the interval lies on one side of 0.
    if row is None or row.low is None or row.high is None or row.low <= 0 <= row.high:
        return f"{over}, score and {shown.emotion} probe have {r}."
    return f"{over} the score {'rises' if row.low > 0 else 'falls'} with the {shown.emotion} probe: {r}."


def example_chance(record: Record, valence: str) -> str:
    """The band for one probe, and p and q of the example."""
    shown = example(record, valence)
    band = chance_band(len(shown.points)) if shown else None
    if shown is None or band is None:
        return "Nothing to compare."
    row = _row(record, shown)
    tail = f" For {shown.emotion} {p_value(row.p)}" if row is not None and row.p is not None else ""
    tail += f", and q = {row.q:.2g} among all emotions" if tail and row is not None and row.q is not None else ""
    return (
        f"One unrelated probe stays within |r| < {fixed(band)} in 95 of 100 cases.{tail}{'.' if tail else ''}"
        f"{_chosen(record, shown)}"
    )


def _chosen(record: Record, shown: Example) -> str:
    """That the example was picked for its r, where it has the first or the last one of all emotions."""
    rows = correlated(record)
    if len(rows) < 2:
        return ""
    # A lowest r above 0, or a highest below, is chosen for being small: its size is not overestimated.
    ends = {rows[0][1].emotion: ("lowest", rows[0][0] < 0), rows[-1][1].emotion: ("highest", rows[-1][0] > 0)}
    end, large = ends.get(shown.emotion, ("", False))
    return (
        f" Of {len(rows)} emotions it has the {end} r, so the size of that r is somewhat overestimated."
        if large
        else ""
    )


def example_published(valence: str) -> str:
    """The paper's and Hong's example of the same valence."""
    paper, seed = _PAPER_EXAMPLE[valence], _SEED_EXAMPLE[valence]
    return (
        f"Paper: {paper} r = {fixed(PAPER_CORRELATION[paper])}, and {fixed(PAPER_CORRELATION_WITHOUT_EXTREMES[paper])} without {EXTREMES} "
        f"(our computation from its Table 9). Hong (2026): {seed} r = {fixed(SEED_CORRELATION[seed])}."
    )
