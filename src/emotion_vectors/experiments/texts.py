"""What the run wrote, to be read: some stories that the vectors are made from, some that were dropped, and answers under the vectors.

In: `stories.parquet` and `answers.parquet` of the run's folder and the valences of the record. Out: tables of texts; no part of
the record and no verdict. The choice looks at no text: the first story of emotions evenly spread over the alphabet, the first
answer at each strength. Source: ours. What it can't tell: a few texts show what texts look like, not how often they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.correlation.record import ProbeCorrelations
from emotion_vectors.experiments.steered_words.leaks import QUESTION
from emotion_vectors.record import Record
from emotion_vectors.report.charts import spread
from emotion_vectors.report.topic import Cell, Section, Table, TextsOf, Topic
from emotion_vectors.report.wording import count, number

SHOWN = 3  # stories of each valence, reasons for dropping one, and emotions of the answers
MOST = 1200  # characters of a text; a story has some 900
_UNNAMED = {"none": "none", "random": "random direction"}


def stories(folder: Path, record: Record) -> Table | None:
    """The first kept story of a few emotions of each valence; None where the folder has no stories."""
    path = folder / "stories.parquet"
    found = _read(path, ["emotion", "topic", "kept"])
    part = record.part(ProbeCorrelations)
    if found is None or part is None:
        return None
    kept = found.filter(pl.col("kept")).unique("emotion", keep="first", maintain_order=True)
    first = {row["emotion"]: row for row in kept.iter_rows(named=True)}
    chosen: list[tuple[str, str]] = []
    for valence in ("positive", "negative"):
        names = sorted(row.emotion for row in part.emotions if row.valence == valence and row.emotion in first)
        chosen += [(names[place], valence) for place in spread(len(names), SHOWN)]
    texts = _texts(path, [first[name]["row"] for name, _ in chosen])
    rows = [
        (Cell(name), Cell(valence), Cell(first[name]["topic"]), texts[first[name]["row"]]) for name, valence in chosen
    ]
    note = "The first kept story of emotions evenly spread over the alphabet; nobody chose them for what they say."
    columns = ("Emotion", "Valence", "Topic", "Story")
    return Table("Stories that the vectors are made from", columns, tuple(rows), note, kind="texts") if rows else None


def dropped(folder: Path, record: Record) -> Table | None:
    """The first dropped story of each of the most frequent reasons; None where none was dropped."""
    path = folder / "stories.parquet"
    found = _read(path, ["emotion", "kept", "dropped"])
    gone = None if found is None else found.filter(~pl.col("kept") & pl.col("dropped").is_not_null())
    if gone is None or gone.is_empty():
        return None
    reasons = gone["dropped"].value_counts().sort("count", "dropped", descending=[True, False])
    shown = reasons.head(SHOWN).join(
        gone.unique("dropped", keep="first", maintain_order=True), "dropped", maintain_order="left"
    )
    texts = _texts(path, shown["row"].to_list())
    rows = tuple(
        (Cell(row["dropped"]), Cell(number(row["count"]), "number"), Cell(row["emotion"]), texts[row["row"]])
        for row in shown.iter_rows(named=True)
    )
    return Table("Stories that were dropped", ("Reason", "Stories", "Emotion", "The first one"), rows, kind="texts")


def answers(folder: Path, record: Record) -> Table | None:
    """The first answer without a vector, and under a few vectors and a random direction at each strength; None without answers."""
    path = folder / "answers.parquet"
    found = _read(path, ["strength", "kind", "name", "sample"])
    if found is None or found.is_empty():
        return None
    first = found.filter(pl.col("sample") == pl.col("sample").min())
    names = _names(first, "emotion")
    chosen = [names[place] for place in spread(len(names), SHOWN)]
    parts = [first.filter(pl.col("kind") == "none")]
    for kind, name in (
        *(("emotion", name) for name in chosen),
        *(("random", name) for name in _names(first, "random")[:1]),
    ):
        parts.append(first.filter((pl.col("kind") == kind) & (pl.col("name") == name)).sort("strength"))
    shown = pl.concat(parts)
    texts = _texts(path, shown["row"].to_list())
    rows = tuple(
        (
            Cell(row["name"] if row["kind"] == "emotion" else _UNNAMED[row["kind"]]),
            Cell("0" if row["kind"] == "none" else number(row["strength"]), "number"),
            texts[row["row"]],
        )
        for row in shown.iter_rows(named=True)
    )
    note = (
        f"The first answer to “{QUESTION}”, under {count(len(chosen), 'vector')} evenly spread over the alphabet. "
        "Strength is in mean residual norms."
    )
    return Table("Texts written while steered", ("Vector", "Strength", "Answer"), rows, note, kind="texts")


def _names(answered: pl.DataFrame, kind: str) -> list[str]:
    return answered.filter(pl.col("kind") == kind)["name"].unique().sort().to_list()


def _read(path: Path, columns: list[str]) -> pl.DataFrame | None:
    """Columns of a table of the run, and `row`, its place there; None where the file or (in a run of old) a column is missing."""
    if not path.is_file():
        return None
    with _told(path):
        scanned = pl.scan_parquet(path, glob=False)
        if not {*columns, "text"} <= set(scanned.collect_schema().names()):
            return None
        return scanned.select(columns).with_row_index("row").collect()


def _texts(path: Path, rows: list[int]) -> dict[int, Cell]:
    """The texts at these places. A corpus has 200,000 of them: only those shown are held in memory."""
    with _told(path):
        scanned = pl.scan_parquet(path, glob=False).select("text").with_row_index("row")
        found = scanned.filter(pl.col("row").is_in(rows)).collect(engine="streaming")
    return {
        row: Cell(text if len(text) <= MOST else f"{text[:MOST].rstrip()} ...", "text") for row, text in found.rows()
    }


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A file that can't be read becomes a sentence that says what to do."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{path} can't be read ({str(error).splitlines()[0]}); copy it again, or remove it to make the report without its texts."
        ) from error


TOPIC = Topic(
    "texts", "Texts of the run", sections=(Section("texts", "Texts of the run", "Texts"),),
    texts=(TextsOf(stories, "texts"), TextsOf(dropped, "texts"), TextsOf(answers, "texts")),
)  # fmt: skip
