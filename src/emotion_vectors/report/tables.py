"""Tables that are not yet beside their experiments."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.published import PAPER_CATEGORIES, PAPER_MODEL, SEED_CATEGORIES, SEED_MODEL
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.topic import Cell, Table
from emotion_vectors.report.wording import fixed, number

Record = dict[str, Any]


def category_table(record: Record) -> Table | None:
    """Table 2: mean score of each category beside the paper's Table 9 and the seed's Table 2; None without preferences."""
    categories = parts(record, "experiments", "preferences").get("categories")
    if not categories:
        return None
    ordered = sorted(categories, key=lambda row: -row["bradley_terry"])
    rows = tuple(
        (
            Cell(row["category"]),
            Cell(fixed(row["bradley_terry"], 0), "number"),
            Cell(fixed(row["elo"], 0), "number"),
            Cell(_published_mean(PAPER_CATEGORIES, row["category"]), "number"),
            Cell(_published_mean(SEED_CATEGORIES, row["category"]), "number"),
        )
        for row in ordered
    )
    note = "Mean score of the category in Elo points. The paper's mean over all activities is 1500, everywhere else it is 1000: compare the order and the gaps."
    columns = ("Category", "This run, Bradley-Terry", "This run, Elo", f"Paper ({PAPER_MODEL})", f"Seed ({SEED_MODEL})")
    return Table("Table 2. Preference by category", columns, rows, note)


def _published_mean(means: dict[str, int], category: str) -> str:
    if category not in means:
        return "not given"
    return f"{number(means[category])} (rank {sorted(means.values(), reverse=True).index(means[category]) + 1})"
