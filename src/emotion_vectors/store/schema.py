"""The form of run folders and their records, and what to say about one of another form."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from emotion_vectors.errors import UserError

JsonObject = dict[
    str, Any
]  # as a file or a message has it: for what is written or read whole and has no model of its own
SCHEMA = 2  # form of the run folder and its record that this version writes and reads


def timestamp() -> str:
    """The time now in UTC, to the second, as records write it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def check_schema(found: Any, what: str, folder: Path | None = None, known: int = SCHEMA) -> None:
    """Raise `UserError`, with how to go on, where `what` ("The record", a path) has another form than `known`.

    `folder` is the run folder, whose stories can be used again.
    """
    if found == known:
        return
    if not isinstance(found, int) or isinstance(found, bool):
        raise UserError(f"{what} has no schema number, so emotion-vectors did not write it; give the folder of a run.")
    if found > known:
        raise UserError(
            f"{what} has schema {found}, but this version reads {known}: a newer version made it; "
            "upgrade with pip install --upgrade emotion-vectors."
        )
    again = "" if folder is None else f" (--stories {folder / 'stories.parquet'} uses its stories again)"
    raise UserError(
        f"{what} has schema {found}, but this version reads {known}: an older version made it; open it with that version, or run "
        f"the experiment again with another --out{again}."
    )
