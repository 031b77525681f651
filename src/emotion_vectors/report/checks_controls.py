"""What the controls of the scenario tests must agree on: layers, held-out scenarios, retrieval, and the words alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from emotion_vectors.report.checks_stronger import seeds
from emotion_vectors.report.requirements import parts, require, require_close, require_order, require_within

Criteria = dict[str, dict[str, Any]]
COUNTS = ("matches", "top1", "top10", "valence")
COMPARED = ("V3", "V4", "V5", "V6", "V8", "V9")
RANKS = ("V4", "V4_seed", "retrieval_rank")
SEEDS = ("V3", "V4", "V5")
_REMARK = re.compile(r"A (bag of words|static embedding) reaches ([\d.]+?)(?: of (\d+))?(?:, [a-z ]+)?\.(?= |$)")


def check_layers(record: dict[str, Any]) -> None:
    """One row for each layer of the model, in order; the analysis layer's row is V3 and V4, the best is the best."""
    scenarios = parts(record, "experiments", "scenarios")
    rows, layers = scenarios.get("by_layer"), parts(record, "vectors").get("layers")
    if not rows:
        return
    numbers, given = [row["layer"] for row in rows], parts(record, "vectors", "adopted").get("layers")
    require(
        numbers == (list(range(len(rows))) if given is None else given)
        and (given is not None or layers in (None, len(rows))),
        f"The scenarios have {len(rows)} layers, not one row for each of the model's {layers}, in order.",
    )
    for row in rows:
        require_within([row["matches"]], 0, len(scenarios["items"]), f"The matches at layer {row['layer']}")
        require_within([row["mean_rank"]], 1, len(scenarios["emotions"]), f"The mean rank at layer {row['layer']}")
    for measure, name, choose in (("matches", "V3", max), ("mean_rank", "V4", min)):
        values = {row["layer"]: row[measure] for row in rows}
        best, layer = parts(scenarios, "best_layer", measure), parts(record, "vectors").get("layer")
        if layer is not None:
            require_close(
                seeds(record["criteria"][name]).get("value"), values[layer], 0.006, f"{name}, by its layer's row,"
            )
        require_within([best.get("p")], 0, 1, f"The p value of the best layer's {measure}")
        if best:
            require_close(best["value"], choose(values.values()), 1e-6, f"The best layer's {measure}")
            require_close(best["value"], values[best["layer"]], 1e-6, f"The {measure} at the best layer")


def check_batteries(experiments: dict[str, Any], criteria: Criteria) -> None:
    """Counts, ranks, p and intervals of the held-out scenarios and of the retrieval, recomputed from their ranks."""
    scenarios = experiments["scenarios"]
    valence = {row["emotion"]: row.get("valence") for row in parts(experiments, "correlation").get("emotions") or []}
    for part, what in (("heldout", "held-out scenarios"), ("retrieval", "retrieval")):
        found = scenarios.get(part)
        if not found:
            continue
        items = found["items"]
        require(len(items) == found["of"], f"The {what} count {found['of']} texts but list {len(items)}.")
        for kind in ("raw", "centred"):
            ranks = [item[f"rank_{kind}"] for item in items]
            require_within(ranks, 1, found["emotions"], f"A {kind} rank of the {what}")
            expected = _from_ranks(ranks) | _right_valence(items, kind, valence)
            for name, measure in found[kind].items():
                _measure(f"The {kind} {name} of the {what}", name, measure, found)
                require_close(measure["value"], expected.get(name), 1e-6, f"The {kind} {name} of the {what}")
    second = scenarios.get("heldout")
    for name, measure in (("V3", "matches"), ("V4", "mean_rank")):
        # Since both lists are judged together the held-out one is part of the value.
        if "together" not in scenarios and "heldout" in scenarios and criteria[name]["verdict"] == "pass":
            confirmed = bool(second) and second["raw"][measure]["p"] < 0.05
            require(confirmed, f"{name} passes although the held-out scenarios are not beyond chance.")


