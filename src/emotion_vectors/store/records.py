"""Records and tables that may come from a stranger: what damage in them provokes becomes one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import RunFolder, file_digest
from emotion_vectors.store.schema import JsonObject, check_schema

RECORD = "results.json"
_SURROGATE = re.compile("[\ud800-\udfff]")
# What polars raises for a file that is not parquet; its own panics are not an `Exception`.
TABLE_FAULTS = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def storable(text: str) -> str:
    """`text` with lone surrogates, which are valid in JSON and can't be stored as UTF-8, as replacement characters (U+FFFD)."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def read_record(folder: Path) -> JsonObject:
    """The record of the run in `folder`. Raises `UserError` for one of another form and for what is not a record."""
    record = atomic.read_object(folder / RECORD)
    check_schema(record.get("schema"), str(folder / RECORD), folder)
    return record


@contextmanager
def using_records(*folders: Path) -> Iterator[None]:
    """While the records of runs are used: an error is a `UserError` where one of them is not as its run wrote it.

    Where all are as they were written, the error is ours and stays what it is.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        changed = next((folder for folder in folders if not is_as_written(folder)), None)
        if changed is None:
            raise
        raise UserError(
            f"{changed / RECORD} is damaged, or was changed after its run ({type(error).__name__}: {first_line(error)}); run "
            "that run's command again."
        ) from error


def is_as_written(folder: Path) -> bool:
    """Whether the record of a run is the one that the run finished with."""
    marker = RunFolder(folder).marker("analysis")
    if marker is None or not (folder / RECORD).is_file():
        return False
    return marker["files"].get(RECORD) == file_digest(folder / RECORD)
