"""The response position on the page: Figure P, its sentences and table, and what its part of the record must agree on."""

from __future__ import annotations

import numpy as np

from emotion_vectors.experiments.response_position.figures import NAMES, position_chart, position_rows, title
from emotion_vectors.experiments.response_position.measure import PAIRS, PUBLISHED, measure
from emotion_vectors.experiments.response_position.record import Agreed, PositionPair, ProbeSet, ResponsePosition
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import require, require_close
from emotion_vectors.report.published import OTHERS_POSITIONS, PAPER_POSITIONS
from emotion_vectors.report.topic import Cell, Figure, Section, Shade, Table, TableOf, Topic
from emotion_vectors.report.wording import count, fixed, interval, listing, number, p_value
from emotion_vectors.stats.agreement import table_r

MISSING = "Not measured (older run): this record has nothing about the response position. A new run measures it."
NEVER = "has no spread, so there is no r"


def seen(record: Record) -> str:
    """The three agreements of all probes, over all cells and within the probes."""
    part = record.part(ResponsePosition)
    if part is None or not part.sets:
        return ""
    first = part.sets[0]
    pieces = [
        f"{count(first.of_probes, 'probe')} at layer {part.layer} over {count(first.of_prompts, 'scenario')}: "
        + "; ".join(f"{title(pair.first, pair.second)} {_told(pair)}" for pair in first.pairs)
        + "."
    ]
    for pair in first.pairs:
        if pair.within is not None:
            pieces.append(f"{title(pair.first, pair.second).capitalize()}: {_judged(pair.within)}.")
    if part.silent:
        pieces.append(f"{count(part.silent, 'scenario')} without an answer, because it ended at once, left out.")
    return " ".join(pieces)


def _told(pair: PositionPair) -> str:
    """Both r of a pair with their intervals."""
    whole, inside = pair.pooled, pair.within
    told = f"r = {fixed(whole.r)} (95 % interval {interval(whole.interval, 2)})" if whole else NEVER
    return told + (
        f", within the probes {fixed(inside.r)} ({interval(inside.interval, 2)})"
        if inside
        else f", within the probes it {NEVER}"
    )


def _judged(found: Agreed) -> str:
    """Whether prompts are told apart alike at both positions, and whether emotion probes do it more than any direction."""
    if found.p > 0.05 or found.interval[0] <= 0:
        zero = "" if found.p > 0.05 else "the interval does not lie above 0, "
        return f"within the probes no agreement beyond shuffled scenarios is shown ({zero}{p_value(found.p)})"
    random = found.random
    if random is None:
        return f"within the probes more than shuffled scenarios give ({p_value(found.p)})"
    low, high = found.interval
    if random.high is not None and low > random.high:
        told = "and more than random directions give"
    elif random.low is not None and high < random.low:
        told = "and less than random directions give"
    else:
        told = "and not clearly more than random directions give"
    return f"within the probes more than shuffled scenarios give ({p_value(found.p)}), {told}"


def chance(record: Record) -> str:
    """What shuffled scenarios and random directions give."""
    part = record.part(ResponsePosition)
    if part is None or not part.sets:
        return ""
    pieces = []
    for pair in part.sets[0].pairs:
        both = [
            (name, one)
            for name, one in (("over all cells", pair.pooled), ("within the probes", pair.within))
            if one is not None
        ]
        told = [
            f"{name} {fixed(one.shuffled)} with the scenarios shuffled ({p_value(one.p)})"
            + (f" and {fixed(one.random.mean)} with random directions ({_band(one)})" if one.random else "")
            for name, one in both
        ]
        if told:
            pieces.append(f"{title(pair.first, pair.second).capitalize()}: {listing(told)}.")
    pieces.append(
        "Over all cells r is high by chance, because a probe that reads high everywhere does so at both positions; within the probes "
        "this is removed. Random directions show what neighbouring positions share in any direction."
    )
    return " ".join(pieces)


def _band(one: Agreed) -> str:
    return interval([one.random.low, one.random.high], 2) if one.random and one.random.low is not None and one.random.high is not None else ""  # fmt: skip


def published(_: Record) -> str:
    """What the paper and reproductions report."""
    told = "; ".join(f"{title(*pair)} r = {fixed(value)}" for pair, value in PAPER_POSITIONS.items())
    others = "; ".join(
        f"{title(*pair)} {listing([fixed(value) for value in values])}" for pair, values in OTHERS_POSITIONS.items()
    )
    return (
        f"Paper (8 prompts, {listing(list(PUBLISHED))}; over all cells, without an interval): {told}. Reproductions with Llama 3.3 70B: "
        f"{others}. Hong (2026): not done."
    )


