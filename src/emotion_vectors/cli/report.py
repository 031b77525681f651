"""`emotion-vectors report`: the page again from the record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emotion_vectors.cli.shown import print_verdicts
from emotion_vectors.errors import UserError


def report(run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]) -> None:
    """Make the report and its figures again from a run's record."""
    from emotion_vectors.report.page import write_report
    from emotion_vectors.store.records import RECORD, read_record, using_records

    if not (run_folder / RECORD).is_file():
        raise UserError(f"{run_folder} holds no results.json; give the folder of a finished run.")
    with using_records(run_folder):
        record = read_record(run_folder)
        write_report(run_folder, record)
        print_verdicts(record)
    print(f"Report: {run_folder / 'report.html'}")
