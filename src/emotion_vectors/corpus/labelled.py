"""Texts with labels from a file, and the neutral texts that go with them; no model is needed to read and check them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from emotion_vectors.corpus.imported import MOST_CHARACTERS, NEUTRAL_COLUMNS, raw_rows, read_corpus
from emotion_vectors.corpus.shipped import NAME as OURS
from emotion_vectors.corpus.sources import Source, locate_corpus
from emotion_vectors.errors import UserError, nearest
from emotion_vectors.store.records import storable

LABEL, TEXT, GROUPS = "label", "text", ("topic", "group")
# Of the 200 neutral answers of ours. Each is read three times (pooled, and twice for the percentiles), so 200 would take longer than
# everything else; with 40, percentiles go from 1 to 99.
NEUTRAL_TEXTS = 40


def labelled_rows(name: str, label: str = LABEL, text: str = TEXT) -> Iterator[tuple[str, object, object, object]]:
    """Place, label, text and topic (None where the file has no column topic or group) of every text of the corpus `name`.

    A cell may hold several texts as a list. Raises `UserError` for a file that can't be read, a row without the columns, and a
    text that is too long.
    """
    source = locate_corpus(name)._replace(text_columns=(text,))
    empty = True
    for number, row in raw_rows(source, (label, text, *GROUPS)):
        place, empty = f"{source.name}, row {number}", False
        _require(place, row, {"--label-column": label, "--text-column": text})
        group = next((row[column] for column in GROUPS if row.get(column) is not None), None)
        for words in _texts(row[text], place):
            yield place, row[label], words, group
    if empty:
        raise UserError(f"{source.name} has no rows; give a file with the columns {label} and {text}.")


def neutral_texts(name: str = OURS, most: int = NEUTRAL_TEXTS) -> tuple[list[str], str]:
    """The neutral texts called `name`, and their name for the record: `most` of ours, evenly spread, or all of a file's."""
    if name != OURS:
        source = locate_corpus(name)
        found = [words for number, row in raw_rows(source, (TEXT,)) for words in _neutral(source, number, row)]
        return found, source.name
    texts = [row.text for row in read_corpus(locate_corpus(OURS), NEUTRAL_COLUMNS)]
    count = max(1, min(most, len(texts)))
    return [texts[round(i * (len(texts) - 1) / max(count - 1, 1))] for i in range(count)], OURS


def _neutral(source: Source, number: int, row: Any) -> list[str]:
    place = f"{source.name}, row {number}"
    _require(place, row, {"": TEXT})
    texts = _texts(row[TEXT], place)
    if not all(isinstance(words, str) for words in texts):
        raise UserError(f"{place}: the text is not a string; write it as one.")
    return [str(words) for words in texts]


def _require(place: str, row: Any, columns: dict[str, str]) -> None:
    if not isinstance(row, dict):
        raise UserError(f"{place}: it is not an object with the columns {', '.join(columns.values())}.")
    for option, column in columns.items():
        if row.get(column) is None:
            others = [name for name in row if name not in columns.values()]
            hint = f"; {option} names another column" if option else ""
            hint += f": {nearest(column, others)}" if option and others else "."
            raise UserError(f"{place}: the column {column} is missing{hint}")


def _texts(cell: object, place: str) -> Sequence[object]:
    """The texts of a cell, one or a list of them; what is neither is left to whoever checks the texts."""
    texts = cell if isinstance(cell, list) else [cell]
    for words in texts:
        if isinstance(words, str) and len(words) > MOST_CHARACTERS:
            raise UserError(
                f"{place}: a text has {len(words):,} characters, more than {MOST_CHARACTERS:,}; shorten it."
            )
    return [storable(words) if isinstance(words, str) else words for words in texts]
