"""The report of a run: figures, tables, sentences and one page, all from results.json."""

from __future__ import annotations

from emotion_vectors.report.checks import check
from emotion_vectors.report.contradiction import ContradictoryRecord
from emotion_vectors.report.page import write_report

__all__ = ["ContradictoryRecord", "check", "write_report"]
