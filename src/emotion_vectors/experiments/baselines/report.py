"""What the words alone give, on the page: its table, its sentences, and what its part of the record must agree on."""

from __future__ import annotations

import re

from emotion_vectors.experiments.baselines.measure import beside
from emotion_vectors.experiments.baselines.record import CRITERIA, LOWER_IS_BETTER, SEEDS, Baselines, Row
from emotion_vectors.experiments.numeric.record import Numeric
from emotion_vectors.experiments.scenarios.record import Scenarios
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import require, require_close, require_within
from emotion_vectors.report.topic import Cell, Table, TableOf, Topic
from emotion_vectors.report.wording import fixed, listing, number, p_value

_REMARK = re.compile(r"A (bag of words|static embedding) reaches (\d+(?:\.\d+)?)")
_TESTS = {
    "V3": "V3, implied emotion first", "V4": "V4, mean rank", "V3_seed": "Hong's V3, raw, first scenarios",
    "V4_seed": "Hong's V4, raw, first scenarios", "heldout": "Held-out, first, raw", "retrieval": "Retrieval, first, raw",
    "retrieval_rank": "Retrieval, mean rank, raw", "V5": "V5, signs", "V5_seed": "Hong's V5, without twins",
    "severity": "Another severity, same numbers", "V6": "V6, strong trends", "V8": "V8, valence of the extremes",
    "V9": "V9, |r| > 0.3",
}  # fmt: skip
_WHAT = {
    "V9": "emotions that go with preference",
    "V3": "implied emotion first",
    "V4": "mean rank",
    "V5": "curves beyond their twin's",
    "severity": "another severity",
}


def contradictions(record: Record) -> None:
    """Refuse impossible values, values of the residual stream that are not the criteria's own, and remarks of other values."""
    baselines, criteria = record.part(Baselines), record.criteria
    if baselines is None:
        return
    rows = baselines.rows
    require(len({row.name for row in rows}) == len(rows) > 1, "The words alone are not compared with anything.")
    for row in rows:
        _check_row(row, baselines)
    own = rows[0]
    for key in CRITERIA:
        require_close(own.get(key), criteria[key].value, 0.006, f"{key} of the {own.name}")
        for name, value in _REMARK.findall(criteria[key].note):
            stated = next((row.get(key) for row in rows if row.name == name), None)
            require(stated is not None, f"The note of {key} mentions a {name}, which the record lacks.")
            require_close(float(value), stated, 0.005 * max(1.0, float(value)), f"In the note of {key} the {name}")
    if own.has_seeds:
        for key in SEEDS:
            found = criteria[key].reference.value
            require_close(own.get(f"{key}_seed"), found, 0.006, f"Hong's {key} of the {own.name}")
    numeric = record.part(Numeric)
    severity = numeric.twins.severity if numeric and numeric.twins else None
    if severity and severity.of:
        require_close(own.severity, severity.count, 1e-6, f"The severity of the {own.name}")
    _check_scenarios(own, record.part(Scenarios))


def _check_row(row: Row, baselines: Baselines) -> None:
    for key in _TESTS:
        what, whole, value = f"{key} of the {row.name}", baselines.of.get(key), row.get(key)
        require(whole is not None or value is None, f"{what} is {value} of nothing.")
        if whole is not None:
            require_within([value], 1 if key in LOWER_IS_BETTER else 0, whole, what)
        if value is not None and key not in LOWER_IS_BETTER:
            require(float(value).is_integer(), f"{what} is {value}, which is not a whole number.")
    if row.ranks:
        require_close(row.V3, sum(rank == 1 for rank in row.ranks), 1e-6, f"V3 of the {row.name}")
        require_close(row.V4, sum(row.ranks) / len(row.ranks), 0.006, f"V4 of the {row.name}")
        for key in ("V3", "V4"):
            own, mine, found = baselines.rows[0].get(key), row.get(key), getattr(row.ahead, key, None)
            if found is not None and own is not None and mine is not None:
                require_close(found.value, mine - own, 0.02, f"What the {row.name} is ahead in {key}")


def _check_scenarios(own: Row, scenarios: Scenarios | None) -> None:
    second, every = (scenarios.heldout, scenarios.retrieval) if scenarios else (None, None)
    for key, found in (
        ("heldout", second and second.raw.matches),
        ("retrieval", every and every.raw.top1),
        ("retrieval_rank", every and every.raw.mean_rank),
    ):
        require_close(own.get(key), found.value if found else None, 0.006, f"{key} of the {own.name}")


def words_reach(record: Record, keys: tuple[str, ...]) -> str:
    """What each representation of the words reaches on the very statistics `keys`, beside the vectors."""
    found = record.part(Baselines)
    if found is None or not found.rows[0].has_seeds:
        return ""
    own, *others = found.rows
    pieces = []
    for key in keys:
        value, low = own.get(key), key in LOWER_IS_BETTER
        reached = [(row, other) for row in others if (other := row.get(key)) is not None]
        if value is None or not reached:
            continue
        out_of = "" if low else f" of {number(found.of.get(key))}"
        listed = listing(
            [f"a {row.name} reaches {number(other)}{out_of} ({beside(key, value, row)})" for row, other in reached]
        )
        pieces.append(f"{_WHAT[key].capitalize()} on words alone: {listed}.")
    return " ".join(pieces)


def reached(own: Row, other: Row) -> list[str]:
    """The criteria in which the representation `other` does as well as the residual stream, `own`."""
    pairs = [(key, own.get(key), other.get(key)) for key in CRITERIA]
    return [
        key
        for key, value, found in pairs
        if value is not None and found is not None and (found <= value if key in LOWER_IS_BETTER else found >= value)
    ]


def words_seen(record: Record) -> str:
    """How much of the criteria the words alone give; "" where this was not asked."""
    found = record.part(Baselines)
    if found is None:
        return ""
    own, *others = found.rows
    pieces = []
    for row in others:
        names = reached(own, row)
        which = f" ({', '.join(names)})" if names else ""
        pieces.append(f"a {row.name} reaches the value of the {own.name} in {number(len(names))}{which}")
    compared = sum(own.get(key) is not None for key in CRITERIA)
    return (
        f"Of {number(compared)} criteria, tested on the words of the same stories and prompts alone, {listing(pieces)}."
    )


def words_table(record: Record) -> Table | None:
    """The residual stream beside representations that see words and no context; None without them."""
    found = record.part(Baselines)
    if found is None:
        return None
    rows = tuple(
        (Cell(title), *(Cell(_value(row, key, whole), "number") for row in found.rows))
        for key, title in _TESTS.items()
        if (whole := found.of.get(key)) is not None
    )
    names = tuple(row.name.capitalize() for row in found.rows)
    note = (
        f"{words_seen(record)} The bag of words has {number(found.vocabulary)} words (TF-IDF); the static embedding is the "
        "mean of the model's own input embeddings. Each p is against the representation's own chance level."
    )
    return Table("What the words alone give", ("Test", *names), rows, note)


def _value(row: Row, key: str, whole: float) -> str:
    value, p = row.get(key), row.p.get(key)
    if value is None:
        return "not measured"
    text = fixed(value) if key in LOWER_IS_BETTER else f"{number(value)} of {number(whole)}"
    return f"{text} ({p_value(p)})" if p is not None else text


TOPIC = Topic(
    "baselines", "What the words alone give", parts=(Baselines,), tables=(TableOf(words_table, place=60),), contradictions=contradictions,
)  # fmt: skip
