"""V8 and V9: do the emotions that an activity evokes go with how much the model prefers it?

In: mean activations (a, d) on the tokens of each activity in "How would you feel about {activity}?", vectors (n, d) and
preference scores (a,). Out: Pearson r over activities of projection and score, for every emotion.
projection = activation . unit vector. Source: paper, Figure 4 row 1; Hong (2026), section 3.5. Both write of projections, and the
paper's figure has the scale of cosines: V9's count is given by the mean cosine over the tokens too, which drops their lengths.
What it can't tell: two extreme categories can carry r by themselves, so r without Misaligned and Unsafe is reported too,
and r with these two held constant, and what is left within the categories, each against scores permuted within them;
emotions are correlated with each other, and activities come in kinds, so counts are compared with permuted scores and
with the whole set of vectors turned at random, not with independent tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments import power_preferences
from emotion_vectors.experiments.chance import turned_projections
from emotion_vectors.experiments.correlation.categories import Held, extremes_held, within_categories
from emotion_vectors.experiments.correlation.counting import band, count_interval, discoveries, p_values, strong
from emotion_vectors.experiments.correlation.record import (
    DISCOVERY,
    EXTREME,
    STRONG,
    EmotionCorrelation,
    Example,
    ExtremesHeld,
    Point,
    ProbeCorrelations,
    WithinCategories,
)
from emotion_vectors.experiments.criteria import (
    Null,
    Threshold,
    chance_of,
    json_number,
    judge,
    not_asked,
    number,
    scaled,
)
from emotion_vectors.experiments.power import Judged
from emotion_vectors.experiments.valences import Valences, valence_gap
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stats import intervals, nulls, scores
from emotion_vectors.stats.correlation import pearson, standardised
from emotion_vectors.stats.nulls import permuted_rows
from emotion_vectors.stimuli.items import NEGATIVE, POSITIVE, Activity
from emotion_vectors.vectors.directions import unit

VALENCE_BAR, COUNT_BAR = Threshold(2), 5
NULLS = "preference scores shuffled over the activities, and random directions with the angles of the emotions"


class Correlations(NamedTuple):
    """Pearson r with the preference score of each of n emotions, and the projections (a, n) it is made of."""

    r: np.ndarray
    probes: np.ndarray


def run(
    activities: Sequence[Activity],
    activations: np.ndarray,
    emotions: Sequence[str],
    vectors: np.ndarray,
    nats: np.ndarray,
    valence: Mapping[str, str],
    ambiguous: frozenset[str],
    blocked: str,
    resamples: int,
    seed: int,
    *,
    detect: bool = False,
    activation_cosines: np.ndarray | None = None,
) -> tuple[Correlations, ProbeCorrelations, list[Criterion]]:
    """Correlations, the record's `correlation` part without examples and V8, V9; `detect` adds what these could have seen.

    `activation_cosines` (a, d) are the means of the tokens' activations at length 1, for r by the mean cosine; None: not known.
    """
    probes = activations.astype(np.float64) @ unit(vectors.astype(np.float64)).T
    mild = np.array([activity.category not in EXTREME for activity in activities])
    without = pearson(probes[mild], nats[mild]) if mild.sum() > 3 else np.full(len(emotions), np.nan)
    kinds_of = Valences.of(emotions, valence)
    interval, draws = intervals.pearson_bootstrap(probes, nats, repeats=resamples, seed=seed)
    r = np.asarray(interval.estimate)
    chance = _chance(activations, vectors, probes, nats, resamples, seed)
    p, largest = p_values(r, chance.dealt)
    q = nulls.false_discovery(p)
    kinds = [activity.category for activity in activities]
    within = within_categories(r, probes, nats, kinds, kinds_of, resamples, seed)
    partial = extremes_held(probes, nats, kinds, resamples, seed)
    found = discoveries(q)
    by_cosine, cosine_count = _by_cosine(activation_cosines, vectors, nats)
    beside = _beside(found, without, within, partial, cosine_count)
    criteria = [
        _alignment(r, draws, chance, kinds_of, blocked, within),
        _count(r, draws, chance, blocked, beside),
    ]
    if detect and np.isfinite(r).any():
        criteria = _detect(criteria, r, draws, chance, kinds_of, blocked, seed)
    record = ProbeCorrelations(
        score="bradley_terry", threshold=STRONG,
        null_count=float(strong(chance.dealt).mean()), null_count_vectors=float(strong(chance.turned).mean()),
        null_limit=json_number(largest), null_band=band(chance.dealt), null_band_vectors=band(chance.turned),
        discoveries=found, cosine_count=cosine_count, within_categories=within, extremes_held=partial.record,
        emotions=[
            EmotionCorrelation(
                emotion=emotion, valence=valence.get(emotion), ambiguous=emotion in ambiguous, r=json_number(r[i]),
                low=json_number(interval.low[i]), high=json_number(interval.high[i]), p=json_number(p[i]),
                q=json_number(q[i]), r_without_extremes=json_number(without[i]),
                r_partial=json_number(partial.r[i]), p_partial=json_number(partial.p[i]), r_cosine=json_number(by_cosine[i]),
            )
            for i, emotion in enumerate(emotions)
        ],
    )  # fmt: skip
    return Correlations(r, probes), record, criteria


def _by_cosine(means: np.ndarray | None, vectors: np.ndarray, nats: np.ndarray) -> tuple[np.ndarray, int | None]:
    """r (n,) of the mean cosine over an activity's tokens with the score, and how many are strong; `means` (a, d) at length 1."""
    if means is None:
        return np.full(len(vectors), np.nan), None
    r = np.asarray(pearson(means.astype(np.float64) @ unit(vectors.astype(np.float64)).T, nats))
    return r, int(strong(r)) if np.isfinite(r).any() else None


