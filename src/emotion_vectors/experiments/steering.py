"""V10 and V11: does a vector on the tokens of some activities move the choice towards them or away?

In: baseline differences (n, n) and steered ones (m, n, n) of the mixed pairs, one per vector; see `lm.choices`. The
vector is the unit direction times strength times the mean residual norm of the layer, added at the analysis layer on the
tokens of the steered activity only. Out: for each vector the change of the log-odds that the steered activity of a mixed
pair is chosen (nats), and the change of the refitted scores (Elo).
Source: paper, Figure 4 row 4; seed report section 3.6; known error of the seed: vectors on both activities.
What it can't tell: whether the model acts on what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.criteria import Null, Threshold, judge, scaled
from emotion_vectors.stats import intervals, nulls, scores
from emotion_vectors.stats import steering as effects
from emotion_vectors.stats.correlation import linear_fit, pearson
from emotion_vectors.stimuli.items import POSITIVE, Activity


class Runs(NamedTuple):
    """Steered differences: the emotions (m, n, n), random directions (r, n, n) and strength 0 (n, n); NaN = not run."""

    emotions: np.ndarray
    random: np.ndarray
    zero: np.ndarray


def choose_emotions(
    choice: str, count: int, emotions: Sequence[str], spread: Sequence[str], r: np.ndarray
) -> tuple[str, ...]:
    """Which emotions to steer: the list that covers the range, the largest |r| (the seed's choice), or all."""
    if choice == "all":
        return tuple(emotions)
    if choice == "strongest":
        order = np.argsort(-np.abs(np.nan_to_num(r)), kind="stable")[:count]
        return tuple(emotions[i] for i in order)
    known = [emotion for emotion in spread if emotion in emotions]
    chosen = (known + [emotion for emotion in emotions if emotion not in known])[:count]
    if len(chosen) < 4:
        raise UserError(f"Only {len(chosen)} emotions are left to steer; V10 needs 4 or more.")
    return tuple(chosen)


def run(
    activities: Sequence[Activity],
    baseline: np.ndarray,
    runs: Runs,
    steered: np.ndarray,
    emotions: Sequence[str],
    r: np.ndarray,
    valence: dict[str, str],
    examples: dict[str, str],
    facts: dict[str, float],
    blocked: str,
    resamples: int,
    seed: int,
    elo_k: float,
    elo_passes: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record's `steering` part and V10, V11. `r` (m,) is each emotion's correlation with preference (V9)."""
    # The unsteered values of mixed pairs come from the very path that the steered ones took, at strength 0.
    base = np.where(np.isnan(runs.zero), baseline, runs.zero)
    after = _filled(runs.emotions, base)
    effect = effects.mixed_effect(base, after, steered)
    random = effects.mixed_effect(base, _filled(runs.random, base), steered)
    change = effects.refit_change(base, after, steered, k=elo_k, passes=elo_passes, seed=seed)
    random_change = effects.refit_change(
        base, _filled(runs.random, base), steered, k=elo_k, passes=elo_passes, seed=seed
    )
    bounds = [effects.effect_interval(pairs, repeats=resamples, seed=seed) for pairs in effect.pairs]
    rows = [
        {
            "emotion": emotion, "valence": valence[emotion], "r": float(r[i]), "nats": float(effect.mean[i]),
            "low": float(bounds[i].low), "high": float(bounds[i].high),
            "elo": float(change.difference[i] * scores.ELO_PER_NAT), "elo_steered": float(change.steered[i] * scores.ELO_PER_NAT),
            "elo_updates_steered": float(change.elo_steered[i]),
        }
        for i, emotion in enumerate(emotions)
    ]  # fmt: skip
    coupling, v10 = _coupling(r, effect.mean, random.mean, blocked, resamples, seed)
    signs, v11 = _signs(effect.mean, r, np.array([valence[e] == POSITIVE for e in emotions]), blocked, resamples, seed)
    line = linear_fit(r, change.steered * scores.ELO_PER_NAT)
    record = {
        **facts, "emotions": rows, **coupling, **signs, "slope": line.slope, "intercept": line.intercept,
        "steered_activities": [activity.text for activity, is_steered in zip(activities, steered, strict=True) if is_steered],
        "random": [
            {"nats": float(n), "elo_steered": float(e * scores.ELO_PER_NAT)}
            for n, e in zip(random.mean, random_change.steered, strict=True)
        ],
        "zero_sum_error": float(change.zero_sum_error.max()),
        "examples": {
            kind: _example(emotion, list(emotions).index(emotion), change, activities, steered)
            for kind, emotion in examples.items()
        },
    }  # fmt: skip
    return record, [v10, v11]


def _coupling(
    r: np.ndarray, nats: np.ndarray, random: np.ndarray, blocked: str, resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """V10: Pearson r over emotions of correlation and effect. Two nulls: permuted emotions, and random directions.

    Emotions whose effects spread no more than those of random directions (F test of the variances) have no effect of
    their own to be coupled, so the larger of the two p values counts.
    """
    interval, _ = intervals.pearson_bootstrap(r, nats, repeats=resamples, seed=seed)
    value = float(np.nan_to_num(interval.estimate))
    generator = np.random.default_rng(seed)
    dealt = np.array([pearson(r, nats[generator.permutation(len(nats))]) for _ in range(resamples)])
    p_dealt = float(nulls.permutation_p(value, np.nan_to_num(dealt)))
    ratio = np.mean(nats**2) / np.mean(random**2)
    p_random = float(stats.f.sf(ratio, len(nats), len(random)))
    v10 = judge(
        "V10", "Steering follows correlation", value, (float(np.nan_to_num(interval.low)), float(np.nan_to_num(interval.high))),
        Null("effects dealt out to other emotions, and effects of random directions", float(np.nan_to_num(dealt).mean()), max(p_dealt, p_random)),
        Threshold(0.4, "above"), "is Pearson's r of correlation and steering effect",
        note=f"The effects are {np.sqrt(ratio):.2g} times as large as those of {len(random)} random directions of the same norm.",
        blocked=blocked, seed_value=abs(value),
    )  # fmt: skip
    return {"r": value, "low": v10["interval"][0], "high": v10["interval"][1]}, v10


def _signs(
    nats: np.ndarray, r: np.ndarray, positive: np.ndarray, blocked: str, resamples: int, seed: int
) -> tuple[dict[str, int], dict[str, Any]]:
    """V11: effects with the sign of the emotion's valence; null: effects dealt out, so a shift common to all is chance."""
    right = int((np.sign(nats) == np.where(positive, 1, -1)).sum())
    by_correlation = int((np.sign(nats) == np.sign(r)).sum())
    generator = np.random.default_rng(seed)
    signs = np.sign(nats)
    null = np.array(
        [(signs[generator.permutation(len(nats))] == np.where(positive, 1, -1)).sum() for _ in range(resamples)]
    )
    interval = intervals.wilson_interval(right, len(nats))
    v11 = judge(
        "V11", "Steering has the sign of the valence", right, (interval.low * len(nats), interval.high * len(nats)),
        Null("effects dealt out to other emotions", float(null.mean()), float(nulls.permutation_p(right, null))),
        scaled(25, len(nats), 35), "emotions whose effect has the sign of their valence", len(nats),
        note=f"With the sign of their correlation: {by_correlation} of {len(nats)}.", blocked=blocked,
    )  # fmt: skip
    return {"signs": right, "of": len(nats), "signs_by_correlation": by_correlation}, v11


def _filled(steered: np.ndarray, base: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(steered), base, steered)


def _example(
    emotion: str, row: int, change: effects.RefitChange, activities: Sequence[Activity], steered: np.ndarray
) -> dict[str, Any]:
    before, after = scores.nats_to_elo(change.before), scores.nats_to_elo(change.after[row])
    return {
        "emotion": emotion, "elo_steered": float(change.steered[row] * scores.ELO_PER_NAT),
        "points": [
            {
                "activity": activity.text, "category": activity.category, "steered": bool(steered[i]),
                "baseline": float(before[i]), "after": float(after[i]),
            }
            for i, activity in enumerate(activities)
        ],
    }  # fmt: skip
