"""What the experiments of a record must agree on: limits, and every count, mean, rank or r that can be recomputed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.report.checks_controls import check_baselines, check_batteries
from emotion_vectors.report.checks_steering import check_steering
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


EXPERIMENTS: dict[str, Callable[[dict[str, Any], Criteria], None]] = {
    "scenarios": _scenarios,
    "numeric": _numeric,
    "steering": check_steering,
    "baselines": check_baselines,
    "feels": check_feels,
    "leaks": check_leaks,
}
