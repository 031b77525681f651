"""V3 and V4: does the vector of the implied emotion respond most to a scenario that never names it?

In: activations (s, l, d) at the response position (the last token before the answer) of s scenarios at l layers, and the
vectors (l, n, d) of n emotions. Out: cosines (probe, scenario) at the analysis layer, raw and with the mean activation of
the set removed; counts and mean ranks at every layer; the same on a second, held-out battery of scenarios.
Source: paper, Figure 2; seed report section 3.2. The raw cosine is the paper's statistic and gives the criteria. The
held-out battery is ours: V3 and V4 pass only where it is beyond chance too.
What it can't tell: part of every raw cosine is common to all prompts; twelve scenarios are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.experiments import power
from emotion_vectors.experiments.criteria import Null, Threshold, judge, not_asked, number, scaled
from emotion_vectors.experiments.ranking import KINDS, MEAN_RANK, Battery, deals, ranks, summarise, within
from emotion_vectors.stats import intervals, nulls

FULL, MATCH_BAR, RANK_BAR = 12, 8, 3.0
ALPHA = 0.05
DEALT = "scenarios with their emotions dealt out at random"


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
    detect: bool = False,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record's `scenarios` part and V3, V4, from all vectors (l, n, d); `detect` adds what they could have seen."""
    # A run on few emotions keeps the scenarios whose emotion it has; the bars are scaled and say so.
    main = main.about(emotions)
    probes = main.emotions
    if len(probes) < 2:
        return _unasked(probes, layers)
    rows = vectors[:, [list(emotions).index(emotion) for emotion in probes]]
    tables = [main.cosines(rows[layer], layer) for layer in range(len(rows))]
    raw, centred = tables[layers.analysis]
    targets = main.targets(probes)
    match, match_centred, every = (
        nulls.argmax_match_null(matrix, targets, permutations=resamples, seed=seed)
        for matrix in (raw, centred, np.stack([table for table, _ in tables]))
    )
    second = held_out(heldout, probes, rows, layers.analysis, resamples, seed)
    numbers = layers.numbers or tuple(range(len(rows)))
    centred_p = float(nulls.permutation_p(match_centred.matches, match_centred.null_matches))
    record = {
        "emotions": probes,
        "items": [{"name": s.name, "emotion": s.emotion, "prompt": s.prompt} for s in main.scenarios],
        "raw": raw.tolist(), "centred": centred.tolist(), "ranks_raw": match.ranks.tolist(),
        "ranks_centred": match_centred.ranks.tolist(), "limit": float(np.abs([raw, centred]).max()),
        "count_centred": int(match_centred.matches), "p_centred": centred_p,
        "by_layer": [
            {"layer": layer, "matches": int((own == 1).sum()), "mean_rank": float(own.mean())}
            for layer, own in zip(numbers, every.ranks, strict=True)
        ],
        "best_layer": _best(every, numbers), "layer_set_by_hand": layers.by_hand, "heldout": second,
    }  # fmt: skip
    criteria = _criteria(match, match_centred, every, record, resamples, seed)
    if detect:
        null = every if layers.by_hand else match
        asked = power.Asked(ranks(raw), targets, null.null_matches, null.null_mean_rank)
        _detect(
            criteria,
            asked,
            _asked(heldout.about(probes), probes, rows[layers.analysis], layers.analysis, resamples, seed),
            seed,
        )
    return record, criteria


def _unasked(probes: Sequence[str], layers: Layers) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record's part and V3, V4 of a run that has too few emotions of the scenarios to tell them apart."""
    record: dict[str, Any] = {key: [] for key in ("items", "raw", "centred", "ranks_raw", "ranks_centred", "by_layer")}
    record |= dict.fromkeys(("limit", "count_centred", "p_centred", "best_layer", "heldout"))
    has = f"only '{probes[0]}'" if probes else "none"
    reason = f"Of the emotions that the scenarios imply this run has {has}, and 2 are needed to tell them apart."
    record |= {"emotions": list(probes), "layer_set_by_hand": layers.by_hand}
    return record, [not_asked("V3", reason), not_asked("V4", reason)]


def _criteria(
    match: nulls.MatchNull,
    centred: nulls.MatchNull,
    every: nulls.MatchNull,
    record: dict[str, Any],
    resamples: int,
    seed: int,
) -> list[dict[str, Any]]:
    """V3 and V4. A layer that was set by hand may have been set for its result: then chance may choose as well."""
    by_hand, probes, count = record["layer_set_by_hand"], len(record["emotions"]), len(match.ranks)
    null, what = (every, f"{DEALT}, at the best of {len(every.ranks)} layers") if by_hand else (match, DEALT)
    wilson = intervals.wilson_interval(int(match.matches), count)
    mean = intervals.bootstrap_mean(match.ranks, repeats=resamples, seed=seed)
    v3 = judge(
        "V3", "Implied emotion ranks first", match.matches, (wilson.low * count, wilson.high * count),
        Null(what, float(null.null_matches.mean()), float(nulls.permutation_p(match.matches, null.null_matches))),
        scaled(MATCH_BAR, count, FULL), "scenarios whose emotion has the highest raw cosine", count,
        note=f"Centred on the set: {centred.matches:.0f} of {count} (p = {record['p_centred']:.2g}). {_layer_note(record, 'matches')}".strip(),
        capped=_capped(record["heldout"], "matches"),
    )  # fmt: skip
    v4 = judge(
        "V4", "Mean rank of the implied emotion", match.mean_rank, (mean.low, mean.high),
        Null(what, float(null.null_mean_rank.mean()), float(nulls.permutation_p(match.mean_rank, null.null_mean_rank, "less"))),
        rank_bar(probes), f"is the mean rank among {probes} probes",
        note=f"Centred on the set: {centred.mean_rank:.2f}. {_layer_note(record, 'mean_rank')}".strip(),
        capped=_capped(record["heldout"], "mean_rank"),
    )  # fmt: skip
    return [v3, v4]


