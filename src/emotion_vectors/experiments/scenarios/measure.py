"""V3 and V4: does the vector of the implied emotion respond most to a scenario that never names it?

In: activations (s, l, d) at the response position (the last token before the answer) of s scenarios at l layers, and the
vectors (l, n, d) of n emotions. Out: cosines (probe, scenario) at the analysis layer, raw and with the mean activation of
the set removed; counts and mean ranks at every layer; the same on a second, held-out battery of scenarios.
Source: paper, Figure 2; Hong (2026), section 3.2. The raw cosine of the first twelve is their statistic and keeps Hong's
verdict. Ours is on both batteries together, each centred on its own mean: part of every raw cosine is common to all
prompts, and twelve scenarios are few (the paper's own matrix has 6 of 12 raw, 10 centred).
What it can't tell: centring needs a set of scenarios, so it says nothing about a single text; what words alone reach on the
same statistic stands in `baselines`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments import power
from emotion_vectors.experiments.criteria import Null, Seed, Threshold, chance_of, judge, not_asked, number, scaled
from emotion_vectors.experiments.scenarios.ranking import KINDS, MEAN_RANK, Battery, deals, ranks, summarise, within
from emotion_vectors.experiments.scenarios.record import (
    BestLayer,
    BestOne,
    HeldOut,
    HeldOutItem,
    Item,
    LayerRow,
    Matched,
    Retrieval,
    Scenarios,
    Together,
)
from emotion_vectors.record.base import Measure
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stats import nulls

FULL, MATCH_BAR, RANK_BAR = 12, 8, 3.0
UNCONFIRMED = "there are no held-out scenarios for these emotions"
DEALT = "scenarios with their emotions shuffled"


class Layers(NamedTuple):
    """Place of the analysis layer, whether it was set by hand (only a rule can't have been led by the result), and numbers.

    `numbers` of the layers that there are vectors for; empty: all, from 0.
    """

    analysis: int = 0
    by_hand: bool = False
    numbers: tuple[int, ...] = ()


def run(
    main: Battery,
    heldout: Battery,
    emotions: Sequence[str],
    vectors: np.ndarray,
    layers: Layers,
    resamples: int,
    seed: int,
    *,
    retrieved: Retrieval | None = None,
    detect: bool = False,
) -> tuple[Scenarios, list[Criterion]]:
    """The record's `scenarios` part and V3, V4, from all vectors (l, n, d).

    `retrieved` is what `retrieval` found; `detect` adds what V3 and V4 could have seen.
    """
    # A run on few emotions keeps the scenarios whose emotion it has; the bars are scaled and say so.
    main = main.about(emotions)
    probes = main.emotions
    if len(probes) < 2:
        return _unasked(probes, layers, retrieved)
    rows = vectors[:, [list(emotions).index(emotion) for emotion in probes]]
    tables = [main.cosines(rows[layer], layer) for layer in range(len(rows))]
    raw, centred = tables[layers.analysis]
    targets = main.targets(probes)
    match, match_centred, every = (
        nulls.argmax_match_null(matrix, targets, permutations=resamples, seed=seed)
        for matrix in (raw, centred, np.stack([table for table, _ in tables]))
    )
    numbers = layers.numbers or tuple(range(len(rows)))
    own = every if layers.by_hand else match
    both, asked = together(main, heldout.about(probes), rows, layers, resamples, seed)
    record = Scenarios(
        emotions=probes,
        items=[Item(name=s.name, emotion=s.emotion, prompt=s.prompt) for s in main.scenarios],
        raw=raw.tolist(), centred=centred.tolist(), ranks_raw=match.ranks.tolist(),
        ranks_centred=match_centred.ranks.tolist(), limit=float(np.abs([raw, centred]).max()),
        count_centred=int(match_centred.matches), mean_rank_centred=float(match_centred.mean_rank),
        p_centred=float(nulls.permutation_p(match_centred.matches, match_centred.null_matches)),
        p_mean_rank_centred=float(nulls.permutation_p(match_centred.mean_rank, match_centred.null_mean_rank, "less")),
        p_raw=float(nulls.permutation_p(match.matches, own.null_matches)),
        p_mean_rank_raw=float(nulls.permutation_p(match.mean_rank, own.null_mean_rank, "less")),
        by_layer=_by_layer(every.ranks, numbers), best_layer=_best(every, numbers), layer_set_by_hand=layers.by_hand,
        heldout=held_out(heldout, probes, rows, layers.analysis, resamples, seed), together=both, retrieval=retrieved,
    )  # fmt: skip
    criteria = _criteria(match, record, both)
    if detect:
        criteria = _detect(criteria, asked, bool(both.heldout), seed)
    return record, criteria


def _unasked(probes: Sequence[str], layers: Layers, retrieved: Retrieval | None) -> tuple[Scenarios, list[Criterion]]:
    """The record's part and V3, V4 of a run that has too few emotions of the scenarios to tell them apart."""
    has = f"only '{probes[0]}'" if probes else "none"
    reason = f"Of the emotions that the scenarios imply this run has {has}, and 2 are needed to tell them apart."
    record = Scenarios(
        emotions=list(probes), items=[], raw=[], centred=[], ranks_raw=[], ranks_centred=[], limit=None, count_centred=None,
        p_centred=None, by_layer=[], best_layer=None, layer_set_by_hand=layers.by_hand, heldout=None, together=None,
        retrieval=retrieved,
    )  # fmt: skip
    return record, [not_asked("V3", reason), not_asked("V4", reason)]


def together(
    main: Battery, heldout: Battery, vectors: np.ndarray, layers: Layers, resamples: int, seed: int
) -> tuple[Together, power.Asked]:
    """The statistic of V3 and V4, and what it was asked of: centred ranks of both lists against the emotions of the main one, vectors (l, p, d).

    Each list is centred on its own mean. Chance shuffles the emotions over all scenarios that imply one, of both lists; where
    the layer was set by hand it may choose its best layer as well.
    """
    batteries = [battery for battery in (main, heldout) if len(battery.scenarios)]
    probes = main.emotions
    targets = np.concatenate([battery.targets(probes) for battery in batteries])
    dealt, columns = deals(targets, resamples, seed), np.arange(len(targets))
    every: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    found: dict[str, Measure] = {}
    asked = power.Asked(np.zeros((0, 0)), targets, np.zeros(0), np.zeros(0))
    for layer, rows in enumerate(vectors):
        table = ranks(np.concatenate([battery.cosines(rows, layer)[1] for battery in batteries], axis=1))
        chance = table[dealt, columns]
        every.append((table[targets, columns], (chance == 1).sum(axis=1), chance.mean(axis=1)))
        if layer == layers.analysis:
            measures = (within("matches", 1), MEAN_RANK)
            found = summarise(measures, table[targets, columns], chance, targets, resamples, seed)
            asked = power.Asked(table, targets, (chance == 1).sum(axis=1), chance.mean(axis=1))
    own, matches, mean_rank = (np.stack(part) for part in zip(*every, strict=True))
    chosen = nulls.MatchNull(
        own,
        float((own == 1).sum(1).max()),
        float(own.mean(1).min()),
        matches.max(0).astype(np.float64),
        mean_rank.min(0),
    )
    numbers = layers.numbers or tuple(range(len(vectors)))
    count, mean = found["matches"], found["mean_rank"]
    if layers.by_hand:
        asked = asked._replace(null_first=chosen.null_matches, null_mean=chosen.null_mean_rank)
        count = _allowed(count, chosen.null_matches, "greater")
        mean = _allowed(mean, chosen.null_mean_rank, "less")
    return Together(
        of=len(targets), main=len(main.scenarios), heldout=len(heldout.scenarios), emotions=len(probes), matches=count,
        mean_rank=mean, by_layer=_by_layer(own, numbers), best_layer=_best(chosen, numbers), layer_set_by_hand=layers.by_hand,
    ), asked  # fmt: skip


def _allowed(measure: Measure, null: np.ndarray, better: nulls.Alternative) -> Measure:
    """The measure against chance that may choose its best layer as well."""
    p = nulls.permutation_p(measure.value, null, better)
    return Measure(value=measure.value, interval=measure.interval, null=float(null.mean()), p=float(p))


def _by_layer(table: np.ndarray, numbers: Sequence[int]) -> list[LayerRow]:
    """First ranks and mean rank of each layer, from ranks (l, s)."""
    return [
        LayerRow(layer=layer, matches=int((own == 1).sum()), mean_rank=float(own.mean()))
        for layer, own in zip(numbers, table, strict=True)
    ]


def _criteria(match: nulls.MatchNull, record: Scenarios, both: Together) -> list[Criterion]:
    """V3 and V4 of both lists centred; the raw cosine of the main list keeps Hong's verdict."""
    probes, count = record.emotions, len(record.items)
    what = f"{DEALT}, at the best of {len(both.by_layer)} layers" if both.layer_set_by_hand else DEALT
    # A layer that was set by hand may have been set for its result: then chance may choose as well.
    capped, blocked = "" if both.heldout else UNCONFIRMED, _too_few(len(probes))
    matches, mean_rank = both.matches, both.mean_rank
    v3 = judge(
        "V3", "Implied emotion ranks first", matches.value, (matches.interval[0], matches.interval[1]),
        Null(what, matches.null, matches.p), scaled(MATCH_BAR, int(both.of), FULL),
        "scenarios whose emotion has the highest centred cosine", int(both.of), capped=capped, blocked=blocked,
        note=f"The first {count} alone: raw {number(match.matches)} (p = {number(record.p_raw)}), centred "
        f"{number(record.count_centred)} (p = {number(record.p_centred)}). {_layer_note(both, both.best_layer.matches)}".strip(),
        seed=Seed(match.matches, scaled(MATCH_BAR, count, FULL), "scenarios whose emotion has the highest raw cosine", count),
    )  # fmt: skip
    v4 = judge(
        "V4", "Mean rank of the implied emotion", mean_rank.value, (mean_rank.interval[0], mean_rank.interval[1]),
        Null(what, mean_rank.null, mean_rank.p), rank_bar(len(probes)),
        f"is the mean rank among {len(probes)} probes by centred cosine, over {both.of} scenarios", capped=capped, blocked=blocked,
        note=f"The first {count} alone: raw {number(match.mean_rank)} (p = {number(record.p_mean_rank_raw)}), centred "
        f"{number(record.mean_rank_centred)} (p = {number(record.p_mean_rank_centred)}). "
        f"{_layer_note(both, both.best_layer.mean_rank)}".strip(),
        seed=Seed(match.mean_rank, rank_bar(len(probes)), f"is the mean rank among {len(probes)} probes by raw cosine"),
    )  # fmt: skip
    return [v3, v4]


def held_out(
    battery: Battery, probes: Sequence[str], vectors: np.ndarray, layer: int, resamples: int, seed: int
) -> HeldOut | None:
    """The second battery against the same probes, vectors (l, p, d); None with fewer than 2 of their emotions."""
    kept = battery.about(probes)
    if len(kept.emotions) < 2:
        return None
    targets = kept.targets(probes)
    dealt, columns = deals(targets, resamples, seed), np.arange(len(targets))
    measured: dict[str, Matched] = {}
    ranked: dict[str, np.ndarray] = {}
    for kind, cosines in zip(KINDS, kept.cosines(vectors[layer], layer), strict=True):
        table = ranks(cosines)
        ranked[kind] = table[targets, columns]
        measures = (within("matches", 1), MEAN_RANK)
        measured[kind] = Matched(**summarise(measures, ranked[kind], table[dealt, columns], targets, resamples, seed))
    items = [
        HeldOutItem(name=scenario.name, emotion=scenario.emotion, rank_raw=float(raw), rank_centred=float(centred))
        for scenario, raw, centred in zip(kept.scenarios, ranked["raw"], ranked["centred"], strict=True)
    ]
    return HeldOut(of=len(targets), emotions=len(probes), raw=measured["raw"], centred=measured["centred"], items=items)


def _detect(criteria: Sequence[Criterion], asked: power.Asked, confirmed: bool, seed: int) -> list[Criterion]:
    """V3 and V4 with what they could have seen; with too few emotions or without a held-out list neither can pass."""
    blocked = _too_few(len(asked.table)) or ("" if confirmed else UNCONFIRMED)
    bars = scaled(MATCH_BAR, len(asked.targets), FULL), rank_bar(len(asked.table))
    first, mean = (power.Judged(chance_of(one), bar, blocked) for one, bar in zip(criteria, bars, strict=True))
    smallest = power.implied((first, mean), asked, seed)
    return [one.with_detectable(effect) for one, effect in zip(criteria, smallest, strict=True)]


def _too_few(emotions: int) -> str:
    """Why scenarios of so few emotions can't carry a verdict, or "" where they can: one in `emotions`! shuffles leaves all as it is."""
    best = 1 / math.factorial(emotions)
    if best <= power.ALPHA:
        return ""
    return f"this run has too few of the scenarios' emotions: even with all {emotions} first in each of theirs p would be {number(best)}"


def _best(every: nulls.MatchNull, numbers: Sequence[int]) -> BestLayer:
    """The layer with the most matches and the one with the best mean rank, against chance that may choose one as well."""
    matches, mean_rank = (every.ranks == 1).sum(axis=1), every.ranks.mean(axis=1)
    return BestLayer(
        matches=BestOne(
            layer=numbers[int(matches.argmax())], value=int(every.matches), null=float(every.null_matches.mean()),
            p=float(nulls.permutation_p(every.matches, every.null_matches)),
        ),
        mean_rank=BestOne(
            layer=numbers[int(mean_rank.argmin())], value=float(every.mean_rank), null=float(every.null_mean_rank.mean()),
            p=float(nulls.permutation_p(every.mean_rank, every.null_mean_rank, "less")),
        ),
    )  # fmt: skip


def _layer_note(both: Together, best: BestOne) -> str:
    """Who chose the layer, what follows for p, and what the best layer gives."""
    count = len(both.by_layer)
    if count < 2:
        return ""
    who = (
        "The layer was set by hand, so that p allows for a choice among all layers."
        if both.layer_set_by_hand
        else "The layer is set by a rule that sees no result, so p needs no allowance for a choice."
    )
    return (
        f"{who} The best of {count} layers, {best.layer}, gives {number(best.value)} "
        f"(p = {number(best.p)} with the choice allowed for)."
    )


def rank_bar(probes: int) -> Threshold:
    """Hong's bar of 3.0 among 12 probes, at the same place between the best rank, 1, and the worst for fewer."""
    if probes == FULL:
        return Threshold(RANK_BAR, "at most")
    value = round(1 + (RANK_BAR - 1) * (probes - 1) / (FULL - 1), 2)
    return Threshold(
        value, "at most", f"Hong's bar of {RANK_BAR:.1f} among {FULL} probes is scaled to {value} among {probes}."
    )
