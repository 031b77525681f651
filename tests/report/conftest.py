"""Reports of records, drawn once."""

from report.reports import full, right, toy, written

__all__ = ["full", "right", "toy", "written"]
