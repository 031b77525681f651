"""What "words while steered" must agree on: tables, contrasts and levels, recomputed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emotion_vectors.experiments.steered_words.record import Contrast, Feels, Leaks
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import require, require_close


def contradictions(record: Record) -> None:
    """Refuse contrasts, counts and levels that the tables deny."""
    feels, leaks = record.part(Feels), record.part(Leaks)
    if feels is not None:
        _check_feels(feels)
    if leaks is not None:
        _check_leaks(leaks)


def _check_feels(feels: Feels) -> None:
    """Each sentence: a change for every vector and word, and what is said about the diagonal follows from it."""
    n = len(feels.emotions)
    require(len(feels.valence) == n, f"There are {len(feels.valence)} valences for {n} emotions.")
    for row in feels.sentences:
        what = f"'{row.sentence}'"
        table = _table(row.change, n, f"The changes after {what}")
        require(len(row.base) == n == len(row.tokens), f"The words after {what} are not {n}.")
        up = int((np.diag(table) > 0).sum())
        require(row.own_up == up, f"After {what} {row.own_up} own words are said to rise, but {up} do.")
        _check_contrast(row, table, what)
        apart = _difference(table / np.array(row.tokens))
        require_close(row.per_token.contrast, apart, 1e-6, f"The contrast per token after {what}")


def _check_leaks(leaks: Leaks) -> None:
    """Each strength: a contrast that follows from the table, differences of the stated levels."""
    for part in leaks.strengths:
        what = f"the answers at strength {part.strength}"
        table = _table(part.table, len(leaks.emotions), f"The shares of {what}")
        _check_contrast(part.own, table, what)
        require_close(part.levels.special.steered, float(np.diag(table).mean()), 1e-6, f"The level of {what}")
        for name, level in (("special", part.levels.special), ("topics", part.levels.topics)):
            gap = level.steered - level.unsteered
            require_close(level.difference, gap, 1e-6, f"The share of {name} words of {what}: the difference")


def _table(rows: Sequence[Sequence[float]], n: int, what: str) -> np.ndarray:
    require(len(rows) == n and all(len(row) == n for row in rows), f"{what} are not {n} x {n}.")
    return np.array(rows, dtype=np.float64)


def _difference(table: np.ndarray) -> float:
    own = np.eye(len(table), dtype=bool)
    return float(table[own].mean() - table[~own].mean())


def _check_contrast(row: Contrast, table: np.ndarray, what: str) -> None:
    low, high = row.interval
    require_close(row.contrast, _difference(table), 1e-6, f"The contrast of {what}")
    require_close(row.diagonal, float(np.diag(table).mean()), 1e-6, f"The mean of the diagonal of {what}")
    require_close(row.off_diagonal, row.diagonal - row.contrast, 1e-6, f"The rest of {what}")
    require(low - 1e-9 <= row.contrast <= high + 1e-9, f"The contrast of {what} is outside {low} to {high}.")
    require(row.of == len(table) and row.own_first <= row.of, f"The counts of {what} don't fit its table.")
    tests = [row.dealt.p, *([row.random.p] if row.random else [])]
    beyond = low > 0 and max(tests) <= 0.05
    require(row.beyond_chance == beyond, f"{what}: 'beyond chance' does not follow from its interval and p.")
