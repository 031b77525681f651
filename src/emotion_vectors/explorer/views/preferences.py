"""The preferences tab: every activity with its score, unsteered and steered, and the pairs behind a score.

The steered score of an activity is its own score plus the mean change of its log odds, over the asked pairs and both
orders, when a vector was added to this activity's tokens alone.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from emotion_vectors.experiments.preferences.record import StatedPreferences
from emotion_vectors.explorer.markup import Cell, bar, notice, table, text
from emotion_vectors.explorer.runs import Run
from emotion_vectors.report.wording import fixed, signed

EVERY = "every category"
SORTS = (
    "most preferred first",
    "least preferred first",
    "largest rise under steering",
    "largest fall under steering",
    "by name",
)
NOT_YET = ("preferences", "They come later in a run; run the same command again to continue.")


class Steered(NamedTuple):
    """One steered condition of the analysis layer: kind (emotion, random, ...), name, strength."""

    kind: str
    name: str
    strength: float

    @property
    def label(self) -> str:
        """How the list of conditions calls it."""
        what = self.name if self.kind == "emotion" else f"{self.kind} direction {int(self.name) + 1} (control)"
        return f"{what}, strength {self.strength:g}"


def conditions(steering: pl.DataFrame | None, layer: int, strength: float) -> list[Steered]:
    """Conditions at the analysis layer that touch one activity's tokens; emotions at the run's own `strength` first."""
    if steering is None:
        return []
    found = steering.filter(
        (pl.col("layers") == str(layer)) & pl.col("touched").is_in(["first", "second"]) & (pl.col("kind") != "zero")
    )
    rows = [Steered(**row) for row in found.select("kind", "name", "strength").unique().iter_rows(named=True)]
    return sorted(
        rows,
        key=lambda row: (row.kind != "emotion", row.strength != strength, row.strength, row.kind, row.name.zfill(4)),
    )


def asked(choices: pl.DataFrame, steering: pl.DataFrame | None, layer: int, condition: Steered | None) -> pl.DataFrame:
    """One row per activity, other activity and order: `activity`, `other`, `order` (A or B), `base` and `steered` nats.

    Nats are log odds of choosing `activity`; `order` is where it stood. `steered` is null where the pair was not asked.
    """
    base = pl.concat(
        [
            choices.select(activity="first", other="second", order=pl.lit("A"), base="difference"),
            choices.select(activity="second", other="first", order=pl.lit("B"), base=-pl.col("difference")),
        ]
    )
    if steering is None or condition is None:
        return base.with_columns(steered=pl.lit(None, dtype=pl.Float64))
    rows = steering.filter(
        (pl.col("layers") == str(layer)) & (pl.col("kind") == condition.kind) & (pl.col("name") == condition.name)
        & (pl.col("strength") == condition.strength)
    )  # fmt: skip
    first, second = rows.filter(pl.col("touched") == "first"), rows.filter(pl.col("touched") == "second")
    touched = pl.concat(
        [
            first.select(activity="first", other="second", order=pl.lit("A"), steered="difference"),
            second.select(activity="second", other="first", order=pl.lit("B"), steered=-pl.col("difference")),
        ]
    )
    return base.join(touched, on=["activity", "other", "order"], how="left")


def scored(scores: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """`scores` with `row`, and `change` and `steered` in nats where the pairs were asked under steering."""
    changes = pairs.drop_nulls("steered").group_by("activity").agg(change=(pl.col("steered") - pl.col("base")).mean())
    joined = scores.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    joined = joined.join(
        changes.with_columns(pl.col("activity").cast(pl.Int64)), left_on="row", right_on="activity", how="left"
    )
    return joined.with_columns(steered=pl.col("nats") + pl.col("change"))


def ordered(rows: pl.DataFrame, category: str, sort: str) -> pl.DataFrame:
    """The activities of `category` in the order `sort`, one of `SORTS`."""
    kept = rows if category == EVERY else rows.filter(pl.col("category") == category)
    column, descending = {
        SORTS[0]: ("nats", True), SORTS[1]: ("nats", False), SORTS[2]: ("change", True), SORTS[3]: ("change", False),
        SORTS[4]: ("text", False),
    }[sort]  # fmt: skip
    return kept.sort(column, descending=descending, nulls_last=True)


def activities_table(rows: pl.DataFrame, condition: Steered | None) -> str:
    """The activities with scores in nats and Elo points, and under the chosen condition."""
    if not len(rows):
        return notice("info", "This category has no activities.", "Choose another one.")
    largest = max((abs(value) for value in rows["nats"].to_list()), default=1.0) or 1.0
    headings = ("activity", "category", "score (nats)", "", "Elo points", "steered (nats)", "change")
    body = []
    for row in rows.iter_rows(named=True):
        body.append(
            [
                Cell(f'<button class="ev-link" data-row="{row["row"]}">{text(row["text"])}</button>'), Cell(text(row["category"])), Cell(signed(row["nats"], 2), True),
                Cell(bar(row["nats"] / largest)), Cell(fixed(row["bradley_terry"], 0), True),
                Cell("not asked" if row["steered"] is None else signed(row["steered"], 2), True),
                Cell("" if row["change"] is None else signed(row["change"], 3), True),
            ]
        )  # fmt: skip
    under = f" and with {condition.label} on its tokens" if condition else ""
    return table(f"{len(body)} activities: how much each is preferred{under}", headings, body, tall=True)


def pairs_table(scores: pl.DataFrame, pairs: pl.DataFrame, activity: int) -> str:
    """Every pair that one activity was asked in: log odds for it as (A), as (B), their mean, and steered."""
    names = scores["text"].to_list()
    mine = pairs.filter(pl.col("activity") == activity)
    both = mine.group_by("other").agg(
        as_a=pl.col("base").filter(pl.col("order") == "A").mean(), as_b=pl.col("base").filter(pl.col("order") == "B").mean(),
        mean=pl.col("base").mean(), steered=pl.col("steered").mean(),
        asked_base=pl.col("base").filter(pl.col("steered").is_not_null()).mean(),
    )  # fmt: skip
    rows = [
        [
            Cell(text(names[row["other"]])), *(Cell(signed(row[key], 2), True) for key in ("as_a", "as_b", "mean")),
            Cell("" if row["steered"] is None else signed(row["steered"], 2), True),
            Cell("" if row["steered"] is None else signed(row["steered"] - row["asked_base"], 3), True),
        ]
        for row in both.sort("mean", "other", descending=[True, False]).iter_rows(named=True)
    ]  # fmt: skip
    headings = ("against", "as (A)", "as (B)", "mean of both", "steered", "change")
    return table(
        f"Log odds in nats of choosing “{names[activity]}” over each other activity", headings, rows, tall=True
    )


def usable(run: Run) -> str:
    """A warning where the run itself says that its preferences mean little."""
    found = run.part(StatedPreferences)
    if found and found.usable is False:
        return notice(
            "warning",
            f"Read these scores with care: {found.why_not_usable}.",
            "The criteria V7 to V11 are inconclusive for this run.",
        )
    return ""