def agreement_table(record: Record) -> Table | None:
    """Every set of prompts and probes, and every pair of positions."""
    part = record.part(ResponsePosition)
    if part is None or not part.sets:
        return None
    rows = tuple(_row(one, pair) for one in part.sets for pair in one.pairs)
    columns = ("Prompts and probes", "Positions", "r over all cells (95 %)", "Shuffled", "Random directions", "r within the probes (95 %)", "Shuffled", "Random directions", "Paper")  # fmt: skip
    note = (
        f"Answers are greedy, {number(part.tokens)} tokens at most. Interval: scenarios resampled. Shuffled: mean r with the "
        "scenarios of one "
        "position shuffled, and p. Random directions: middle 95 % over sets of the same number. The paper used other prompts and "
        "another model."
    )
    return Table("Probes at the user's last token, at the response position and in the answer", columns, rows, note)


def _row(one: ProbeSet, pair: PositionPair) -> tuple[Cell, ...]:
    probes = "all" if one.probes == "all" else "the paper's"
    cells = [
        Cell(f"{one.prompts} ({number(one.of_prompts)}), {probes} ({number(one.of_probes)})"),
        Cell(title(pair.first, pair.second)),
    ]
    for found in (pair.pooled, pair.within):
        if found is None:
            cells += [Cell("no spread", "number")] * 3
            continue
        cells += [
            Cell(f"{fixed(found.r)} ({interval(found.interval, 2)})", "number"),
            Cell(f"{fixed(found.shuffled)} ({p_value(found.p)})", "number"), Cell(_band(found) or "not available", "number"),
        ]  # fmt: skip
    return (*cells, Cell(fixed(PAPER_POSITIONS[pair.first, pair.second]), "number"))


def by_emotion(record: Record) -> dict[str, float]:
    """Pearson r of each emotion's cosines at the user's last token and at the response position, over the scenarios."""
    part = record.part(ResponsePosition)
    return dict(part.by_emotion) if part else {}


def by_emotion_note(record: Record) -> str:
    """What shuffled scenarios and random directions give, all probes together."""
    part = record.part(ResponsePosition)
    inside = part.sets[0].pairs[0].within if part and part.sets else None
    what = "Pearson r over the scenarios of an emotion's cosine at the user's last token and at the response position."
    return what if inside is None else f"{what} All emotions together: {_judged(inside)}."


def contradictions(record: Record) -> None:
    """Refuse an r that the record's own cosines deny, and counts that the lists deny."""
    part = record.part(ResponsePosition)
    if part is None:
        return
    require(part.first_list <= len(part.prompts), "The first list has more prompts than both.")
    for prompt in part.prompts:
        require(0 < prompt.tokens <= part.tokens, f"The answer to '{prompt.name}' has {prompt.tokens} tokens.")
        for name in NAMES:
            require(
                len(getattr(prompt, name)) == len(part.shown), f"'{prompt.name}' lacks probes at the {NAMES[name]}."
            )
    for place, emotion in enumerate(part.shown):
        if emotion in part.by_emotion:
            user, response = (
                np.array([[getattr(row, name)[place]] for row in part.prompts]) for name in ("user", "response")
            )
            require_close(
                part.by_emotion[emotion], table_r(user, response, True), 1e-6, f"r of '{emotion}' over the scenarios"
            )
    for one in part.sets:
        require(tuple((pair.first, pair.second) for pair in one.pairs) == PAIRS, "A set lacks a pair of positions.")
        rows = part.prompts if one.prompts == "both lists" else part.prompts[: int(part.first_list)]
        require(one.of_prompts == len(rows), f"A set has {one.of_prompts} prompts and the record {len(rows)}.")
        if one.probes == "published":
            _check_set(one, {name: np.array([getattr(row, name) for row in rows]) for name in NAMES})
        here = next((row for row in part.by_layer if row.layer == part.layer), None)
        if (one.prompts, one.probes) == ("both lists", "all") and here is not None:
            for pair, whole, inside in zip(one.pairs, here.pooled, here.within, strict=True):
                what = title(pair.first, pair.second)
                require_close(pair.pooled and pair.pooled.r, whole, 1e-6, f"r by layer, {what}")
                require_close(pair.within and pair.within.r, inside, 1e-6, f"r within the probes by layer, {what}")


def _check_set(one: ProbeSet, tables: dict[str, np.ndarray]) -> None:
    """The published probes' r are those of the cosines in the record."""
    require(one.of_probes == tables["user"].shape[1], f"A set of {one.of_probes} probes has other cosines.")
    for pair in one.pairs:
        for name, found, inside in (("over all cells", pair.pooled, False), ("within the probes", pair.within, True)):
            own = table_r(tables[pair.first], tables[pair.second], inside)
            if found is not None and not np.isnan(own):
                require_close(found.r, own, 1e-6, f"r {name}, {title(pair.first, pair.second)},")


TOPIC = Topic(
    "response_position", "The response position", parts=(ResponsePosition,), measure=measure, contradictions=contradictions,
    shades=(Shade("User's end and response position (r)", by_emotion, by_emotion_note),),
    sections=(Section("response_position", "The response position", "Response position", missing=MISSING),),
    figures=(
        Figure(
            "P", "Probes where the user ends, where the answer begins, and in the answer", position_chart, position_rows, seen, chance,
            published, "response_position",
        ),
    ),
    tables=(TableOf(agreement_table, "response_position"),),
)  # fmt: skip
