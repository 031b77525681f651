"""V10 and V11: does a vector on the tokens of some activities move the choice towards them or away?

In: baseline differences (n, n) and steered ones (m, n, n) of the mixed pairs, one per vector; see `lm.choices`. The
vector is the unit direction times strength times the mean residual norm of the layer, added at the analysis layer on the
tokens of the steered activity only. Out: for each vector the change of the log-odds that the steered activity of a mixed
pair is chosen (nats), and the change of the refitted scores (Elo).
Source: paper, Figure 4 row 4; seed report section 3.6; known error of the seed: vectors on both activities.
What it can't tell: whether the model acts on what it says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.criteria import Null, Threshold, json_number, judge, number, scaled
from emotion_vectors.stats import intervals, nulls, scores
from emotion_vectors.stats import steering as effects
from emotion_vectors.stats.correlation import Line, linear_fit, pearson
from emotion_vectors.stimuli.items import POSITIVE, Activity

# Mean change in nats by float noise in bfloat16 is about 0.02; anything above this is another computation.
MOST_PATH_NOISE = 0.1


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
        return tuple(emotions[int(i)] for i in order)
    known = [emotion for emotion in spread if emotion in emotions]
    chosen = [*known, *(emotion for emotion in emotions if emotion not in known)][:count]
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
    facts: dict[str, Any],
    blocked: str,
    resamples: int,
    seed: int,
    elo_k: float,
    elo_passes: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record's `steering` part and V10, V11. `r` (m,) is each emotion's correlation with preference (V9)."""
    # The unsteered values of mixed pairs come from the very path that the steered ones took, at strength 0.
    base = np.where(np.isnan(runs.zero), baseline, runs.zero)
    path_noise = _path_noise(baseline, runs.zero)
    after, after_random = _filled(runs.emotions, base), _filled(runs.random, base)
    effect = effects.mixed_effect(base, after, steered)
    random = effects.mixed_effect(base, after_random, steered)
    change = effects.refit_change(base, after, steered, k=elo_k, passes=elo_passes, seed=seed)
    random_change = effects.refit_change(base, after_random, steered, k=elo_k, passes=elo_passes, seed=seed)
    bounds = [effects.effect_interval(pairs, repeats=resamples, seed=seed) for pairs in effect.pairs]
    rows = [
        {
            "emotion": emotion, "valence": valence[emotion], "r": json_number(r[i]), "nats": float(effect.mean[i]),
            "low": float(bounds[i].low), "high": float(bounds[i].high),
            "elo": float(change.difference[i] * scores.ELO_PER_NAT), "elo_steered": float(change.steered[i] * scores.ELO_PER_NAT),
            "elo_updates_steered": float(change.elo_steered[i]),
        }
        for i, emotion in enumerate(emotions)
    ]  # fmt: skip
    even, even_random = (_even_pairs(base, logits, steered) for logits in (after, after_random))
    for row, value in zip(rows, even, strict=True):
        row["nats_even_pair"] = float(value)
    measures = [Measure(effect.mean, random.mean), Measure(even, even_random)]
    coupling, v10 = _coupling(r, measures, blocked, resamples, seed)
    signs, v11 = _signs(measures, r, np.array([valence[e] == POSITIVE for e in emotions]), blocked, resamples, seed)
    known = np.isfinite(r)
    line = (
        linear_fit(r[known], change.steered[known] * scores.ELO_PER_NAT)
        if known.sum() > 2
        else Line(math.nan, math.nan)
    )
    record = {
        **facts, "emotions": rows, **coupling, **signs, "slope": json_number(line.slope), "intercept": json_number(line.intercept),
        "steered_activities": [activity.text for activity, is_steered in zip(activities, steered, strict=True) if is_steered],
        "random": [
            {"nats": float(n), "elo_steered": float(e * scores.ELO_PER_NAT)}
            for n, e in zip(random.mean, random_change.steered, strict=True)
        ],
        "path_noise_nats": path_noise, "zero_sum_error": float(change.zero_sum_error.max()),
        "examples": {
            kind: _example(emotion, list(emotions).index(emotion), change, activities, steered)
            for kind, emotion in examples.items()
        },
    }  # fmt: skip
    return record, [v10, v11]


def _path_noise(baseline: np.ndarray, zero: np.ndarray) -> float:
    """Mean |strength 0 - baseline| in nats over the mixed pairs: the float noise of the steered path.

    Raises `ArithmeticError` where it is no noise any more: then the steered path computes something else.
    """
    noise = float(np.nanmean(np.abs(zero - baseline)))
    if noise > MOST_PATH_NOISE:
        raise ArithmeticError(
            f"Steering with strength 0 changes the choices by {noise:.3f} nats on average; nothing should change."
        )
    return noise


class Measure(NamedTuple):
    """One way to measure the effect, in nats: for the emotions (m,) and for the random directions (k,)."""

    emotions: np.ndarray
    random: np.ndarray


def _even_pairs(base: np.ndarray, steered_logits: np.ndarray, steered: np.ndarray) -> np.ndarray:
    """Effect (m,) in nats on a pair between which the model is even: the part that no contraction can produce.

    A vector that only shrinks all preferences also moves the mean over one split's mixed pairs, by the split's own
    imbalance, so a criterion must hold by this measure as well. Where all pairs are alike it is the plain mean.
    """
    fits = [effects.contraction_fit(base, logits, steered).intercept for logits in steered_logits]
    return np.where(np.isfinite(fits), fits, effects.mixed_effect(base, steered_logits, steered).mean)


