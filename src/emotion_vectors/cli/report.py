"""`emotion-vectors report`: the page again from the record."""

from __future__ import annotations

from typing import Annotated

import typer

from emotion_vectors.cli.shown import print_verdicts
from emotion_vectors.errors import UserError


def report(run: Annotated[str, typer.Argument(metavar="RUN", help="Folder or address of a finished run.")]) -> None:
    """Make the report and its figures anew from a run's record."""
    from emotion_vectors.report.page import write_report
    from emotion_vectors.store.records import RECORD, read_record, using_records
    from emotion_vectors.store.remote import at_hand, no_parts
    from emotion_vectors.topics import TOPICS

    with at_hand(run, wanted=no_parts) as folder:
        if not (folder / RECORD).is_file():
            raise UserError(f"{run} has no results.json; give the folder of a finished run.")
        with using_records(folder):
            record = read_record(folder)
            write_report(folder, record, TOPICS)
            print_verdicts(record)
    print(f"Report: {run.rstrip('/')}/report.html")
