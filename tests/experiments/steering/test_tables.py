"""Tables hold every arm and category."""

from __future__ import annotations

import copy
import re
from typing import Any

from report.asking import (
    arms_table,
    inversion_table,
    steered_category_table,
    typed,
)

from emotion_vectors.experiments.steering.tables import effects_table
from emotion_vectors.report.wording import signed
from experiments.steering.records import _steering

Record = dict[str, Any]


def test_tables_hold_every_arm_and_category(record: Record) -> None:
    steering = _steering(record)
    arms, halves, categories = arms_table(record), inversion_table(record), steered_category_table(record)
    assert arms is not None and halves is not None and categories is not None
    assert len(arms.rows) == len(steering["arms"]) and len(halves.rows) == 3
    assert {row[0].text for row in categories.rows} == {row["category"] for row in steering["categories"]}
    for row in steering["categories"]:
        shown = next(line for line in categories.rows if line[0].text == row["category"])
        assert shown[3].text == signed(row["positive"], 4)


def test_an_effect_in_elo_points_lies_in_its_interval(record: Record) -> None:
    """Refitted scores, of one half alone, are another estimate than the effect whose interval it is."""
    other = copy.deepcopy(record)
    for row in _steering(other)["emotions"]:
        row["elo"] = 5 * row["elo"] + 400.0
    table = effects_table(typed(other))
    assert table is not None and len(table.rows) == len(_steering(other)["emotions"])
    for row in table.rows:
        value, low, high = (
            float(text.replace("−", "-").replace(",", "")) for text in re.findall(r"[+−]?[\d.,]+", row[4].text)
        )
        assert low - 0.1 <= value <= high + 0.1
