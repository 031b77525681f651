"""The stories tab: what was written, what was dropped and why."""

from __future__ import annotations

from typing import Any

import polars as pl

from emotion_vectors.explorer.markup import Cell, notice, table, text
from emotion_vectors.explorer.runs import Run
from emotion_vectors.report.wording import count, percent

PAGE = 20
EVERY = "every emotion"
STATES = ("all stories", "kept", "dropped")


def corpus_summary(run: Run, stories: pl.DataFrame | None) -> str:
    """How many stories were kept, and the reasons of the others."""
    if stories is None:
        return notice(
            "info",
            *run.lacks("stories", "They are the first thing a run writes; run the same command again to continue."),
        )
    kept = int(stories["kept"].sum())
    reasons = (
        stories.filter(~pl.col("kept"))["dropped"].value_counts().sort("count", "dropped", descending=[True, False])
    )
    rows = [
        [Cell(text(row["dropped"])), Cell(f"{row['count']:,}", True), Cell(percent(row["count"], len(stories)), True)]
        for row in reasons.iter_rows(named=True)
    ]
    writer = text(", ".join(str(name) for name in stories["writer"].unique().sort().to_list()))
    line = f'<p class="ev-facts"><b>{count(len(stories), "story", "stories")}</b> written, <b>{kept:,}</b> kept · writer: {writer}</p>'
    return line + (
        table("Why stories were dropped", ("reason", "stories", "share"), rows) if rows else "<p>None was dropped.</p>"
    )


def select(stories: pl.DataFrame, emotion: str, state: str, words: str) -> pl.DataFrame:
    """The stories that the filters leave, with their row in the file as `row`. `words`: text that the story holds, any case."""
    chosen = stories.with_row_index("row")
    if emotion != EVERY:
        chosen = chosen.filter(pl.col("emotion") == emotion)
    if state != STATES[0]:
        chosen = chosen.filter(pl.col("kept") == (state == "kept"))
    if words.strip():
        chosen = chosen.filter(pl.col("text").str.to_lowercase().str.contains(words.strip().lower(), literal=True))
    return chosen


def choices(selected: pl.DataFrame, page: int) -> list[tuple[str, int]]:
    """What the list of stories offers on `page` (from 1): a label and the row in the file."""
    return [
        (
            f"{row['row'] + 1} · {row['emotion']} · {_shortened(row['topic'])}"
            + ("" if row["kept"] else f" · dropped: {row['dropped']}"),
            int(row["row"]),
        )
        for row in selected.slice((page - 1) * PAGE, PAGE).iter_rows(named=True)
    ]


def pages(selected: pl.DataFrame) -> int:
    """How many pages the list of the selected stories has; at least 1."""
    return max(1, -(-len(selected) // PAGE))


def _shortened(topic: str) -> str:
    return topic if len(topic) <= 60 else topic[:57] + "…"


def story(row: dict[str, Any], prompt: str | None) -> str:
    """One story as it is in the run, with what was asked for and what became of it."""
    if row["kept"]:
        fate = '<span class="ev-badge ev-pass"><i aria-hidden="true">✓</i> kept</span>'
    else:
        fate = f'<span class="ev-badge ev-fail"><i aria-hidden="true">✗</i> dropped: {text(row["dropped"])}</span>'
    facts = f"{row['words']} words, {row['tokens']} tokens, round {row['round'] + 1}, seed {row['seed']}"
    asked = (
        f"<details><summary>The prompt it was written to</summary><pre>{text(prompt)}</pre></details>" if prompt else ""
    )
    return (
        f'<article class="ev-card"><h3>{text(row["emotion"])} {fate}</h3><p class="ev-note">{text(row["topic"])}</p>'
        f'<p class="ev-story">{text(row["text"])}</p><p class="ev-note">{facts}</p>{asked}</article>'
    )
