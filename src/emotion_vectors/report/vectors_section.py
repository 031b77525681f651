"""How reliable the directions are, and what else could recognise the words: a sentence and a table."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.contradiction import parts
from emotion_vectors.report.tables import Cell, Table
from emotion_vectors.report.wording import count, fixed, number, p_value

Record = dict[str, Any]


def reliability_seen(record: Record) -> str:
    """How far the directions of two halves of the stories agree; "" where the run has too few topics."""
    found = parts(record, "vectors", "split_half")
    if not found.get("rows"):
        return ""
    null, same = found["null"], found["identification"]
    return (
        f"Directions made from one half of the topics and from the other agree with a median r of {fixed(found['median'])} "
        f"over {count(found['emotions'], 'emotion')} ({p_value(found['p'])}); {number(found['beyond_null'])} are above "
        f"{fixed(null['high'])}, which 5 % of {null['what']} exceed. One half finds the same emotion in the other first for "
        f"{number(same['top1'])} of {number(same['of'])} (chance {number(same['chance_top1'])}, {p_value(same['p'])})."
    )


def vectors_table(record: Record) -> Table | None:
    """Reliability of the directions and what else puts the emotion words on top; None where neither was measured."""
    found, lens = parts(record, "vectors", "split_half"), parts(record, "experiments", "lens")
    rows: list[tuple[Cell, ...]] = []
    if found.get("rows"):
        rows += [
            _row("Split-half r, median over emotions", fixed(found["median"])),
            _row("the same, lowest and highest", f"{fixed(found['min'])} to {fixed(found['max'])}"),
            _row(f"for all stories (Spearman-Brown), mean of {found['halvings']} halvings", fixed(found["spearman_brown_median"])),
            _row(f"Mean r of {found['null']['what']}", fixed(found["null"]["mean"])),
            _row("Emotions above the 95 % point of chance", f"{number(found['beyond_null'])} of {number(found['emotions'])}"),
            _row("Mean rank of an emotion's other half", f"{fixed(found['identification']['mean_rank'], 1)} "
                 f"(chance {fixed(found['identification']['chance_rank'], 1)})"),
        ]  # fmt: skip
    if lens.get("baselines"):
        rows.append(
            _row(f"Own word in the top {lens['k']}: the vectors", f"{number(lens['count'])} of {number(lens['of'])}")
        )
        rows += [
            _row(f"Own word in the top {lens['k']}: {row['what']}", f"{number(row['count'])} of {number(row['of'])}")
            for row in lens["baselines"]
        ]
    if not rows:
        return None
    return Table(
        "Reliability of the vectors, and the words they promote",
        ("What", "Value"),
        tuple(rows),
        " ".join(part for part in (parts(record, "vectors").get("caution"), reliability_seen(record)) if part),
    )


def _row(what: str, value: str) -> tuple[Cell, ...]:
    return Cell(what), Cell(value, "number")
