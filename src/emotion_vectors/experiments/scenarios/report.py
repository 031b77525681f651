"""The implicit scenarios on the page: Figure 1, the table of the other lists, and the sentences about them."""

from __future__ import annotations

from emotion_vectors.experiments.baselines.report import words_reach
from emotion_vectors.experiments.scenarios.contradictions import COUNTS, contradictions
from emotion_vectors.experiments.scenarios.figures import scenario_rows, scenarios_chart
from emotion_vectors.experiments.scenarios.record import Scenarios
from emotion_vectors.record import Record
from emotion_vectors.record.base import Measure
from emotion_vectors.report.criteria import missing, null_sentence, reported
from emotion_vectors.report.published import CRITERIA, PAPER_MODEL, PAPER_SCENARIOS_CENTRED
from emotion_vectors.report.run_tables import counted
from emotion_vectors.report.topic import Card, Cell, Choice, Figure, Table, TableOf, Topic
from emotion_vectors.report.wording import fixed, interval, number, p_value, shortened

QUESTION = "Can emotions be read from a text?"
_MEASURES = {
    "matches": "implied emotion first", "top1": "implied emotion first", "top10": "among the first ten",
    "mean_rank": "mean rank", "reciprocal_rank": "median reciprocal rank", "valence": "first emotion of the right valence",
}  # fmt: skip


def has_items(record: Record) -> bool | None:
    """Whether the record has a scenario; None where it has no such part."""
    if "scenarios" not in record.experiments:
        return None
    scenarios = record.part(Scenarios)
    return scenarios is not None and bool(scenarios.items)


def abstract(record: Record) -> str:
    """How often the intended probe is the highest, by the statistic that the verdict is about."""
    found = record.part(Scenarios)
    if found is None or not found.items:
        return ""
    both = found.together
    if both is not None:
        matches, mean_rank = both.matches, both.mean_rank
        return (
            f"Of {number(both.of)} texts that imply an emotion without naming it, in {number(matches.value)} the intended probe is the highest of "
            f"{both.emotions} ({_beside_chance(matches)}); its mean rank is "
            f"{fixed(mean_rank.value)} ({_beside_chance(mean_rank, 2)}). {words_reach(record, ('V3', 'V4'))}".rstrip()
        )
    first, centred = (sum(rank == 1 for rank in ranks) for ranks in (found.ranks_raw, found.ranks_centred))
    whole = len(found.items)
    return (
        f"The intended probe is the highest in {first} of {whole} texts that imply an emotion without naming it "
        f"({centred} of {whole} after centring; guessing gives 1 of {len(found.emotions)})."
    )


def method(record: Record) -> list[Choice]:
    """The choices of the scenario tests."""
    found = record.part(Scenarios)
    rows = [counted("Implicit scenarios", 12, "12", None if found is None else len(found.items))]
    if found is not None and found.together is not None:
        value = f"{number(found.together.of)}, centred"
        rows.append(Choice("Scenarios for the verdict", "12, raw cosine", "12, raw cosine", value, None))
    return rows


def scenarios_seen(record: Record) -> str:
    """How often the intended probe is the highest, raw and centred, and which targets are missed."""
    found = record.part(Scenarios)
    if found is None or not found.items:
        return missing(record, "V3") or "This run has no scenarios."
    whole, pieces = len(found.items), []
    for ranks, label in (
        (found.ranks_raw, "with raw cosines"),
        (found.ranks_centred, "after the mean of the scenario set is subtracted"),
    ):
        first = sum(rank == 1 for rank in ranks)
        pieces.append(f"{first} of {whole} scenarios {label} (mean rank {fixed(sum(ranks) / whole)})")
    missed = [item.emotion for item, rank in zip(found.items, found.ranks_raw, strict=True) if rank > 1]
    tail = f" Missed with raw cosines: {shortened(missed)}." if missed else ""
    first = f"The intended probe is the highest of {len(found.emotions)} in {pieces[0]} and in {pieces[1]}.{tail}"
    return " ".join(filter(None, (first, together_seen(found), heldout_seen(found), words_reach(record, ("V3", "V4")))))


