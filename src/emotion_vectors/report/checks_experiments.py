"""What the experiments of a record must agree on: limits, and every count, mean, rank or r that can be recomputed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.report.contradiction import require, require_close, require_order, require_within

Criteria = dict[str, dict[str, Any]]


def _equals(criteria: Criteria, name: str, value: float, tolerance: float = 1e-6) -> None:
    require_close(criteria[name].get("value"), value, tolerance, name)


def _of(criteria: Criteria, name: str, amount: int) -> None:
    whole = criteria[name].get("of")
    require(whole is None or whole == amount, f"{name} is out of {whole} but the experiment has {amount}.")


def _lens(experiments: dict[str, Any], criteria: Criteria) -> None:
    lens = experiments["lens"]
    rows = lens.get("emotions") or []
    hits = sum(bool(row["hit"]) for row in rows)
    require(lens["count"] <= lens["of"], f"The lens counts {lens['count']} emotions of {lens['of']}.")
    if len(rows) == lens["of"]:
        require(hits == lens["count"], f"The lens counts {lens['count']} recognised emotions but lists {hits}.")
    _equals(criteria, "V1", lens["count"])
    _of(criteria, "V1", lens["of"])
    pairs = lens.get("pairs") or []
    for pair in pairs:
        name = f"The cosine of {pair['a']} and {pair['b']}"
        low, high = pair.get("interval") or (None, None)
        require_within([pair.get("cosine"), low, high], -1, 1, name)
        require_order(low, high, f"{name}: the interval")
        require(pair["dot"] * (pair.get("cosine") or 0.0) >= 0, f"{name} and their dot product have opposite signs.")
    if pairs:
        _equals(criteria, "V2", sum(pair["dot"] < 0 for pair in pairs))


def _scenarios(experiments: dict[str, Any], criteria: Criteria) -> None:
    scenarios = experiments["scenarios"]
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
    _equals(criteria, "V3", sum(rank == 1 for rank in ranks))
    _of(criteria, "V3", len(items))
    _equals(criteria, "V4", float(np.mean(ranks)), 0.006)


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
                    _pearson(list(rankdata(template["values"])), list(rankdata(cosine))),
                    0.002,
                    f"Spearman's rho of {name}",
                )
            require_close(
                template.get("change", {}).get(emotion), cosine[-1] - cosine[0], 0.0002, f"The change of {name}"
            )
            pairs.append((template["expected"].get(emotion, "none"), rho))
    signed = [(expected, rho) for expected, rho in pairs if expected != "none"]
    _of(criteria, "V5", len(signed))
    right = sum(rho is not None and rho != 0 and (expected == "+") == (rho > 0) for expected, rho in signed)
    _equals(criteria, "V5", right)
    counted = pairs if criteria["V6"].get("of") == len(pairs) else signed
    _equals(criteria, "V6", sum(rho is not None and abs(rho) > 0.7 for _, rho in counted))


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
        require_within([row.get("p"), row.get("q")], 0, 1, f"{name}: p or q")
    require(len({row["emotion"] for row in rows}) == len(rows), "An emotion has two correlations.")
    _equals(criteria, "V9", sum(row["r"] is not None and abs(row["r"]) > 0.3 for row in rows))
    _of(criteria, "V9", len(rows))
    listed = {row["emotion"]: row["r"] for row in rows}
    for example in (correlation.get("examples") or {}).values():
        if example:
            points = example["points"]
            name = f"The r of the example {example['emotion']}"
            computed = _pearson([point["probe"] for point in points], [point["score"] for point in points])
            require_close(example["r"], computed, 0.005, name)
            require_close(example["r"], listed.get(example["emotion"]), 0.005, name)


def _steering(experiments: dict[str, Any], criteria: Criteria) -> None:
    steering = experiments["steering"]
    rows = steering["emotions"]
    require_within([steering["r"], steering["low"], steering["high"]], -1, 1, "The steering r")
    require_order(steering["low"], steering["high"], "The interval of the steering r")
    require(steering["of"] == len(rows), f"Steering counts {steering['of']} emotions but lists {len(rows)}.")
    require(0 <= steering["signs"] <= steering["of"], f"Steering counts {steering['signs']} signs of {steering['of']}.")
    computed = _pearson([row["r"] for row in rows], [row["nats"] for row in rows])
    require_close(steering["r"], computed, 0.01, "The steering r")
    slope = steering.get("slope")
    if slope is not None and steering["r"] is not None:
        _same_direction(float(slope), rows)
    listed = {row["emotion"]: row["r"] for row in (experiments.get("correlation") or {}).get("emotions", [])}
    for row in rows:
        name = f"The steering effect of {row['emotion']}"
        require_order(row["low"], row["high"], f"{name}: the interval")
        require_close(row["r"], listed.get(row["emotion"]), 0.005, f"The r of the steered emotion {row['emotion']}")
        # Scores are zero-sum: over equal halves the steered half moves by half of the difference.
        require_close(row["elo_steered"], row["elo"] / 2, 0.5 + 0.02 * abs(row["elo"]), f"{name} on the steered half")
    _equals(criteria, "V10", steering["r"], 0.006)
    _equals(criteria, "V11", steering["signs"])
    _of(criteria, "V11", steering["of"])
    for example in (steering.get("examples") or {}).values():
        if example:
            own = [point["after"] - point["baseline"] for point in example["points"] if point["steered"]]
            require_close(
                example["elo_steered"], float(np.mean(own)) if own else None, 1.0, f"The change by {example['emotion']}"
            )


def _same_direction(slope: float, rows: Sequence[dict[str, Any]]) -> None:
    """The line's slope has the sign that the emotions give, in nats or in refitted scores (the two can differ near 0)."""
    r = [row["r"] for row in rows]
    computed = [_pearson(r, [row[key] for row in rows]) for key in ("nats", "elo_steered")]
    known = [value for value in computed if value is not None]
    agrees = not known or any(slope * value >= 0 for value in known)
    require(agrees, "The steering r and its slope have opposite signs.")


def _pearson(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Pearson's r, or None where it is not defined (fewer than three points or a constant)."""
    if len(x) < 3 or None in x or None in y or np.std(x) == 0 or np.std(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


EXPERIMENTS: dict[str, Callable[[dict[str, Any], Criteria], None]] = {
    "lens": _lens,
    "scenarios": _scenarios,
    "numeric": _numeric,
    "preferences": _preferences,
    "correlation": _correlation,
    "steering": _steering,
}
