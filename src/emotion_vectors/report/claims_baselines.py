"""What the words alone reach, for topics that still read the JSON."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.requirements import parts
from emotion_vectors.report.wording import listing, number

Record = dict[str, Any]
RANKS = ("V4", "V4_seed", "retrieval_rank")


_WHAT = {
    "V3": "implied emotion first",
    "V4": "mean rank",
    "V5": "curves beyond their twin's",
    "severity": "another severity",
}


def words_reach(record: Record, keys: tuple[str, ...]) -> str:
    """What each representation of the words reaches on the very statistics `keys`, and whether it beats the vectors."""
    found = parts(record, "experiments", "baselines")
    if not found or "V3_seed" not in found["rows"][0]:
        return ""
    own, *others = found["rows"]
    pieces = []
    for key in keys:
        values = [(row["name"], row[key]) for row in others if row[key] is not None]
        if own[key] is None or not values:
            continue
        out_of = "" if key in RANKS else f" of {number(found['of'][key])}"
        listed = listing([f"a {name} reaches {number(value)}{out_of}" for name, value in values])
        best = min(value for _, value in values) if key in RANKS else max(value for _, value in values)
        ahead = best < own[key] if key in RANKS else best > own[key]
        judged = (
            "words alone beat the vectors"
            if ahead
            else "words alone do as well"
            if best == own[key]
            else "fewer than the vectors"
        )
        if judged.startswith("fewer") and key in RANKS:
            judged = "a worse rank than the vectors'"
        pieces.append(f"{_WHAT[key].capitalize()} on words alone: {listed}: {judged}.")
    return " ".join(pieces)