def together_seen(found: Scenarios) -> str:
    """The statistic of V3 and V4: both lists together, centred; "" in a record of an earlier version."""
    both = found.together
    if both is None:
        return ""
    matches, mean_rank = both.matches, both.mean_rank
    return (
        f"Over these and the held-out ones together, with each list centred (this gives the verdict), it is the highest in "
        f"{number(matches.value)} of {number(both.of)} ({_beside_chance(matches)}), mean rank {fixed(mean_rank.value)} "
        f"({_beside_chance(mean_rank, 2)})."
    )


def _beside_chance(measure: Measure, decimals: int | None = None) -> str:
    null = number(measure.null) if decimals is None else fixed(measure.null, decimals)
    return f"95 % interval {interval(measure.interval, decimals)}; chance {null}, {p_value(measure.p)}"


def heldout_seen(found: Scenarios) -> str:
    """How often the intended probe is the highest for the second battery; "" where there is none."""
    second = found.heldout
    if second is None:
        return ""
    raw, centred = second.raw.matches, second.centred.matches
    return (
        f"For {number(second.of)} held-out scenarios it is the highest in {number(raw.value)} (95 % interval "
        f"{interval(raw.interval)}; chance {number(raw.null)}, {p_value(raw.p)}), mean rank "
        f"{fixed(second.raw.mean_rank.value)}; centred in {number(centred.value)}."
    )


def scenarios_chance(record: Record) -> str:
    """Guessing, and the nulls of V3 and V4."""
    found = record.part(Scenarios)
    if found is None or not found.items:
        return "Nothing to compare."
    probes, whole = len(found.emotions), len(found.items)
    guess = f"Guessing puts the intended probe first in {number(whole / probes)} of {whole} and at mean rank {fixed((probes + 1) / 2, 1)}."
    nulls = f"{null_sentence(record.criteria['V3'])} {null_sentence(record.criteria['V4'])}{_alone(found)}"
    return f"{guess} {nulls} {layers_seen(record)}".strip()


def _alone(found: Scenarios) -> str:
    """The p values of the first list alone, or nothing in a record of an earlier version."""
    if found.p_mean_rank_centred is None:
        return ""
    return (
        f" For the first {number(len(found.items))} alone: matches raw {p_value(found.p_raw)}, centred "
        f"{p_value(found.p_centred)}; mean rank raw {p_value(found.p_mean_rank_raw)}, centred "
        f"{p_value(found.p_mean_rank_centred)}."
    )


def layers_seen(record: Record) -> str:
    """Who chose the layer, and what the best layer gives when chance may choose as well; "" for a single layer."""
    found = record.part(Scenarios)
    if found is None or found.best_layer is None or len(found.by_layer) < 2:
        return ""
    best = found.best_layer.matches
    who = "was set by hand" if found.layer_set_by_hand else "follows a rule that sees no result"
    return (
        f"The analysis layer {who}; over all {number(len(found.by_layer))} layers the raw matches of the first scenarios run from "
        f"{number(min(row.matches for row in found.by_layer))} to {number(best.value)} at layer {number(best.layer)} "
        f"({p_value(best.p)} against the best layer of chance, {number(best.null)})."
    )


def scenarios_published(_: Record) -> str:
    """The paper's own matrix and Hong's two versions."""
    first, rank = CRITERIA["V3"], CRITERIA["V4"]
    return (
        f"Paper ({PAPER_MODEL}, read from its Figure 2): {reported(first.paper)}, mean rank {reported(rank.paper)}, and "
        f"{reported(PAPER_SCENARIOS_CENTRED)} after centring. Hong (2026): {reported(first.seed)}, {reported(rank.seed)}; "
        f"corrected later: {reported(first.corrected)}, {reported(rank.corrected)}."
    )


