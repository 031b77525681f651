"""Sentences of the numeric curves, recomputed with scipy."""

from __future__ import annotations

from typing import Any

from report.asking import (
    figure_claims,
)
from scipy import stats

Record = dict[str, Any]


def test_numeric_sentence(record: Record) -> None:
    numeric = record["experiments"]["numeric"]
    changes = [t["cosine"][e][-1] - t["cosine"][e][0] for t in numeric["templates"] for e in numeric["emotions"]]
    right = total = 0
    for template in numeric["templates"]:
        for emotion, sign in template["expected"].items():
            if sign != "none":
                total += 1
                rho = stats.spearmanr(template["values"], template["cosine"][emotion]).statistic
                right += bool((rho > 0) == (sign == "+"))
    seen = figure_claims(record, 2).seen
    assert f"{right} of {total} curves go in the direction expected in advance" in seen
    assert f"{max(changes, key=abs):+.3f}".replace("-", "−") in seen


def test_the_number_of_values_is_the_records(record: Record) -> None:
    counts = {len(template["values"]) for template in record["experiments"]["numeric"]["templates"]}
    told = " to ".join(str(end) for end in sorted({min(counts), max(counts)}))
    assert f"Over so few values ({told} for each template)" in figure_claims(record, 2).chance
