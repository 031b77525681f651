"""What V3 and V4 of ours must agree on: both lists of scenarios together.

Records of earlier versions lack this part; then the criteria are the seed's own statistics.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from emotion_vectors.report.requirements import parts, require, require_close, require_order, require_within

Criteria = dict[str, dict[str, Any]]


def seeds(criterion: dict[str, Any]) -> dict[str, Any]:
    """Value, `of` and bar of the statistic that has the seed's verdict: its own part, or the criterion itself."""
    return criterion.get("seed") or criterion


def check_together(scenarios: dict[str, Any], criteria: Criteria) -> None:
    """V3 and V4: count and mean of the centred ranks of both lists; the raw ones of the first keep the seed's verdict."""
    both = scenarios.get("together")
    if not both:
        return
    second = parts(scenarios, "heldout").get("items") or []
    ranks = [*scenarios["ranks_centred"], *(item["rank_centred"] for item in second)]
    require(
        both["main"] == len(scenarios["items"]) and both["heldout"] == len(second) and both["of"] == len(ranks),
        f"Both lists together count {both['of']} scenarios but have {len(ranks)}.",
    )
    for name, key, value, of in (
        ("V3", "matches", sum(rank == 1 for rank in ranks), len(ranks)),
        ("V4", "mean_rank", float(np.mean(ranks)), None),
    ):
        found = both[key]
        require_close(found["value"], value, 1e-6, f"The {key} of both lists together")
        low, high = found["interval"]
        require_order(low, high, f"The interval of the {key} of both lists")
        _agrees(criteria[name], value, of, found["interval"], found["null"], name)
        require_close(criteria[name]["null"]["p"], found["p"], 1e-9, f"The p of {name}")
        judged = criteria[name]["verdict"] != "pass" or both["heldout"] > 0
        require(judged, f"{name} passes without a held-out scenario.")
    first = scenarios["ranks_centred"]
    require_close(scenarios.get("mean_rank_centred"), float(np.mean(first)), 1e-6, "The centred mean rank")
    keys = ("p_raw", "p_centred", "p_mean_rank_raw", "p_mean_rank_centred")
    require_within([scenarios.get(key) for key in keys], 0, 1, "A p of the first scenarios")
    for row in both["by_layer"]:
        require_within([row["matches"]], 0, both["of"], f"The matches of both lists at layer {row['layer']}")
    for key, choose in (("matches", max), ("mean_rank", min)):
        best = both["best_layer"][key]
        require_close(best["value"], choose(row[key] for row in both["by_layer"]), 1e-6, f"The best layer's {key}")


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