def _beside(found: int, without: np.ndarray, within: WithinCategories, partial: Held, cosine_count: int | None) -> str:
    """What V9's note says beside its own nulls."""
    names = " and ".join(EXTREME)
    cosine = "" if cosine_count is None else f"By the mean cosine over an activity's tokens: {cosine_count}. "

    def against(part: WithinCategories | ExtremesHeld) -> str:
        if part.partial_count is None:
            return "not known"
        return f"{part.partial_count} (permuted {part.partial_null_count:.3g}, p = {number(part.partial_p)})"

    dealt = "" if within.p is None else (
        f"Scores shuffled within the categories give {within.null_count:.3g} (p = {number(within.p)}). "
    )  # fmt: skip
    return (
        f"{cosine}{dealt}At a false-discovery rate of {DISCOVERY:.0%}: {found}. Without {names}: {strong(without)}. With {names} held "
        f"constant: {against(partial.record)}, at that false-discovery rate {partial.record.discoveries}. "
        f"With every category held constant: {against(within)}."
    )


class Chance(NamedTuple):
    """r (c, n) of c draws: scores shuffled over the activities, and the set of vectors turned at random."""

    dealt: np.ndarray
    turned: np.ndarray


def _chance(
    activations: np.ndarray, vectors: np.ndarray, probes: np.ndarray, nats: np.ndarray, resamples: int, seed: int
) -> Chance:
    """Both keep how the emotions depend on each other. The first asks whether the score matters, the second whether
    the vectors do: activities come in kinds, so that many a random direction goes with the score as well.
    """
    dealt = standardised(nats)[permuted_rows(len(nats), None, resamples, seed)] @ standardised(probes)
    centred, directions = activations - activations.mean(axis=0), unit(vectors.astype(np.float64))
    batches = []
    for start in range(0, resamples, 100):
        draws = turned_projections(centred, directions, min(100, resamples - start), seed + start)
        columns = np.moveaxis(draws, 1, 0).reshape(len(nats), -1)
        batches.append(pearson(columns, nats).reshape(len(draws), -1))
    return Chance(dealt, np.concatenate(batches))


def _detect(
    criteria: Sequence[Criterion], r: np.ndarray, draws: np.ndarray, chance: Chance, valences: Valences, blocked: str, seed: int
) -> list[Criterion]:  # fmt: skip
    """V8 and V9 with what they could have seen."""
    v8, v9 = criteria
    count = Judged(chance_of(v9), scaled(COUNT_BAR, len(r), 171), blocked)
    v9 = v9.with_detectable(power_preferences.correlated(count, STRONG, r, draws, chance, seed))
    if valences.positive.any() and not valences.positive.all():
        known = valences.known
        smallest = power_preferences.alignment(
            Judged(chance_of(v8), VALENCE_BAR, blocked), valences.positive, r[known], draws[:, known],
            [one[:, known] for one in chance], aligned, seed,
        )  # fmt: skip
        v8 = v8.with_detectable(smallest)
    return [v8, v9]


