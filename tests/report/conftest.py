"""Reports of records, drawn once."""

from report.records import record
from report.reports import full, right, toy, written

__all__ = ["full", "record", "right", "toy", "written"]
