"""V7: which activities does the model prefer?

In: logit differences d[i, j] = logit(A) - logit(B) in nats for every ordered pair of activities, i as (A), j as (B), and
the probability mass on A and B. Out: scores by Bradley-Terry with soft outcomes (the main score) and by Elo beside it,
category means, position bias, and whether the preferences can carry the criteria at all.
Source: paper, preference experiment and Table 9; Hong (2026), section 3.4.
What it can't tell: a stated choice between two phrases is not evidence of wanting anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments import power_preferences
from emotion_vectors.experiments.criteria import Null, Threshold, judge
from emotion_vectors.experiments.power import Judged
from emotion_vectors.experiments.preferences.record import ActivityScore, CategoryMean, StatedPreferences
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stats import categories as by_category
from emotion_vectors.stats import nulls, scores
from emotion_vectors.stats.correlation import pearson
from emotion_vectors.stimuli.items import Activity

BAR = Threshold(200, "above")
# Chosen by reasoning, but after a first look at SmolLM2: below these a model has no preferences that the later criteria could be about (docs/decisions.md).
LEAST_MASS = 0.1
LEAST_SPREAD = 0.05
LEAST_CONSISTENCY = 0.2
# Beyond three standard deviations the position decides more than 99 % of the pairs.
MOST_BIAS_PER_SPREAD = 3.0


class Preferences(NamedTuple):
    """Scores of n activities; `blocked` is "" or why preference criteria can only be inconclusive."""

    nats: np.ndarray  # (n,) Bradley-Terry, mean 0
    elo: np.ndarray  # (n,) Elo updates, Elo points, mean 1000
    blocked: str


def run(
    activities: Sequence[Activity],
    differences: np.ndarray,
    mass: np.ndarray,
    elo_k: float,
    elo_passes: int,
    resamples: int,
    seed: int,
    *,
    detect: bool = False,
) -> tuple[Preferences, StatedPreferences, Criterion]:
    """Scores, the record's `preferences` part and V7, from differences (n, n) in nats and mass (n, n).

    `detect` adds what V7 could have seen.
    """
    wins = scores.pair_win_probability(differences)
    nats = scores.bradley_terry(wins)
    elo = scores.elo(wins, k=elo_k, passes=elo_passes, seed=seed)
    points, kinds = scores.nats_to_elo(nats), [activity.category for activity in activities]
    facts = quality(differences, mass)
    preferences = Preferences(nats, elo.scores, unusable(facts))
    gap, elo_gap = by_category.category_gap(points, kinds), by_category.category_gap(elo.scores, kinds)
    interval = by_category.category_gap_interval(wins, kinds, repeats=resamples, seed=seed)
    null = by_category.category_gap_null(points, kinds, permutations=resamples, seed=seed)
    chance = Null(
        "activities assigned to the categories at random",
        float(null.mean()),
        float(nulls.permutation_p(gap.gap, null)),
    )
    v7 = judge(
        "V7", "Gap between categories", gap.gap, (interval.low * scores.ELO_PER_NAT, interval.high * scores.ELO_PER_NAT), chance, BAR, f"Elo points between {gap.highest} and {gap.lowest}",
        note=f"By Elo updates {elo_gap.gap:.0f}, to which Hong's bar applies.",
        blocked=preferences.blocked, seed_value=elo_gap.gap,
    )  # fmt: skip
    if detect:
        reach = (interval.high - interval.low) / 2 * scores.ELO_PER_NAT
        judged = Judged(chance, BAR, preferences.blocked)
        v7 = v7.with_detectable(power_preferences.gap(judged, points, kinds, reach, seed))
    means = by_category.category_means(points, kinds)
    elo_means = by_category.category_means(elo.scores, kinds)
    average = np.nanmean((wins + (1 - wins.T)) / 2, axis=1, where=~np.eye(len(wins), dtype=bool))
    record = StatedPreferences(
        activities=[
            ActivityScore(
                text=activity.text, category=activity.category, elo=float(elo.scores[i]),
                bradley_terry=float(points[i]), nats=float(nats[i]), wins=float(average[i]),
            )
            for i, activity in enumerate(activities)
        ],
        categories=sorted(
            (CategoryMean(category=str(name), elo=elo_means[name], bradley_terry=means[name]) for name in means),
            key=lambda row: -row.bradley_terry,
        ),
        prompts=int(np.isfinite(differences).sum()), usable=not preferences.blocked,
        why_not_usable=preferences.blocked, elo_passes=int(elo.passes.max()), **facts,
    )  # fmt: skip
    return preferences, record, v7


def quality(differences: np.ndarray, mass: np.ndarray) -> dict[str, float]:
    """Position bias in nats, standard deviation in nats of the preferences with both orders averaged (`spread_nats`), mass on the options, and how
    well the two orders of a pair agree (Pearson r)."""
    upper = np.triu_indices(len(differences), 1)
    forward, backward = differences[upper], -differences.T[upper]
    return {
        "position_bias_nats": float(scores.position_bias(differences)),
        "spread_nats": float(scores.preference_spread(differences)),
        "mass_on_options": float(np.nanmean(mass)),
        "order_consistency": float(np.nan_to_num(pearson(forward, backward))),
    }


def unusable(facts: dict[str, float]) -> str:
    """Why these preferences can't carry a criterion, or "" where they can."""
    bias, spread = abs(facts["position_bias_nats"]), facts["spread_nats"]
    if facts["mass_on_options"] < LEAST_MASS:
        return f"only {facts['mass_on_options']:.0%} of the probability is on A and B (least: {LEAST_MASS:.0%})"
    if spread < LEAST_SPREAD:
        return f"the preferences, both orders averaged, have a standard deviation of only {spread:.3f} nats (least: {LEAST_SPREAD})"
    if bias > MOST_BIAS_PER_SPREAD * spread:
        return (
            f"the position bias of {bias:.2f} nats is over {MOST_BIAS_PER_SPREAD:.0f} times the preferences' standard deviation of "
            f"{spread:.2f}, both orders averaged"
        )
    if facts["order_consistency"] < LEAST_CONSISTENCY:
        return f"the two orders of a pair agree with r = {facts['order_consistency']:.2f} only (least: {LEAST_CONSISTENCY})"
    return ""
