"""Texts of any number, read piece by piece: a finished piece is on disk, and a job that was killed goes on after the last of them.

A piece leaves a table, the state of what is kept over all pieces so far (of the last piece only), and its counts, which come last and say
that it is done. The borders of pieces depend on the files alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from emotion_vectors.progress import Reporter, Stage
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import RunFolder
from emotion_vectors.transcripts.items import Bad, Item
from emotion_vectors.transcripts.sources import read_items

TEXTS_PER_PIECE = 256
CHARACTERS_PER_PIECE = 4_000_000


class Kept(Protocol):
    """What is kept while texts are read, as JSON values and back."""

    def dump(self) -> Any:
        """Everything that is kept."""
        ...

    def restore(self, kept: Any) -> None:
        """Take in what `dump` gave."""
        ...


def grouped(files: Sequence[Path], column: str = "text", most: int = CHARACTERS_PER_PIECE) -> Iterator[list[Item]]:
    """The texts of all files in pieces of up to `most` characters."""
    piece: list[Item] = []
    size = 0
    for item in read_items(files, column):
        if isinstance(item, Bad):
            continue
        if piece and (len(piece) == TEXTS_PER_PIECE or size + item.characters > most):
            yield piece
            piece, size = [], 0
        piece.append(item)
        size += item.characters
    if piece:
        yield piece


def read_pieces(
    run: RunFolder,
    pieces: Iterator[list[Item]],
    texts: int,
    kept: Kept,
    state: str,
    read: Callable[[list[Item], int, Stage], tuple[pl.DataFrame, dict[str, int]]],
    reporter: Reporter,
) -> tuple[list[Path], Counter[str]]:
    """Read what is not read yet of `texts` texts; the tables of all pieces, and their counts summed.

    `read` gives the table and the counts of a piece and tells `kept`, whose state goes to a file of the name `state` after the piece's number.
    """
    paths: list[Path] = []
    counts: Counter[str] = Counter()
    ready = _ready(run)
    done = sum(atomic.read_json(run / f"{number:06d}.json")["texts"] for number in range(ready))
    with reporter.stage("Reading", texts, "texts", done) as stage:
        for number, items in enumerate(pieces):
            rows, facts = (run / f"{number:06d}{end}" for end in (".parquet", ".json"))
            if number == ready - 1:
                kept.restore(atomic.read_json(run / f"{number:06d}.{state}.json"))
            if number >= ready:
                table, found = read(items, number, stage)
                atomic.write_parquet(rows, table)
                atomic.write_json(run / f"{number:06d}.{state}.json", kept.dump())
                # Last: this file says that the piece is done.
                atomic.write_json(facts, {"texts": len(items)} | found)
                (run / f"{number - 1:06d}.{state}.json").unlink(missing_ok=True)
            paths.append(rows)
            counts.update(atomic.read_json(facts))
    return paths, counts


def _ready(run: RunFolder) -> int:
    """How many pieces, from the first on, are done."""
    number = 0
    while (run / f"{number:06d}.json").is_file():
        number += 1
    return number
