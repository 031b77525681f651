"""V3 and V4: does the vector of the implied emotion respond most to a scenario that never names it?

In: activations (s, d) at the response position (the last token before the answer) of s scenarios, and the vectors (p, d)
of the p emotions that they imply. Out: cosines (probe, scenario), raw and with the mean activation of the set removed.
Source: paper, Figure 2; seed report section 3.2. The raw cosine is the paper's statistic and gives the criteria.
What it can't tell: part of every raw cosine is common to all prompts; twelve scenarios are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.criteria import Null, Threshold, judge, scaled
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.stimuli.items import Scenario
from emotion_vectors.vectors.directions import cosine

FULL, MATCH_BAR, RANK_BAR = 12, 8, 3.0


def run(
    scenarios: Sequence[Scenario],
    activations: np.ndarray,
    emotions: Sequence[str],
    vectors: np.ndarray,
    resamples: int,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record's `scenarios` part and V3, V4, from activations (s, d) and all vectors (n, d)."""
    # A run on few emotions keeps the scenarios whose emotion it has; the bars are scaled and say so.
    kept = [row for row, scenario in enumerate(scenarios) if scenario.emotion in set(emotions)]
    scenarios, activations = [scenarios[row] for row in kept], activations[kept]
    probes = list(dict.fromkeys(scenario.emotion for scenario in scenarios))
    if len(probes) < 2:
        raise UserError(
            "Fewer than 2 emotions of the scenarios are in this run, so V3 can't be asked; use more emotions."
        )
    rows = vectors[[list(emotions).index(emotion) for emotion in probes]]
    raw = cosine(rows, activations)
    centred = cosine(rows, activations - activations.mean(axis=0))
    targets = [probes.index(scenario.emotion) for scenario in scenarios]
    match, match_centred = (
        nulls.argmax_match_null(matrix, targets, permutations=resamples, seed=seed) for matrix in (raw, centred)
    )
    count = len(scenarios)
    interval = intervals.wilson_interval(int(match.matches), count)
    ranks = intervals.bootstrap_mean(match.ranks, repeats=resamples, seed=seed)
    centred_p = float(nulls.permutation_p(match_centred.matches, match_centred.null_matches))
    v3 = judge(
        "V3", "Implied emotion ranks first", match.matches, (interval.low * count, interval.high * count),
        Null("scenarios with their emotions dealt out at random", float(match.null_matches.mean()),
             float(nulls.permutation_p(match.matches, match.null_matches))),
        scaled(MATCH_BAR, count, FULL), "scenarios whose emotion has the highest raw cosine", count,
        note=f"Centred on the set: {match_centred.matches:.0f} of {count} (p = {centred_p:.2g}).",
    )  # fmt: skip
    v4 = judge(
        "V4", "Mean rank of the implied emotion", match.mean_rank, (ranks.low, ranks.high),
        Null("scenarios with their emotions dealt out at random", float(match.null_mean_rank.mean()),
             float(nulls.permutation_p(match.mean_rank, match.null_mean_rank, "less"))),
        rank_bar(len(probes)), f"is the mean rank among {len(probes)} probes",
        note=f"Centred on the set: {match_centred.mean_rank:.2f}.",
    )  # fmt: skip
    record = {
        "emotions": probes,
        "items": [{"name": s.name, "emotion": s.emotion, "prompt": s.prompt} for s in scenarios],
        "raw": raw.tolist(), "centred": centred.tolist(), "ranks_raw": match.ranks.tolist(),
        "ranks_centred": match_centred.ranks.tolist(), "limit": float(np.abs([raw, centred]).max()),
        "count_centred": int(match_centred.matches), "p_centred": centred_p,
    }  # fmt: skip
    return record, [v3, v4]


def rank_bar(probes: int) -> Threshold:
    """The seed's bar of 3.0 among 12 probes, at the same place between the best rank, 1, and the worst for fewer."""
    if probes == FULL:
        return Threshold(RANK_BAR, "at most")
    value = round(1 + (RANK_BAR - 1) * (probes - 1) / (FULL - 1), 2)
    return Threshold(
        value, "at most", f"The seed's bar of {RANK_BAR:.1f} among {FULL} probes is scaled to {value} among {probes}."
    )