def held_out(
    battery: Battery, probes: Sequence[str], vectors: np.ndarray, layer: int, resamples: int, seed: int
) -> dict[str, Any] | None:
    """The second battery against the same probes, vectors (l, p, d); None with fewer than 2 of their emotions."""
    kept = battery.about(probes)
    if len(kept.emotions) < 2:
        return None
    targets = kept.targets(probes)
    dealt, columns = deals(targets, resamples, seed), np.arange(len(targets))
    record: dict[str, Any] = {"of": len(targets), "emotions": len(probes)}
    items: list[dict[str, Any]] = [{"name": scenario.name, "emotion": scenario.emotion} for scenario in kept.scenarios]
    for kind, cosines in zip(KINDS, kept.cosines(vectors[layer], layer), strict=True):
        table = ranks(cosines)
        own = table[targets, columns]
        record[kind] = summarise(
            (within("matches", 1), MEAN_RANK), own, table[dealt, columns], targets, resamples, seed
        )
        for item, rank in zip(items, own, strict=True):
            item[f"rank_{kind}"] = float(rank)
    return record | {"items": items}


def _asked(
    battery: Battery, probes: Sequence[str], vectors: np.ndarray, layer: int, resamples: int, seed: int
) -> power.Asked | None:
    """The second battery with the null that `held_out` judges its raw cosines by; None where that is None."""
    if len(battery.emotions) < 2:
        return None
    targets, table = battery.targets(probes), ranks(battery.cosines(vectors, layer)[0])
    dealt = table[deals(targets, resamples, seed), np.arange(len(targets))]
    return power.Asked(table, targets, within("matches", 1).of(dealt), MEAN_RANK.of(dealt))


def _detect(criteria: Sequence[dict[str, Any]], main: power.Asked, heldout: power.Asked | None, seed: int) -> None:
    """Add to V3 and V4 what they could have seen."""
    v3, v4 = criteria
    size, probes = len(main.targets), len(main.table)
    first = power.Judged(Null(v3["null"]["what"], v3["null"]["value"], 1.0), scaled(MATCH_BAR, size, FULL))
    mean = power.Judged(Null(v4["null"]["what"], v4["null"]["value"], 1.0), rank_bar(probes))
    v3["detectable"], v4["detectable"] = power.implied((first, mean), main, heldout, seed)


def _capped(heldout: dict[str, Any] | None, measure: str) -> str:
    """Why V3 or V4 can't pass, or "" where the held-out battery is beyond chance by the same measure."""
    if heldout is None:
        return "there are no held-out scenarios for these emotions"
    found = heldout["raw"][measure]
    if found["p"] < ALPHA:
        return ""
    value = (
        f"{found['value']} of {heldout['of']}" if measure == "matches" else f"a mean rank of {number(found['value'])}"
    )
    return f"the held-out scenarios, with {value} (p = {number(found['p'])}), are not beyond chance"


def _best(every: nulls.MatchNull, numbers: Sequence[int]) -> dict[str, Any]:
    """The layer with the most matches and the one with the best mean rank, against chance that may choose one as well."""
    matches, mean_rank = (every.ranks == 1).sum(axis=1), every.ranks.mean(axis=1)
    return {
        "matches": {
            "layer": numbers[int(matches.argmax())], "value": int(every.matches), "null": float(every.null_matches.mean()),
            "p": float(nulls.permutation_p(every.matches, every.null_matches)),
        },
        "mean_rank": {
            "layer": numbers[int(mean_rank.argmin())], "value": every.mean_rank, "null": float(every.null_mean_rank.mean()),
            "p": float(nulls.permutation_p(every.mean_rank, every.null_mean_rank, "less")),
        },
    }  # fmt: skip


def _layer_note(record: dict[str, Any], measure: str) -> str:
    """Who chose the layer, what follows for p, and what the best layer gives."""
    count, best = len(record["by_layer"]), record["best_layer"][measure]
    if count < 2:
        return ""
    who = (
        "The layer was set by hand, so that p allows for a choice among all layers."
        if record["layer_set_by_hand"]
        else "The layer is set by a rule that sees no result, so p needs no allowance for a choice."
    )
    return (
        f"{who} The best of {count} layers, {best['layer']}, gives {number(best['value'])} "
        f"(p = {number(best['p'])} with the choice allowed for)."
    )


def rank_bar(probes: int) -> Threshold:
    """The seed's bar of 3.0 among 12 probes, at the same place between the best rank, 1, and the worst for fewer."""
    if probes == FULL:
        return Threshold(RANK_BAR, "at most")
    value = round(1 + (RANK_BAR - 1) * (probes - 1) / (FULL - 1), 2)
    return Threshold(
        value, "at most", f"The seed's bar of {RANK_BAR:.1f} among {FULL} probes is scaled to {value} among {probes}."
    )