def beyond_random(weights: np.ndarray, nats: np.ndarray, random: np.ndarray) -> tuple[float, float]:
    """How many times the effect (nats) of a random direction is sum(w nats) / sum |w|, and its one-sided p value.

    weights (m,) and nats (m,) of the emotions; random (k,), k >= 2, effects of random directions of the same norm. A
    small vector's effect is linear in it, so the weighted sum is the effect of one vector, sum(w v) / sum |w|, no longer
    than one emotion's own, however alike the emotions are. Were the vectors random, it would scatter at most as one
    random direction does: t distributed with k - 1 degrees of freedom. Weights that sum to 0 cancel a common shift.
    """
    contrast = float(weights @ nats / np.abs(weights).sum())
    spread = float(np.std(random, ddof=1))
    if spread == 0:
        return math.copysign(math.inf, contrast) if contrast else 0.0, float(contrast <= 0)
    return contrast / spread, float(stats.t.sf(contrast / spread, len(random) - 1))


def _coupling(
    r: np.ndarray, measures: Sequence[Measure], blocked: str, resamples: int, seed: int
) -> tuple[dict[str, float | None], dict[str, Any]]:
    """V10: Pearson r over emotions of correlation and effect. Two nulls: effects dealt out, and random directions.

    Emotions that form two clusters have |r| near 1 with either sign whatever the vector does, and dealing out can't tell.
    So the effect along the correlation must also be larger than that of random directions. Both must hold by both
    measures of the effect; the largest p value counts. The value is by the first measure, the mean.
    """
    known = np.isfinite(r)
    r, nats = r[known], measures[0].emotions[known]
    value = low = high = p = times = math.nan
    if known.sum() >= 4 and np.ptp(r) > 0 and np.ptp(nats) > 0:
        interval, _ = intervals.pearson_bootstrap(r, nats, repeats=resamples, seed=seed)
        value, low, high = (float(x) for x in (interval.estimate, interval.low, interval.high))
    if math.isfinite(value):
        times, _ = beyond_random(r - r.mean(), nats, measures[0].random)
        p = max(_coupling_p(r, measure.emotions[known], measure.random, resamples, seed) for measure in measures)
    v10 = judge(
        "V10", "Steering follows correlation", value, (low, high),
        # Over all ways to deal them out the mean r is exactly 0.
        Null("effects dealt out to other emotions, and random directions", 0.0, p),
        Threshold(0.4, "above", of="|r|"), "is Pearson's r of correlation and steering effect",
        note=f"Along the correlation the effects are {number(times)} times as large as those of {len(measures[0].random)} "
        "random directions of the same norm.", blocked=blocked, seed_value=abs(value),
    )  # fmt: skip
    return {"r": json_number(value), "low": json_number(low), "high": json_number(high)}, v10


def _coupling_p(r: np.ndarray, nats: np.ndarray, random: np.ndarray, resamples: int, seed: int) -> float:
    """The larger p value of V10's two nulls for one measure of the effect; 1 where the effects are all the same."""
    if np.ptp(nats) == 0:
        return 1.0
    dealt = pearson(np.random.default_rng(seed).permuted(np.tile(nats, (resamples, 1)), axis=1).T, r)
    _, p_random = beyond_random(r - r.mean(), nats, random)
    return max(float(nulls.permutation_p(pearson(r, nats), dealt)), p_random)


def _signs(
    measures: Sequence[Measure], r: np.ndarray, positive: np.ndarray, blocked: str, resamples: int, seed: int
) -> tuple[dict[str, int], dict[str, Any]]:
    """V11: effects with the sign of the emotion's valence. Two nulls and two measures, as in V10: with the effects dealt
    out, a shift common to all emotions is chance; and the gap between the valences must be larger than random directions
    make. The largest p value counts; the value is by the first measure, the mean.
    """
    nats, wanted = measures[0].emotions, np.where(positive, 1, -1)
    right = int((np.sign(nats) == wanted).sum())
    by_correlation = int((np.sign(nats) == np.sign(r)).sum())
    tests = [_signs_p(measure, positive, resamples, seed) for measure in measures]
    interval = intervals.wilson_interval(right, len(nats))
    v11 = judge(
        "V11", "Steering has the sign of the valence", right, (interval.low * len(nats), interval.high * len(nats)),
        Null("effects dealt out to other emotions, and random directions", tests[0].chance, max(test.p for test in tests)),
        scaled(25, len(nats), 35), "emotions whose effect has the sign of their valence", len(nats),
        note=f"With the sign of their correlation: {by_correlation} of {len(nats)}. Half of the gap between the valences is "
        f"{number(tests[0].times)} times the effect of a random direction.", blocked=blocked,
    )  # fmt: skip
    return {"signs": right, "of": len(nats), "signs_by_correlation": by_correlation}, v11


class _SignTest(NamedTuple):
    p: float
    chance: float
    times: float


def _signs_p(measure: Measure, positive: np.ndarray, resamples: int, seed: int) -> _SignTest:
    """The larger p value of V11's two nulls for one measure, the count that chance gives, and how far beyond random."""
    signs, wanted = np.sign(measure.emotions), np.where(positive, 1, -1)
    dealt = np.random.default_rng(seed).permuted(np.tile(signs, (resamples, 1)), axis=1)
    null = (dealt == wanted).sum(axis=1)
    if not 0 < positive.sum() < len(positive):
        return _SignTest(1.0, float(null.mean()), math.nan)
    weights = np.where(positive, 1 / positive.sum(), -1 / (~positive).sum())
    times, p_random = beyond_random(weights, measure.emotions, measure.random)
    return _SignTest(
        max(float(nulls.permutation_p(int((signs == wanted).sum()), null)), p_random), float(null.mean()), times
    )


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