def _measure(what: str, name: str, measure: dict[str, Any], found: dict[str, Any]) -> None:
    low, high = measure["interval"]
    first, last = {"mean_rank": (1, found["emotions"]), "reciprocal_rank": (0, 1)}.get(name, (0, found["of"]))
    require_within([measure["value"], low, high, measure["null"]], first, last, what)
    require_within([measure["p"]], 0, 1, f"{what}: p")
    require_order(low, high, f"{what}: the interval")
    require(low - 1e-9 <= measure["value"] <= high + 1e-9, f"{what} is {measure['value']}, outside {low} to {high}.")
    if name in COUNTS:
        require(float(measure["value"]).is_integer(), f"{what} is {measure['value']}, which is no whole number.")


def _from_ranks(ranks: Sequence[float]) -> dict[str, float]:
    first, ten = sum(rank == 1 for rank in ranks), sum(rank <= 10 for rank in ranks)
    middle = float(np.median([1 / rank for rank in ranks]))
    return {
        "matches": first,
        "top1": first,
        "top10": ten,
        "mean_rank": float(np.mean(ranks)),
        "reciprocal_rank": middle,
    }


def _right_valence(items: Sequence[dict[str, Any]], kind: str, valence: dict[str, str]) -> dict[str, float]:
    """How many first emotions have the valence of the implied one, where the record knows all valences."""
    pairs = [(item.get(f"first_{kind}"), item["emotion"]) for item in items]
    if not valence or any(name is not None and name not in valence for pair in pairs for name in pair):
        return {}
    return {"valence": sum(first is not None and valence[first] == valence[own] for first, own in pairs)}


def check_baselines(experiments: dict[str, Any], criteria: Criteria) -> None:
    """Values of the words alone are possible, those beside them are the criteria's own, and the remarks repeat them."""
    baselines = experiments["baselines"]
    rows, of = baselines["rows"], baselines["of"]
    require(len({row["name"] for row in rows}) == len(rows) > 1, "The words alone are not compared with anything.")
    for row in rows:
        for key, whole in of.items():
            what = f"{key} of the {row['name']}"
            require(whole is not None or row[key] is None, f"{what} is {row[key]} of nothing.")
            if whole is not None:
                require_within([row[key]], 1 if key in RANKS else 0, whole, what)
            if row[key] is not None and key not in RANKS:
                require(float(row[key]).is_integer(), f"{what} is {row[key]}, which is no whole number.")
            require_within([row["p"].get(key)], 0, 1, f"{what}: p")
    own = rows[0]
    for key in COMPARED:
        require_close(own[key], criteria[key].get("value"), 0.006, f"{key} of the {own['name']}")
        for name, value, _ in _REMARK.findall(str(criteria[key].get("note") or "")):
            stated = next((row[key] for row in rows if row["name"] == name), None)
            require(stated is not None, f"The note of {key} speaks of a {name}, which the record lacks.")
            require_close(float(value), stated, 0.005 * max(1.0, float(value)), f"In the note of {key} the {name}")
    for key in SEEDS:
        if f"{key}_seed" in own:
            require_close(
                own[f"{key}_seed"], seeds(criteria[key])["value"], 0.006, f"The seed's {key} of the {own['name']}"
            )
    severity = parts(experiments, "numeric", "twins", "severity")
    if severity.get("of") and "severity" in own:
        require_close(own["severity"], severity["count"], 1e-6, f"The severity of the {own['name']}")
    second, every = (parts(experiments, "scenarios", part, "raw") for part in ("heldout", "retrieval"))
    for key, found in (
        ("heldout", parts(second, "matches")),
        ("retrieval", parts(every, "top1")),
        ("retrieval_rank", parts(every, "mean_rank")),
    ):
        require_close(own[key], found.get("value"), 0.006, f"{key} of the {own['name']}")
