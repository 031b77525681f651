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

from emotion_vectors.experiments.criteria import Null, Threshold, judge, scaled
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.stimuli.items import Scenario
from emotion_vectors.vectors.directions import cosine


def run(
    scenarios: Sequence[Scenario],
    activations: np.ndarray,
    emotions: Sequence[str],
    vectors: np.ndarray,
    resamples: int,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record's `scenarios` part and V3, V4, from activations (s, d) and all vectors (n, d)."""
    probes = list(dict.fromkeys(scenario.emotion for scenario in scenarios))
    rows = vectors[[list(emotions).index(emotion) for emotion in probes]]
    raw = cosine(rows, activations)
    centred = cosine(rows, activations - activations.mean(axis=0))
    targets = [probes.index(scenario.emotion) for scenario in scenarios]
    match, match_centred = (
        nulls.argmax_match_null(matrix, targets, permutations=resamples, seed=seed) for matrix in (raw, centred)
    )
    count = len(scenarios)
    interval = intervals.wilson_interval(int(match.count), count)
    ranks = intervals.bootstrap_mean(match.ranks, repeats=resamples, seed=seed)
    centred_p = float(nulls.permutation_p(match_centred.count, match_centred.null_count))
    v3 = judge(
        "V3", "Implied emotion ranks first", match.count, (interval.low * count, interval.high * count),
        Null("scenarios with their emotions dealt out at random", float(match.null_count.mean()),
             float(nulls.permutation_p(match.count, match.null_count))),
        scaled(8, count, 12), "scenarios whose emotion has the highest raw cosine", count,
        note=f"Centred on the set: {match_centred.count:.0f} of {count} (p = {centred_p:.2g}).",
    )  # fmt: skip
    v4 = judge(
        "V4", "Mean rank of the implied emotion", match.mean_rank, (ranks.low, ranks.high),
        Null("scenarios with their emotions dealt out at random", float(match.null_mean_rank.mean()),
             float(nulls.permutation_p(match.mean_rank, match.null_mean_rank, "less"))),
        Threshold(3.0, "at most"), f"is the mean rank among {len(probes)} probes",
        note=f"Centred on the set: {match_centred.mean_rank:.2f}.",
    )  # fmt: skip
    record = {
        "emotions": probes,
        "items": [{"name": s.name, "emotion": s.emotion, "prompt": s.prompt} for s in scenarios],
        "raw": raw.tolist(), "centred": centred.tolist(), "ranks_raw": match.ranks.tolist(),
        "ranks_centred": match_centred.ranks.tolist(), "limit": float(np.abs([raw, centred]).max()),
        "count_centred": int(match_centred.count), "p_centred": centred_p,
    }  # fmt: skip
    return record, [v3, v4]
