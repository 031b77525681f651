"""Which texts vectors were made from, as hashes of 8 bytes: a text that is one of them is read "in sample".

A direction is the mean of its own texts, so each of these lies along it by construction, whatever the direction means.
Two texts are the same here if their words are: case, kinds of white space and compatible forms of a letter don't count.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from emotion_vectors.store.records import TABLE_FAULTS

SAID = "In sample: these vectors were made from this very text, so it reads as its own emotion whatever the vectors are worth."


def text_hash(text: str) -> int:
    """64 bits of a text's normalised words."""
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return int.from_bytes(hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def text_hashes(texts: Iterable[str]) -> np.ndarray:
    """(s,) uint64, sorted: the hashes of the different ones among `texts`."""
    return np.array(sorted({text_hash(text) for text in texts}), dtype=np.uint64)


def is_among(text: str, hashes: np.ndarray) -> bool:
    """Whether a text is one of those with these sorted hashes; chance alone says so once in 10^13 with a million of them."""
    own = np.uint64(text_hash(text))
    place = int(np.searchsorted(hashes, own))
    return place < len(hashes) and bool(hashes[place] == own)


def of_run(folder: Path) -> np.ndarray | None:
    """The hashes of a run's kept stories, for runs whose vectors file was written without them; None where none are there."""
    path = folder / "stories.parquet"
    if not path.is_file():
        return None
    try:
        return text_hashes(pl.scan_parquet(path, glob=False).filter("kept").select("text").collect()["text"])
    except TABLE_FAULTS:
        return None  # the table is damaged, which is said where stories are shown; the vectors can still be read
