"""What the experiments of a record must agree on: limits, and every count, mean, rank or r that can be recomputed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.report.checks_controls import check_baselines, check_batteries
from emotion_vectors.report.checks_stronger import check_together, check_twins, seeds
from emotion_vectors.report.checks_words import check_feels, check_leaks
from emotion_vectors.report.requirements import parts, pearson, require, require_close, require_order, require_within

Criteria = dict[str, dict[str, Any]]


def _equals(criteria: Criteria, name: str, value: float, tolerance: float = 1e-6) -> None:
    require_close(criteria[name].get("value"), value, tolerance, name)


def _of(criteria: Criteria, name: str, amount: int) -> None:
    whole = criteria[name].get("of")
    require(whole is None or whole == amount, f"{name} is out of {whole} but the experiment has {amount}.")


def _scenarios(experiments: dict[str, Any], criteria: Criteria) -> None:
    scenarios = experiments["scenarios"]
    if not scenarios["items"]:
        check_batteries(experiments, criteria)
        return
    probes, items = scenarios["emotions"], scenarios["items"]
    for kind in ("raw", "centred"):
        rows, ranks = scenarios[kind], scenarios[f"ranks_{kind}"]
        shape = f"{len(probes)} probes x {len(items)} scenarios"
        require(
            len(rows) == len(probes) and all(len(row) == len(items) for row in rows),
            f"The {kind} cosines are not {shape}.",
        )
        for row in rows:
            require_within(row, -1, 1, f"A {kind} cosine of the scenarios")
        require(len(ranks) == len(items), f"There are {len(ranks)} {kind} ranks for {len(items)} scenarios.")
        for column, (item, rank) in enumerate(zip(items, ranks, strict=True)):
            values = np.array([row[column] for row in rows])
            own = values[probes.index(item["emotion"])]
            # Rounded cosines can tie, so any rank that the ties allow is accepted.
            best, worst = 1 + int(np.sum(values > own + 1e-5)), int(np.sum(values >= own - 1e-5))
            require(best <= rank <= worst, f"The {kind} rank of '{item['name']}' is stated as {rank} but is {best}.")
    ranks = scenarios["ranks_raw"]
    first = seeds(criteria["V3"])
    require_close(first.get("value"), sum(rank == 1 for rank in ranks), 1e-6, "V3")
    require(
        first.get("of") in (None, len(items)), f"V3 is out of {first.get('of')} but there are {len(items)} scenarios."
    )
    require_close(seeds(criteria["V4"]).get("value"), float(np.mean(ranks)), 0.006, "V4")
    check_together(scenarios, criteria)
    check_batteries(experiments, criteria)


def _numeric(experiments: dict[str, Any], criteria: Criteria) -> None:
    numeric = experiments["numeric"]
    pairs: list[tuple[str, float | None]] = []
    for template in numeric["templates"]:
        for emotion, cosine in template["cosine"].items():
            name = f"{emotion} in '{template['name']}'"
            require(len(cosine) == len(template["values"]), f"The curve of {name} has {len(cosine)} points.")
            require_within(cosine, -1, 1, f"A cosine of {name}")
            rho = template["spearman"].get(emotion)
            if rho is not None and len(set(cosine)) == len(cosine):
                require_close(
                    rho,
                    pearson(list(rankdata(template["values"])), list(rankdata(cosine))),
                    0.002,
                    f"Spearman's rho of {name}",
                )
            require_close(
                template.get("change", {}).get(emotion), cosine[-1] - cosine[0], 0.0002, f"The change of {name}"
            )
            pairs.append((template["expected"].get(emotion, "none"), rho))
    signed = [(expected, rho) for expected, rho in pairs if expected != "none"]
    whole = seeds(criteria["V5"]).get("of")
    require(whole in (None, len(signed)), f"V5 is out of {whole} but the experiment has {len(signed)}.")
    right = sum(rho is not None and rho != 0 and (expected == "+") == (rho > 0) for expected, rho in signed)
    require_close(seeds(criteria["V5"]).get("value"), right, 1e-6, "V5")
    check_twins(numeric, criteria)
    if numeric.get("effect"):
        _effect(numeric, criteria)
    counted = pairs if criteria["V6"].get("of") == len(pairs) else signed
    _equals(criteria, "V6", sum(rho is not None and abs(rho) > 0.7 for _, rho in counted))


def _effect(numeric: dict[str, Any], criteria: Criteria) -> None:
    """The mean change in cosine is that of the curves, its interval holds it, and V5 respects its p."""
    effect, changes = numeric["effect"], []
    for template in numeric["templates"]:
        ranks = rankdata(template["values"])
        for emotion, curve in template["cosine"].items():
            change = float(np.polyfit(ranks, curve, 1)[0] * np.ptp(ranks))
            require_close(
                template.get("fitted_change", {}).get(emotion), change, 0.0002, f"The fitted change of {emotion}"
            )
            sign = {"+": 1, "-": -1}.get(template["expected"].get(emotion, "none"))
            changes += [] if sign is None else [sign * change]
    require(effect["curves"] == len(changes), f"The effect size counts {effect['curves']} curves of {len(changes)}.")
    name, (low, mean, high) = "The mean change in cosine", (effect[key] for key in ("low", "mean", "high"))
    require_close(mean, float(np.mean(changes)) if changes else None, 0.0002, name)
    require_order(low, high, f"{name}: the interval")
    held = None in (low, mean, high) or low <= mean <= high
    require(held, f"{name} is {mean}, outside its interval {low} to {high}.")
    require_within([effect.get("p"), effect.get("signs_p")], 0, 1, f"{name}: p")
    require_within([effect.get("null_sd")], 0, float("inf"), f"{name}: the sd of its null")
    stated = (parts(numeric, "twins").get("earlier") or criteria["V5"]).get("null") or {}
    stated = stated.get("p")
    for p in (effect.get("p"), effect.get("signs_p")):
        held = None in (stated, p) or stated >= p - 1e-9
        require(held, f"V5 states p = {stated}, but its size or its signs have p = {p}.")


def _preferences(experiments: dict[str, Any], criteria: Criteria) -> None:
    preferences = experiments["preferences"]
    activities, categories = preferences["activities"], preferences["categories"]
    require_within([row.get("wins") for row in activities], 0, 1, "A mean win probability")
    require_within([preferences.get("mass_on_options")], 0, 1, "The probability of A and B together")
    names = {row["category"] for row in activities}
    require(
        names == {row["category"] for row in categories}, "The categories of the table are not those of the activities."
    )
    for score in ("elo", "bradley_terry"):
        values = [row[score] for row in activities if row.get(score) is not None]
        require_close(1000.0, float(np.mean(values)) if values else None, 0.5, f"The mean {score} score")
        for row in categories:
            own = [activity[score] for activity in activities if activity["category"] == row["category"]]
            require_close(row.get(score), float(np.mean(own)), 0.51, f"The mean {score} of {row['category']}")
    gaps = [
        max(row[score] for row in categories) - min(row[score] for row in categories)
        for score in ("elo", "bradley_terry")
    ]
    value = criteria["V7"].get("value")
    if value is not None:
        nearest = min(gaps, key=lambda gap: abs(gap - value))
        require_close(value, nearest, 1.01, "V7, the gap between categories,")


def _correlation(experiments: dict[str, Any], criteria: Criteria) -> None:
    correlation = experiments["correlation"]
    rows = correlation["emotions"]
    for row in rows:
        name = f"The r of {row['emotion']}"
        require_within([row[key] for key in ("r", "low", "high")] + [row.get("r_without_extremes")], -1, 1, name)
        require_order(row["low"], row["high"], f"{name}: the interval")
        require_within([row.get("r_partial")], -1, 1, f"The partial r of {row['emotion']}")
        require_within([row.get("r_cosine")], -1, 1, f"The r by mean cosine of {row['emotion']}")
        require_within([row.get(key) for key in ("p", "q", "p_partial")], 0, 1, f"{name}: p or q")
    require(len({row["emotion"] for row in rows}) == len(rows), "An emotion has two correlations.")
    _equals(criteria, "V9", sum(row["r"] is not None and abs(row["r"]) > 0.3 for row in rows))
    _of(criteria, "V9", len(rows))
    _correlation_controls(correlation, rows)
    listed = {row["emotion"]: row["r"] for row in rows}
    for example in (correlation.get("examples") or {}).values():
        if example:
            points = example["points"]
            name = f"The r of the example {example['emotion']}"
            computed = pearson([point["probe"] for point in points], [point["score"] for point in points])
            require_close(example["r"], computed, 0.005, name)
            require_close(example["r"], listed.get(example["emotion"]), 0.005, name)


def _correlation_controls(correlation: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """Discoveries and the counts with categories held constant are counts of the listed emotions."""
    found = sum(row.get("q") is not None and row["q"] < 0.05 for row in rows)
    require_close(correlation.get("discoveries"), found, 1e-6, "The number of discoveries")
    for part in ("within_categories", "extremes_held"):
        counts = correlation.get(part) or {}
        keys = ("null_count", "partial_count", "partial_null_count", "discoveries")
        require_within([counts.get(key) for key in keys], 0, len(rows), f"A count of {part}")
        require_within([counts.get(key) for key in ("p", "gap_p", "partial_p")], 0, 1, f"A p of {part}")
    by_cosine = [row["r_cosine"] for row in rows if row.get("r_cosine") is not None]
    stated = correlation.get("cosine_count")
    require_close(
        stated, sum(abs(r) > 0.3 for r in by_cosine), 1e-6, "The number of emotions with |r| > 0.3 by mean cosine"
    )
    known = [row["r_partial"] for row in rows if row.get("r_partial") is not None]
    stated = (correlation.get("extremes_held") or {}).get("partial_count")
    require_close(stated, sum(abs(r) > 0.3 for r in known), 1e-6, "The number of emotions with a partial |r| > 0.3")


EXPERIMENTS: dict[str, Callable[[dict[str, Any], Criteria], None]] = {
    "scenarios": _scenarios,
    "numeric": _numeric,
    "preferences": _preferences,
    "correlation": _correlation,
    "baselines": check_baselines,
    "feels": check_feels,
    "leaks": check_leaks,
}
