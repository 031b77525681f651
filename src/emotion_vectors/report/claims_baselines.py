"""Sentences about the controls of the scenario tests: layers, held-out scenarios, retrieval, and the words alone."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.checks_controls import COMPARED, RANKS
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.wording import fixed, interval, listing, number, p_value

Record = dict[str, Any]


def heldout_seen(record: Record) -> str:
    """How often the intended probe is the highest for the second battery; "" where there is none."""
    found = parts(record, "experiments", "scenarios", "heldout")
    if not found:
        return ""
    raw, centred = found["raw"]["matches"], found["centred"]["matches"]
    return (
        f"For {number(found['of'])} held-out scenarios it is the highest in {number(raw['value'])} (95 % interval "
        f"{interval(raw['interval'])}; chance {number(raw['null'])}, {p_value(raw['p'])}), mean rank "
        f"{fixed(found['raw']['mean_rank']['value'])}; centred in {number(centred['value'])}."
    )


def together_seen(record: Record) -> str:
    """The statistic of V3 and V4: both lists together, centred; "" in a record of an earlier version."""
    both = parts(record, "experiments", "scenarios", "together")
    if not both:
        return ""
    matches, mean_rank = both["matches"], both["mean_rank"]
    return (
        f"Over these and the held-out ones together, each list centred, which gives the verdict, it is the highest in "
        f"{number(matches['value'])} of {number(both['of'])} (95 % interval {interval(matches['interval'])}; chance "
        f"{number(matches['null'])}, {p_value(matches['p'])}), mean rank {fixed(mean_rank['value'])} (95 % interval "
        f"{interval(mean_rank['interval'], 2)}; chance {fixed(mean_rank['null'])}, {p_value(mean_rank['p'])})."
    )


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


def retrieval_seen(record: Record) -> str:
    """Where the implied emotion stands among all; "" where this was not asked."""
    found = parts(record, "experiments", "scenarios", "retrieval")
    if not found:
        return ""
    raw = found["raw"]
    valence = ""
    if "valence" in raw:
        valence = (
            f" The first emotion has the right valence for {number(raw['valence']['value'])} "
            f"(chance {number(raw['valence']['null'])}, {p_value(raw['valence']['p'])})."
        )
    return (
        f"Among all {number(found['emotions'])} emotions the implied one is first for {number(raw['top1']['value'])} of "
        f"{number(found['of'])} scenarios (chance {number(raw['top1']['null'])}, {p_value(raw['top1']['p'])}) and among the "
        f"first ten for {number(raw['top10']['value'])} (chance {number(raw['top10']['null'])}); its mean rank is "
        f"{fixed(raw['mean_rank']['value'], 1)} (chance {fixed(raw['mean_rank']['null'], 1)}).{valence}"
    )


def layers_seen(record: Record) -> str:
    """Who chose the layer, and what the best layer gives when chance may choose as well; "" for a single layer."""
    scenarios = parts(record, "experiments", "scenarios")
    rows, best = scenarios.get("by_layer") or [], parts(scenarios, "best_layer", "matches")
    if len(rows) < 2 or not best:
        return ""
    who = "was set by hand" if scenarios["layer_set_by_hand"] else "follows a rule that sees no result"
    return (
        f"The analysis layer {who}; over all {number(len(rows))} layers the raw matches of the first scenarios run from "
        f"{number(min(row['matches'] for row in rows))} to {number(best['value'])} at layer {number(best['layer'])} "
        f"({p_value(best['p'])} against the best layer of chance, {number(best['null'])})."
    )


def reached(record: Record, name: str) -> list[str]:
    """The criteria in which the representation `name` does as well as the residual stream."""
    rows = parts(record, "experiments", "baselines")["rows"]
    own, other = rows[0], next(row for row in rows if row["name"] == name)
    known = [key for key in COMPARED if own[key] is not None and other[key] is not None]
    return [key for key in known if (other[key] <= own[key] if key in RANKS else other[key] >= own[key])]


def words_seen(record: Record) -> str:
    """How much of the criteria the words alone give; "" where this was not asked."""
    found = parts(record, "experiments", "baselines")
    if not found:
        return ""
    pieces = []
    for row in found["rows"][1:]:
        names = reached(record, row["name"])
        which = f" ({', '.join(names)})" if names else ""
        pieces.append(f"a {row['name']} does as well as the {found['rows'][0]['name']} in {number(len(names))}{which}")
    compared = sum(found["rows"][0][key] is not None for key in COMPARED)
    return f"Of {number(compared)} criteria, on the words of the same stories and prompts alone, {listing(pieces)}."
