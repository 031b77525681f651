"""Tables of the controls: held-out scenarios and retrieval, and what the words alone give."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.checks_controls import COUNTS, RANKS
from emotion_vectors.report.claims_baselines import layers_seen, retrieval_seen, words_seen
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.topic import Cell, Table
from emotion_vectors.report.wording import fixed, interval, number, p_value

Record = dict[str, Any]
_BATTERIES = {"heldout": "Held-out scenarios", "retrieval": "One scenario for each emotion"}
_MEASURES = {
    "matches": "implied emotion first", "top1": "implied emotion first", "top10": "among the first ten",
    "mean_rank": "mean rank", "reciprocal_rank": "median reciprocal rank", "valence": "first emotion of the right valence",
}  # fmt: skip
_TESTS = {
    "V3": "V3, implied emotion first", "V4": "V4, mean rank", "V3_seed": "The seed's V3, raw, first scenarios",
    "V4_seed": "The seed's V4, raw, first scenarios", "heldout": "Held-out, first", "retrieval": "Retrieval, first",
    "retrieval_rank": "Retrieval, mean rank", "V5": "V5, signs", "V5_seed": "The seed's V5, without twins",
    "severity": "Another severity, same numbers", "V6": "V6, strong trends", "V8": "V8, valence of the extremes",
    "V9": "V9, |r| > 0.3",
}  # fmt: skip


def battery_table(record: Record) -> Table | None:
    """Every measure of the held-out scenarios and of the retrieval, raw and centred; None without them."""
    scenarios, rows = parts(record, "experiments", "scenarios"), []
    both = parts(scenarios, "together")
    batteries = [
        (title, kind, parts(scenarios, part)) for part, title in _BATTERIES.items() for kind in ("raw", "centred")
    ]
    if both:
        ours = {"of": both["of"], "centred": {key: both[key] for key in ("matches", "mean_rank")}}
        batteries.insert(0, ("Both lists together (V3, V4)", "centred", ours))
    for title, kind, found in batteries:
        if found:
            for name, measure in found[kind].items():
                counted = name in COUNTS
                rows.append(
                    (
                        Cell(f"{title}, {_MEASURES[name]}, {kind}"),
                        Cell(f"{number(measure['value'])} of {number(found['of'])}" if counted else fixed(measure["value"]), "number"),
                        Cell(interval(measure["interval"], None if counted else 2), "number"),
                        Cell(number(measure["null"]), "number"),
                        Cell(p_value(measure["p"]), "number"),
                    )
                )  # fmt: skip
    if not rows:
        return None
    note = (
        "Each list is centred on its own mean. The held-out scenarios are asked against the probes of V3, the others against all emotions of the run. Intervals: "
        "emotions drawn again with all their scenarios, and Wilson's for counts; chance: emotions dealt out to the scenarios."
    )
    columns = ("Test", "Value", "95 % interval", "Chance", "p")
    sentences = (retrieval_seen(record), layers_seen(record), note)
    return Table("Held-out scenarios and retrieval", columns, tuple(rows), " ".join(filter(None, sentences)))


def words_table(record: Record) -> Table | None:
    """The residual stream beside representations that see words and no context; None without them."""
    found = parts(record, "experiments", "baselines")
    if not found:
        return None
    rows = tuple(
        (Cell(title), *(Cell(_value(row, key, found["of"]), "number") for row in found["rows"]))
        for key, title in _TESTS.items()
        if found["of"].get(key) is not None
    )
    names = tuple(row["name"].capitalize() for row in found["rows"])
    note = (
        f"{words_seen(record)} The bag of words has {number(found['vocabulary'])} words (TF-IDF); the static embedding is the "
        "mean of the model's own input embeddings. p is each representation's own, against its own chance."
    )
    return Table("What the words alone give", ("Test", *names), rows, note)


def _value(row: dict[str, Any], key: str, of: dict[str, Any]) -> str:
    if row.get(key) is None:
        return "not measured"
    value = fixed(row[key]) if key in RANKS else f"{number(row[key])} of {number(of[key])}"
    return f"{value} ({p_value(row['p'][key])})" if row["p"].get(key) is not None else value
