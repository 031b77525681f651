"""What "words while steered" must agree on: tables, contrasts and levels, recomputed; shares between 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from emotion_vectors.report.requirements import require, require_close, require_order, require_within

Criteria = dict[str, dict[str, Any]]


def check_feels(experiments: dict[str, Any], _: Criteria) -> None:
    """Each sentence: a change for every vector and word, and what is said about the diagonal follows from it."""
    feels = experiments["feels"]
    n = len(feels["emotions"])
    require(len(feels["valence"]) == n, f"There are {len(feels['valence'])} valences for {n} emotions.")
    for row in feels["sentences"]:
        what = f"'{row['sentence']}'"
        table = _table(row["change"], n, f"The changes after {what}")
        require_within(row["base"], -float("inf"), 0, f"A log probability after {what}")
        require_within(row["tokens"], 1, float("inf"), f"The tokens of a word after {what}")
        up = int((np.diag(table) > 0).sum())
        require(row["own_up"] == up, f"After {what} {row['own_up']} own words are said to rise, but {up} do.")
        _contrast(row, table, what)
        apart = _difference(table / np.array(row["tokens"]))
        require_close(row["per_token"]["contrast"], apart, 1e-6, f"The contrast per token after {what}")


def check_leaks(experiments: dict[str, Any], _: Criteria) -> None:
    """Each strength: shares that are possible, a contrast that follows from the table, differences of the stated levels."""
    leaks = experiments["leaks"]
    n = len(leaks["emotions"])
    require_within([leaks["ceiling"]], 0, 1, "The share of special words in the stories")
    for part in leaks["strengths"]:
        what = f"the answers at strength {part['strength']}"
        table = _table(part["table"], n, f"The shares of {what}")
        require_within(table.ravel().tolist(), 0, 1, f"A share of {what}")
        _contrast(part["own"], table, what)
        require_close(part["levels"]["special"]["steered"], float(np.diag(table).mean()), 1e-6, f"The level of {what}")
        for name, level in part["levels"].items():
            named = f"The share of {name} words of {what}"
            require_within([level["steered"], level["unsteered"], level["random"]], 0, 1, named)
            require_within([level["p_random"]], 0, 1, f"{named}: p")
            low, high = level["interval"]
            require_order(low, high, f"{named}: the interval")
            gap = level["steered"] - level["unsteered"]
            require_close(level["difference"], gap, 1e-6, f"{named}: the difference")


def _table(rows: list[list[float]], n: int, what: str) -> np.ndarray:
    require(len(rows) == n and all(len(row) == n for row in rows), f"{what} are not {n} x {n}.")
    table = np.array(rows, dtype=np.float64)
    require(bool(np.isfinite(table).all()), f"{what} hold a number that is not finite.")
    return table


def _difference(table: np.ndarray) -> float:
    own = np.eye(len(table), dtype=bool)
    return float(table[own].mean() - table[~own].mean())


def _contrast(row: dict[str, Any], table: np.ndarray, what: str) -> None:
    low, high = row["interval"]
    require_close(row["contrast"], _difference(table), 1e-6, f"The contrast of {what}")
    require_close(row["diagonal"], float(np.diag(table).mean()), 1e-6, f"The mean of the diagonal of {what}")
    require_close(row["off_diagonal"], row["diagonal"] - row["contrast"], 1e-6, f"The rest of {what}")
    require_order(low, high, f"The interval of {what}")
    require(low - 1e-9 <= row["contrast"] <= high + 1e-9, f"The contrast of {what} is outside {low} to {high}.")
    require(
        row["of"] == len(table) and 0 <= row["own_first"] <= row["of"], f"The counts of {what} don't fit its table."
    )
    tests = [row["dealt"]["p"], *([row["random"]["p"]] if row["random"] else [])]
    within = [row["within_valence"]["p"]] if row["within_valence"] else []
    require_within([*tests, *within], 0, 1, f"A p of {what}")
    beyond = low > 0 and max(tests) <= 0.05
    require(row["beyond_chance"] == beyond, f"{what}: 'beyond chance' does not follow from its interval and p.")
