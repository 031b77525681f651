"""What V5 of ours must agree on: templates with their twins.

Records of earlier versions have no such part; then the criterion is the seed's own statistic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.report.requirements import require, require_close, require_order, require_within

Criteria = dict[str, dict[str, Any]]
KINDS = ("template", "twin", "severity")


def seeds(criterion: dict[str, Any]) -> dict[str, Any]:
    """Value, `of` and bar of the statistic that has the seed's verdict: its own part, or the criterion itself."""
    return criterion.get("seed") or criterion


def check_twins(numeric: dict[str, Any], criteria: Criteria) -> None:
    """V5: every change, excess and difference from the curves, and the counts and means from those."""
    found = numeric.get("twins")
    if not found:
        return
    excess: list[float] = []
    severity: list[float] = []
    for row in found["templates"]:
        ranks = rankdata(row["values"])
        for emotion in numeric["emotions"]:
            name = f"{emotion} in '{row['name']}'"
            curves = [row[f"cosine_{kind}"][emotion] for kind in KINDS]
            require({len(curve) for curve in curves} == {len(ranks)}, f"The curves of {name} differ in length.")
            require_within([value for curve in curves for value in curve], -1, 1, f"A cosine of {name}")
            changes = [float(np.polyfit(ranks, curve, 1)[0] * np.ptp(ranks)) for curve in curves]
            for kind, change in zip(KINDS, changes, strict=True):
                require_close(row[f"fitted_change_{kind}"][emotion], change, 2e-6, f"The fitted change of {name}")
            beyond, other = changes[0] - changes[1], float(np.mean(np.subtract(curves[2], curves[0])))
            require_close(row["excess"][emotion], beyond, 2e-6, f"The excess over the twin of {name}")
            require_close(row["severity_difference"][emotion], other, 2e-6, f"The severity's difference of {name}")
            for key, values, signs in (
                ("excess", excess, "expected"),
                ("severity_difference", severity, "severity_expected"),
            ):
                sign = {"+": 1, "-": -1}.get(row[signs].get(emotion, "none"))
                values += [] if sign is None else [sign * row[key][emotion]]
    for key, values in (("excess", excess), ("severity", severity)):
        part, name = found[key], f"The {key} of the templates with twins"
        require(part["of"] == len(values), f"{name} counts {part['of']} curves of {len(values)}.")
        require_close(part["count"], sum(value > 0 for value in values), 1e-6, f"{name}, the count,")
        require_close(part["mean"], float(np.mean(values)) if values else None, 2e-6, f"{name}, the mean,")
        require_order(part["low"], part["high"], f"{name}: the interval")
        held = None in (part["low"], part["mean"]) or part["low"] <= part["mean"] <= part["high"]
        require(held, f"{name} is {part['mean']}, outside {part['low']} to {part['high']}.")
        require_within([part["count_p"], part["size_p"]], 0, 1, f"{name}: p")
    part, of = found["excess"], len(excess)
    _agrees(criteria["V5"], part["count"] if of else None, of, part["interval"], part["null"], "V5")
    if of:
        larger = max(part["count_p"], part["size_p"])
        require_close(criteria["V5"]["null"]["p"], larger, 1e-9, "The p of V5, the larger of two,")
    earlier = found["earlier"]
    require_close(seeds(criteria["V5"]).get("value"), earlier["value"], 1e-6, "V5 without twins")


def _agrees(
    criterion: dict[str, Any], value: float | None, of: int | None, interval: Any, null: float | None, name: str
) -> None:
    """The criterion states what its experiment found."""
    require_close(criterion.get("value"), value, 1e-6, name)
    require(criterion.get("of") in (None, of), f"{name} is out of {criterion.get('of')} but the experiment has {of}.")
    require_close((criterion.get("null") or {}).get("value"), null, 1e-6, f"The null of {name}")
    if criterion.get("interval") and interval:
        for stated, found in zip(criterion["interval"], interval, strict=True):
            require_close(stated, found, 1e-6, f"An end of the interval of {name}")
