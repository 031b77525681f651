"""Records with steering."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]


def _steering(record: Record) -> Record:
    return record["experiments"]["steering"]
