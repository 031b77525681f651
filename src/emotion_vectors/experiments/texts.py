"""What the run wrote, to be read: some stories that the vectors are made of, some that were dropped, and answers under the vectors.

In: `stories.parquet` and `answers.parquet` of the run's folder and the valences of the record. Out: tables of texts; no part of
the record and no verdict. The choice looks at no text: the first story of emotions evenly spread over the alphabet, the first
answer at each strength. Source: ours. What it can't tell: a few texts show what texts look like, not how often they do.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.correlation.record import ProbeCorrelations
from emotion_vectors.record import Record
from emotion_vectors.report.charts import spread
from emotion_vectors.report.topic import Cell, Section, Table, TextsOf, Topic
from emotion_vectors.report.wording import count, number

SHOWN = 3  # stories of each valence, reasons for dropping one, and emotions of the answers
MOST = 1200  # characters of a text; a story has some 900


def stories(folder: Path, record: Record) -> Table | None:
    """The first kept story of a few emotions of each valence; None where the folder has no stories."""
    found = _read(folder / "stories.parquet", ["emotion", "topic", "slot", "text", "kept"])
    part = record.part(ProbeCorrelations)
    if found is None or part is None:
        return None
    kept = found.filter(pl.col("kept")).unique("emotion", keep="first", maintain_order=True)
    texts = {row["emotion"]: row for row in kept.iter_rows(named=True)}
    rows: list[tuple[Cell, ...]] = []
    for valence in ("positive", "negative"):
        names = sorted(row.emotion for row in part.emotions if row.valence == valence and row.emotion in texts)
        for name in (names[place] for place in spread(len(names), SHOWN)):
            rows.append((Cell(name), Cell(valence), Cell(texts[name]["topic"]), _text(texts[name]["text"])))
    note = "The first kept story of emotions evenly spread over the alphabet; nobody chose them for what they say."
    columns = ("Emotion", "Valence", "Topic", "Story")
    return Table("Stories that the vectors are made of", columns, tuple(rows), note, kind="texts") if rows else None


def dropped(folder: Path, record: Record) -> Table | None:
    """The first dropped story of each of the most frequent reasons; None where none was dropped."""
    found = _read(folder / "stories.parquet", ["emotion", "text", "kept", "dropped"])
    gone = None if found is None else found.filter(~pl.col("kept"))
    if gone is None or gone.is_empty():
        return None
    reasons = gone["dropped"].value_counts().sort("count", "dropped", descending=[True, False])
    rows = []
    for reason in reasons.head(SHOWN).iter_rows(named=True):
        first = gone.filter(pl.col("dropped") == reason["dropped"]).row(0, named=True)
        rows.append(
            (Cell(reason["dropped"]), Cell(number(reason["count"]), "number"), Cell(first["emotion"]), _text(first["text"]))
        )  # fmt: skip
    return Table(
        "Stories that were dropped", ("Reason", "Stories", "Emotion", "The first one"), tuple(rows), kind="texts"
    )


def answers(folder: Path, record: Record) -> Table | None:
    """The first answer without a vector, and under a few vectors and a random direction at each strength; None without answers."""
    found = _read(folder / "answers.parquet", ["strength", "kind", "name", "sample", "text"])
    if found is None or found.is_empty():
        return None
    first = found.filter(pl.col("sample") == pl.col("sample").min())
    rows: list[tuple[Cell, ...]] = []
    for row in first.filter(pl.col("kind") == "none").iter_rows(named=True):
        rows.append((Cell("none"), Cell("0", "number"), _text(row["text"])))
    steered = first.filter(pl.col("kind") == "emotion")
    names = steered["name"].unique().sort().to_list()
    chosen = [names[place] for place in spread(len(names), SHOWN)]
    turned = first.filter(pl.col("kind") == "random")["name"].unique().sort().to_list()[:1]
    for kind, name in (*(("emotion", name) for name in chosen), *(("random", name) for name in turned)):
        mine = first.filter((pl.col("kind") == kind) & (pl.col("name") == name)).sort("strength")
        shown = name if kind == "emotion" else "random direction"
        rows += [(Cell(shown), Cell(number(row["strength"]), "number"), _text(row["text"])) for row in mine.iter_rows(named=True)]  # fmt: skip
    note = (
        f"The first answer to the question of the table of answers, under {count(len(chosen), 'vector')} evenly spread over the alphabet. "
        "Strength is in mean residual norms."
    )
    return Table("Texts written while steered", ("Vector", "Strength", "Answer"), tuple(rows), note, kind="texts")


def _text(text: str) -> Cell:
    return Cell(text if len(text) <= MOST else f"{text[:MOST].rstrip()} ...", "text")


def _read(path: Path, columns: list[str]) -> pl.DataFrame | None:
    """Columns of a table of the run; None where the file is missing."""
    if not path.is_file():
        return None
    try:
        return pl.read_parquet(path, columns=columns)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{path} can't be read ({str(error).splitlines()[0]}); copy it again, or remove it to make the report without its texts."
        ) from error


TOPIC = Topic(
    "texts", "Texts of the run", sections=(Section("texts", "Texts of the run", "Texts"),),
    texts=(TextsOf(stories, "texts"), TextsOf(dropped, "texts"), TextsOf(answers, "texts")),
)  # fmt: skip
