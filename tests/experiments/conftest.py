"""Records and their reports, for the tests of what the page says."""

from report.records import record
from report.reports import full, right, toy, written

__all__ = ["full", "record", "right", "toy", "written"]
