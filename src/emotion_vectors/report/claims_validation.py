"""Sentences about Figure 1 (implicit scenarios)."""

from __future__ import annotations

from typing import Any

from emotion_vectors.report.claims_baselines import heldout_seen, layers_seen, together_seen, words_reach
from emotion_vectors.report.published import CRITERIA, PAPER_MODEL, PAPER_SCENARIOS_CENTRED, Reported
from emotion_vectors.report.requirements import parts
from emotion_vectors.report.wording import fixed, number, p_value, shortened

Record = dict[str, Any]


def null_sentence(criterion: dict[str, Any]) -> str:
    """What the criterion's own null gives, or that it has none."""
    null, whole = criterion.get("null"), criterion.get("of")
    if criterion["verdict"] == "not asked":
        return f"{criterion['id']} is not asked in this run."
    if not null:
        return f"{criterion['id']} has no null in this run."
    value = number(null["value"]) if null.get("value") is not None else "not available"
    out_of = f" of {number(whole)}" if whole is not None else ""
    tail = f" ({p_value(null['p'])})" if null.get("p") is not None else ""
    return f"{criterion['id']}, {null['what']}: {value}{out_of}{tail}."


def missing(record: Record, name: str) -> str:
    """Why the criterion `name` was not asked, or "" where it was."""
    criterion = record["criteria"][name]
    return f"{name} is not asked. {criterion['reason']}" if criterion["verdict"] == "not asked" else ""


def reported(value: Reported | None) -> str:
    """A published value as text: 57 of 171, 0.85."""
    if value is None:
        return "no value"
    return f"{number(value.value)} of {value.of}" if value.of is not None else number(value.value)


def scenarios_seen(record: Record) -> str:
    """How often the intended probe is the highest, raw and centred, and which targets are missed."""
    scenarios = parts(record, "experiments", "scenarios")
    if not scenarios.get("items"):
        return missing(record, "V3") or "This run has no scenarios."
    whole, pieces = len(scenarios["items"]), []
    for kind, label in (("raw", "with raw cosines"), ("centred", "after the mean of the scenario set is subtracted")):
        ranks = scenarios[f"ranks_{kind}"]
        first = sum(rank == 1 for rank in ranks)
        pieces.append(f"{first} of {whole} scenarios {label} (mean rank {fixed(sum(ranks) / whole)})")
    missed = [
        item["emotion"] for item, rank in zip(scenarios["items"], scenarios["ranks_raw"], strict=True) if rank > 1
    ]
    tail = f" Missed with raw cosines: {shortened(missed)}." if missed else ""
    first = (
        f"The intended probe is the highest of {len(scenarios['emotions'])} in {pieces[0]} and in {pieces[1]}.{tail}"
    )
    return " ".join(
        filter(None, (first, together_seen(record), heldout_seen(record), words_reach(record, ("V3", "V4"))))
    )


def scenarios_chance(record: Record) -> str:
    """Guessing, and the nulls of V3 and V4."""
    scenarios = parts(record, "experiments", "scenarios")
    if not scenarios.get("items"):
        return "Nothing to compare."
    probes = len(scenarios["emotions"])
    whole = len(scenarios["items"])
    guess = f"Guessing puts the intended probe first in {number(whole / probes)} of {whole} and at mean rank {fixed((probes + 1) / 2, 1)}."
    nulls = f"{null_sentence(record['criteria']['V3'])} {null_sentence(record['criteria']['V4'])}{_alone(scenarios)}"
    return f"{guess} {nulls} {layers_seen(record)}".strip()


def _alone(scenarios: Record) -> str:
    """The p values of the first list alone, or nothing in a record of an earlier version."""
    if scenarios.get("p_mean_rank_centred") is None:
        return ""
    return (
        f" For the first {number(len(scenarios['items']))} alone: matches raw {p_value(scenarios['p_raw'])}, centred "
        f"{p_value(scenarios['p_centred'])}; mean rank raw {p_value(scenarios['p_mean_rank_raw'])}, centred "
        f"{p_value(scenarios['p_mean_rank_centred'])}."
    )


def scenarios_published(record: Record) -> str:
    """The paper's own matrix and the seed's two versions."""
    first, rank = CRITERIA["V3"], CRITERIA["V4"]
    return (
        f"Paper ({PAPER_MODEL}, read from its Figure 2): {reported(first.paper)}, mean rank {reported(rank.paper)}, and "
        f"{reported(PAPER_SCENARIOS_CENTRED)} after centring. Seed: {reported(first.seed)}, {reported(rank.seed)}; "
        f"corrected by its author: {reported(first.corrected)}, {reported(rank.corrected)}."
    )
