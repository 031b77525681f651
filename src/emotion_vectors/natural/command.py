"""`emotion-vectors examples`: read, then the table, the page and the record, the record last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emotion_vectors.natural.job import FILES, Order, Reader, finished, identity_of, reading
from emotion_vectors.natural.page import render
from emotion_vectors.natural.record import Summary
from emotion_vectors.natural.summary import shown, summary, table
from emotion_vectors.progress import Reporter
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import file_digest
from emotion_vectors.transcripts.sources import Survey


def write_examples(
    order: Order, reader: Reader, valence: Mapping[str, str], out: Path, reporter: Reporter, held: Survey
) -> Summary:
    """Write `FILES` into the folder `out` and return the record; a finished folder of the same order is not read again.

    `held` is what `survey` says of the files; `valence` labels emotions "positive" or "negative". Raises `UserError` for an `out` that
    belongs to another order or to somebody else, and for files that change while they are read.
    """
    identity = identity_of(order, reader, held)
    if (found := finished(out, identity)) is not None:
        return Summary.model_validate(found)
    with reading(order, reader, out, held, identity, reporter) as (kept, paths, counts):
        passages = shown(order, reader, kept)
        out.mkdir(parents=True, exist_ok=True)
        atomic.write_parquet(out / FILES[0], table(passages))
        record = summary(order, reader, valence, passages, paths, counts, held, identity, file_digest(out / FILES[0]))
        atomic.write_text(out / FILES[1], render(record, passages, order.words))
        atomic.write_json(out / FILES[2], record.dump())
    return record