def aligned(r: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """For r (..., n): the smaller of (positive words among the 3 largest r) and (negative words among the 3 smallest)."""
    order = np.argsort(np.nan_to_num(r), axis=-1)
    return np.minimum(positive[order[..., -3:]].sum(-1), (~positive[order[..., :3]]).sum(-1))


def _alignment(
    r: np.ndarray, draws: np.ndarray, chance: Chance, valences: Valences, blocked: str, within: WithinCategories
) -> Criterion:
    """V8. The count has four values, and since one valence axis drives most emotions, chance reaches 3 in a good part
    of all draws. So the p value is that of a finer statistic of the same claim, the gap in mean r between the valences.
    """
    if valences.lacking:
        return not_asked("V8", valences.lacking)
    emotions, (r, draws), positive = len(r), (r[valences.known], draws[:, valences.known]), valences.positive
    chance = Chance(*(one[:, valences.known] for one in chance))
    value = float(aligned(r, positive)) if np.isfinite(r).any() else float("nan")
    low, high = np.quantile(aligned(draws, positive), [0.025, 0.975], method="closest_observation")
    gap, null = valence_gap(r, positive), aligned(chance.dealt, positive)
    known = np.isfinite(gap) and np.isfinite(r).any()
    p = max(float(nulls.permutation_p(gap, valence_gap(one, positive))) for one in chance) if known else float("nan")
    order = np.argsort(np.nan_to_num(r))
    top, bottom = int(positive[order[-3:]].sum()), int((~positive[order[:3]]).sum())
    return judge(
        "V8", "Valence of the extremes", value, (float(low), float(high)),
        Null(f"{NULLS} (p by the gap in mean r between the valences)", float(null.mean()), p),
        VALENCE_BAR, "is the smaller count of right valences among the top and the bottom 3", 3,
        note=f"Positive among the top 3: {top}; negative among the bottom 3: {bottom}; gap in mean r: {number(float(gap))}"
        + (f" (p = {number(within.gap_p)} with scores shuffled within the categories)." if within.gap_p else ".")
        + valences.left_out(emotions),
        blocked=blocked,
    )  # fmt: skip


def _count(r: np.ndarray, draws: np.ndarray, chance: Chance, blocked: str, beside: str) -> Criterion:
    """V9; the vectors must do better than the shuffled scores and better than other directions."""
    value = float(strong(r)) if np.isfinite(r).any() else float("nan")
    counts = [strong(one) for one in chance]
    dealt, turned = (float(count.mean()) for count in counts)
    low, high = count_interval(value, strong(draws), len(r)) if np.isfinite(value) else (float("nan"), float("nan"))
    p = max(float(nulls.permutation_p(value, count)) for count in counts) if np.isfinite(value) else float("nan")
    return judge(
        "V9", "Emotions that go with preference", value, (low, high), Null(NULLS, max(dealt, turned), p),
        scaled(COUNT_BAR, len(r), 171), f"emotions with |r| > {STRONG}", len(r),
        note=f"Shuffled scores give {dealt:.3g}, random directions {turned:.3g}. {beside}", blocked=blocked,
    )  # fmt: skip


def example(
    emotion: str, emotions: Sequence[str], found: Correlations, nats: np.ndarray, activities: Sequence[Activity]
) -> Example:
    """Figures 5 and 7: projection on one emotion and score (Elo points) of every activity."""
    row, points = list(emotions).index(emotion), scores.nats_to_elo(nats)
    return Example(
        emotion=emotion, r=json_number(found.r[row]),
        points=[
            Point(activity=a.text, category=a.category, probe=float(found.probes[i, row]), score=float(points[i]))
            for i, a in enumerate(activities)
        ],
    )  # fmt: skip


def example_emotions(emotions: Sequence[str], steered: Sequence[str], valence: Mapping[str, str]) -> dict[str, str]:
    """The emotions of Figures 5 to 8: the paper's blissful and hostile where steered, else the first of each valence."""
    chosen = {}
    for kind, paper in ((POSITIVE, "blissful"), (NEGATIVE, "hostile")):
        candidates = [emotion for emotion in steered if valence.get(emotion) == kind and emotion in emotions]
        if candidates:
            chosen[kind] = paper if paper in candidates else candidates[0]
    return chosen
