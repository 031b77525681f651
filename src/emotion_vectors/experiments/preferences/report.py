"""Preferences on the page: the table of categories, sentences, and what their part of the record must agree on."""

from __future__ import annotations

from statistics import fmean
from typing import Literal

from emotion_vectors.experiments.correlation.record import STRONG, ProbeCorrelations, beyond_threshold
from emotion_vectors.experiments.preferences.record import StatedPreferences
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import require, require_close
from emotion_vectors.report.published import CRITERIA, PAPER_CATEGORIES, PAPER_MODEL, SEED_CATEGORIES, SEED_MODEL
from emotion_vectors.report.run_tables import counted
from emotion_vectors.report.topic import Card, Cell, Choice, Table, TableOf, Topic
from emotion_vectors.report.wording import fixed, number

QUESTION = "Do they go with what the model prefers?"
Score = Literal["bradley_terry", "elo"]
SCORES: tuple[Score, Score] = ("bradley_terry", "elo")


def contradictions(record: Record) -> None:
    """Refuse category means and a V7 that the scores of the activities deny."""
    found = record.part(StatedPreferences)
    if found is None:
        return
    require(
        {row.category for row in found.activities} == {row.category for row in found.categories},
        "The categories of the table are not those of the activities.",
    )
    for score in SCORES:
        values = [getattr(row, score) for row in found.activities]
        require_close(1000.0, fmean(values) if values else None, 0.5, f"The mean {score} score")
        for row in found.categories:
            own = [getattr(one, score) for one in found.activities if one.category == row.category]
            require_close(getattr(row, score), fmean(own), 0.51, f"The mean {score} of {row.category}")
    value = record.criteria["V7"].value
    if value is not None:
        require(bool(found.categories), "V7 has a value, but the record has no category.")
        require_close(value, category_gap(found, value)[2], 1.01, "V7, the gap between categories,")


def abstract(record: Record) -> str:
    """Gap between the categories and how many probes go with the preferences; "" without either."""
    found, correlations = record.part(StatedPreferences), record.part(ProbeCorrelations)
    if found is None or not found.categories or correlations is None:
        return ""
    top, bottom, gap = category_gap(found, record.criteria["V7"].value)
    why = found.why_not_usable
    blocked = f", but these choices can't support a verdict: {why}" if found.usable is False and why else ""
    strong = beyond_threshold(row.r for row in correlations.emotions)
    return (
        f"By the model's choices {top} and {bottom} are {fixed(gap, 0)} Elo points apart{_gap_bounds(record)}, and "
        f"{strong} of {len(correlations.emotions)} probes go with them at |r| > {STRONG}{blocked}."
    )


def _gap_bounds(record: Record) -> str:
    bounds = record.criteria["V7"].interval
    return "" if bounds is None else f" (95 % interval {fixed(bounds[0], 0)} to {fixed(bounds[1], 0)})"


def category_gap(found: StatedPreferences, stated: float | None) -> tuple[str, str, float]:
    """Highest and lowest category and their distance, by the score that V7 was measured with: whose gap is nearest to `stated`."""
    gaps = [_gap(found, score) for score in SCORES]
    return gaps[0] if stated is None else min(gaps, key=lambda gap: abs(gap[2] - stated))


def _gap(found: StatedPreferences, score: Score) -> tuple[str, str, float]:
    ordered = sorted(found.categories, key=lambda row: getattr(row, score))
    low, high = ordered[0], ordered[-1]
    return high.category, low.category, getattr(high, score) - getattr(low, score)


def method(record: Record) -> list[Choice]:
    """How activities are compared and scored."""
    found, setting = record.part(StatedPreferences), record.setting
    score = f"Bradley-Terry, and Elo with K = {number(setting('elo_k'))}, up to {number(setting('elo_passes'))} passes"
    resampled = f"{number(setting('resamples'))} resamples for each"
    return [
        counted("Activities", 64, "64", None if found is None else len(found.activities)),
        counted("Preference prompts", 4032, "4,032", None if found is None else found.prompts),
        Choice("Preference score", "Elo on probabilities, K not given", "Elo with K = 32, 10 passes", score, None),
        Choice("Intervals and nulls", "none reported", "none", resampled, None),
    ]


def category_table(record: Record) -> Table | None:
    """Table 2: mean score of each category beside the paper's Table 9 and Hong's Table 2; None without preferences."""
    found = record.part(StatedPreferences)
    if found is None or not found.categories:
        return None
    rows = tuple(
        (
            Cell(row.category),
            Cell(fixed(row.bradley_terry, 0), "number"),
            Cell(fixed(row.elo, 0), "number"),
            Cell(_published_mean(PAPER_CATEGORIES, row.category), "number"),
            Cell(_published_mean(SEED_CATEGORIES, row.category), "number"),
        )
        for row in sorted(found.categories, key=lambda row: -row.bradley_terry)
    )
    note = "Mean score of the category in Elo points. The paper's mean over all activities is 1500, everywhere else it is 1000: compare the order and the gaps."
    columns = (
        "Category",
        "This run, Bradley-Terry",
        "This run, Elo",
        f"Paper ({PAPER_MODEL})",
        f"Hong (2026, {SEED_MODEL})",
    )
    return Table("Preference by category", columns, rows, note)


def _published_mean(means: dict[str, int], category: str) -> str:
    if category not in means:
        return "not given"
    return f"{number(means[category])} (rank {sorted(means.values(), reverse=True).index(means[category]) + 1})"


TOPIC = Topic(
    "preferences", "Preferences", parts=(StatedPreferences,),
    criteria=(Card("V7", "Gap between categories", QUESTION, CRITERIA["V7"]),), tables=(TableOf(category_table, place=20),),
    contradictions=contradictions, abstract=abstract, method=method,
)  # fmt: skip