def retrieval_seen(record: Record) -> str:
    """Where the implied emotion stands among all; "" where this was not asked."""
    scenarios = record.part(Scenarios)
    found = scenarios.retrieval if scenarios else None
    if found is None:
        return ""
    raw, valence = found.raw, ""
    if raw.valence is not None:
        valence = (
            f" The first emotion has the right valence for {number(raw.valence.value)} "
            f"(chance {number(raw.valence.null)}, {p_value(raw.valence.p)})."
        )
    return (
        f"Among all {number(found.emotions)} emotions the implied one is first for {number(raw.top1.value)} of "
        f"{number(found.of)} scenarios (chance {number(raw.top1.null)}, {p_value(raw.top1.p)}) and among the "
        f"first ten for {number(raw.top10.value)} (chance {number(raw.top10.null)}); its mean rank is "
        f"{fixed(raw.mean_rank.value, 1)} (chance {fixed(raw.mean_rank.null, 1)}).{valence}"
    )


def battery_table(record: Record) -> Table | None:
    """Every measure of the held-out scenarios and of the retrieval, raw and centred; None without them."""
    scenarios = record.part(Scenarios)
    if scenarios is None:
        return None
    rows, both = [], scenarios.together
    if both is not None:
        ours = {"matches": both.matches, "mean_rank": both.mean_rank}
        rows += _measure_rows("Both lists together (V3, V4)", "centred", both.of, ours)
    for title, found in (
        ("Held-out scenarios", scenarios.heldout),
        ("One scenario for each emotion", scenarios.retrieval),
    ):
        if found is not None:
            rows += _measure_rows(title, "raw", found.of, found.raw.named())
            rows += _measure_rows(title, "centred", found.of, found.centred.named())
    if not rows:
        return None
    note = (
        "Each list is centred on its own mean. The held-out scenarios are compared with the probes of V3, the others with all "
        "emotions of the run. Intervals "
        "resample emotions with all their scenarios and are widened to Wilson's for counts; chance and p shuffle the emotions over "
        "the scenarios, which varies less, so p can be small where the interval is close to chance."
    )
    columns = ("Test", "Value", "95 % interval", "Chance", "p")
    sentences = (retrieval_seen(record), layers_seen(record), note)
    return Table("Held-out scenarios and retrieval", columns, tuple(rows), " ".join(filter(None, sentences)))


def _measure_rows(title: str, kind: str, of: float, measures: dict[str, Measure]) -> list[tuple[Cell, ...]]:
    return [
        (
            Cell(f"{title}, {_MEASURES[name]}, {kind}"),
            Cell(
                f"{number(one.value)} of {number(of)}" if name in COUNTS else fixed(one.value, _decimals(one.value)),
                "number",
            ),
            Cell(interval(one.interval, None if name in COUNTS else _decimals(one.value)), "number"),
            Cell(number(one.null) if name in COUNTS else fixed(one.null, _decimals(one.value)), "number"),
            Cell(p_value(one.p), "number"),
        )
        for name, one in measures.items()
    ]


def _decimals(value: float) -> int:
    """The same for a value, its interval and chance, so that they can be compared: reciprocal ranks are small."""
    return 2 if value >= 1 else 4


TOPIC = Topic(
    "scenarios", "Implicit scenarios", parts=(Scenarios,),
    criteria=(
        Card("V3", "Implied emotion ranks first", QUESTION, CRITERIA["V3"], has_data=has_items),
        Card("V4", "Mean rank of the implied emotion", QUESTION, CRITERIA["V4"], has_data=has_items, lower_is_better=True),
    ),
    figures=(Figure(
        1, "Texts that imply an emotion without naming it", scenarios_chart, scenario_rows,
        scenarios_seen, scenarios_chance, scenarios_published,
    ),),
    tables=(TableOf(battery_table, place=50),), contradictions=contradictions, abstract=abstract, method=method,
)  # fmt: skip
