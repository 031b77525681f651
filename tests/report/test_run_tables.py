"""The table of the method marks what differs."""

from __future__ import annotations

from typing import Any

from report.asking import (
    method_table,
)
from report.record import build

Record = dict[str, Any]


def test_method_table_marks_what_differs() -> None:
    record = build("full")
    marks = {row[0].text: row[4].text for row in method_table(record).rows}
    assert marks["Emotions"] == "= same" and marks["Topics"] == "≠ differs" and marks["Parameters"] == "· no comparison"
    record["settings"]["topics"] = 100
    record["experiments"]["steering"]["tokens"] = "both activities"
    marks = {row[0].text: row[4].text for row in method_table(record).rows}
    assert marks["Topics"] == "= same" and marks["Steered tokens"] == "≠ differs"
