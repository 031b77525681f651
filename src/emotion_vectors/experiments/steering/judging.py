"""V10 and V11: do the effects follow the correlation with preference, and have they the sign of the valence?

In: effects of m steered emotions and of control directions (`effects.measure`), the emotions' correlations and valences.
Out: what the record says of r and of the signs, and both criteria.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments import power_preferences
from emotion_vectors.experiments.beyond import Beyond, beyond_controls
from emotion_vectors.experiments.criteria import Null, Threshold, json_number, judge, not_asked, number, scaled
from emotion_vectors.experiments.power import Judged
from emotion_vectors.experiments.steering.controls import NULL_ARMS, NULLS
from emotion_vectors.experiments.steering.controls import Null as NullKind
from emotion_vectors.experiments.steering.effects import Effects, Options
from emotion_vectors.experiments.steering.record import Within, WithinGroup
from emotion_vectors.experiments.valences import Valences
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.report.wording import listing
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.stats.correlation import pearson
from emotion_vectors.stats.nulls import permuted_rows
from emotion_vectors.stimuli.items import NEGATIVE, POSITIVE

R_BAR, SIGNS_BAR = Threshold(0.4, "above", of="|r|"), 25
NULL_NAMES = f"{listing(['effects shuffled over the emotions', *(arm.short for arm in NULL_ARMS)])} directions"


class Coupled(NamedTuple):
    """What the record says of r."""

    r: float | None
    low: float | None
    high: float | None
    within: Within
    times_control: float | None
    hardest_control: NullKind


class Signs(NamedTuple):
    """What the record says of the signs."""

    of: int
    signs_by_correlation: int
    p_signs_by_correlation: float | None
    signs: int | None
    p_signs: float | None


def coupling(
    r: np.ndarray, found: Effects, valences: Valences, blocked: str, options: Options
) -> tuple[Coupled, Criterion]:
    """V10: Pearson r over emotions of correlation and effect. Nulls: effects shuffled, and control directions.

    Emotions that form two clusters have |r| near 1 with either sign whatever the vector does, and shuffling can't tell.
    So the effect along the correlation must also be larger than that of control directions, and effects must follow the
    correlation within the valences as well; else a pass becomes inconclusive.
    """
    known = np.isfinite(r)
    labelled, r_known, nats_known = known & valences.known, r, found.nats
    r, nats = r[known], found.nats[known]
    value = low = high = p = math.nan
    beyond = Beyond(math.nan, math.nan, NULLS[0])
    if known.sum() >= 4 and np.ptp(r) > 0 and np.ptp(nats) > 0:
        interval, _ = intervals.pearson_bootstrap(r, nats, repeats=options.resamples, seed=options.seed)
        value, low, high = (float(x) for x in (interval.estimate, interval.low, interval.high))
    if math.isfinite(value):
        beyond = beyond_controls(r - r.mean(), nats, found.controls)
        dealt = pearson(nats[permuted_rows(len(nats), None, options.resamples, options.seed)].T, r)
        p = max(float(nulls.permutation_p(value, dealt)), beyond.p)
    positive = valences.positive[known[valences.known]]
    inside = within(r_known[labelled], nats_known[labelled], positive, options)
    v10 = judge(
        "V10", "Steering follows correlation", value, (low, high),
        # Over all ways to shuffle them the mean r is exactly 0.
        Null(NULL_NAMES, 0.0, p), R_BAR, "is Pearson's r of correlation and steering effect",
        note=f"Along the correlation the effects are {number(beyond.times)} times the standard deviation of those of {beyond.kind} "
        f"directions of the same norm. Within the valences r = {number(math.nan if inside.r is None else inside.r)}.{valences.left_out(len(known))}",
        blocked=blocked, seed_value=abs(value), capped=_two_clusters(inside, valences),
    )  # fmt: skip
    if options.detect and math.isfinite(value):
        labels = np.zeros(len(known), dtype=int)
        labels[valences.known] = np.where(valences.positive, 1, -1)
        judged = Judged(Null(NULL_NAMES, 0.0, 1.0), R_BAR, blocked)
        smallest = power_preferences.coupling(
            judged, r, nats, labels[known], lambda w, y: beyond_controls(w, y, found.controls).p, options.seed
        )
        v10 = v10.with_detectable(smallest)
    r_of, low, high = (json_number(end) for end in (value, low, high))
    return Coupled(r_of, low, high, inside, json_number(beyond.times), beyond.kind), v10


def within(r: np.ndarray, nats: np.ndarray, positive: np.ndarray, options: Options) -> Within:
    """r of correlation and effect inside each valence, and of both together after removing each valence's mean.

    `r`, `nats` and `positive` (k,) are those of the emotions that have a valence.
    """
    groups: dict[str, WithinGroup] = {}
    x, y = r.copy(), nats.copy()
    for name, members in ((POSITIVE, positive), (NEGATIVE, ~positive)):
        count = int(members.sum())
        interval = (math.nan, math.nan, math.nan)
        if count >= 4 and np.ptp(r[members]) > 0 and np.ptp(nats[members]) > 0:
            found, _ = intervals.pearson_bootstrap(
                r[members], nats[members], repeats=options.resamples, seed=options.seed
            )
            interval = (float(found.estimate), float(found.low), float(found.high))
        inside, low, high = (json_number(end) for end in interval)
        groups[name] = WithinGroup(emotions=count, r=inside, low=low, high=high)
        if count:
            x[members], y[members] = x[members] - x[members].mean(), y[members] - y[members].mean()
    value = p = math.nan
    if len(x) >= 4 and np.ptp(x) > 0 and np.ptp(y) > 0:
        value = float(pearson(x, y))
        rows = permuted_rows(len(y), positive.tolist(), options.resamples, options.seed)
        p = float(nulls.permutation_p(value, pearson(y[rows].T, x)))
    return Within(positive=groups[POSITIVE], negative=groups[NEGATIVE], r=json_number(value), p=json_number(p))


def _two_clusters(inside: Within, valences: Valences) -> str:
    if inside.p is not None and inside.p <= 0.05:
        return ""
    if inside.p is None and not valences.known.all():
        return "too few emotions have a valence to rule out that two clusters give this r"
    return "within the valences the effects do not follow the correlation, so two clusters could give this r"


def signs(r: np.ndarray, found: Effects, valences: Valences, blocked: str, options: Options) -> tuple[Signs, Criterion]:
    """V11: effects with the sign of the emotion's valence; beside it those with the sign of its correlation.

    Nulls as in V10: with the effects shuffled, a shift common to all emotions is chance; and the gap between the valences
    must be larger than control directions make. The largest p value counts.
    """
    known = np.isfinite(r) & (r != 0)
    by_r = _signs_test(np.where(known, np.sign(r), 0).astype(int), found, options)
    if valences.lacking:
        return Signs(len(r), by_r.right, json_number(by_r.p), None, None), not_asked("V11", valences.lacking)
    labelled = found._replace(nats=found.nats[valences.known])
    nats, by_valence = labelled.nats, _signs_test(np.where(valences.positive, 1, -1), labelled, options)
    v11 = judge(
        "V11", "Steering has the sign of the valence", by_valence.right, intervals.around(by_valence.right, len(nats)),
        Null(NULL_NAMES, by_valence.chance, by_valence.p), scaled(SIGNS_BAR, len(nats), 35),
        "emotions whose effect has the sign of their valence", len(nats),
        note=f"With the sign of their correlation: {by_r.right} of {len(r)} (p = {number(by_r.p)}). Half of the gap "
        f"between the valences is {number(by_valence.times)} times the effect of a control direction.{valences.left_out(len(r))}", blocked=blocked,
    )  # fmt: skip
    if options.detect:
        judged = Judged(Null(NULL_NAMES, by_valence.chance, 1.0), scaled(SIGNS_BAR, len(nats), 35), blocked)
        smallest = power_preferences.signs(
            judged, valences.positive, nats, lambda w, y: beyond_controls(w, y, found.controls).p, options.seed
        )
        v11 = v11.with_detectable(smallest)
    return Signs(len(r), by_r.right, json_number(by_r.p), by_valence.right, json_number(by_valence.p)), v11


class _SignTest(NamedTuple):
    right: int
    p: float
    chance: float
    times: float


def _signs_test(wanted: np.ndarray, found: Effects, options: Options) -> _SignTest:
    """Effects with the `wanted` sign (m,), the larger p value of both nulls, and the count that chance gives."""
    signs = np.sign(found.nats)
    right = int(((signs == wanted) & (wanted != 0)).sum())
    dealt = signs[permuted_rows(len(signs), None, options.resamples, options.seed)]
    null = ((dealt == wanted) & (wanted != 0)).sum(axis=1)
    if not ((wanted > 0).any() and (wanted < 0).any()):
        return _SignTest(right, 1.0, float(null.mean()), math.nan)
    weights = np.where(wanted > 0, 1 / (wanted > 0).sum(), np.where(wanted < 0, -1 / (wanted < 0).sum(), 0.0))
    beyond = beyond_controls(weights, found.nats, found.controls)
    return _SignTest(right, max(float(nulls.permutation_p(right, null)), beyond.p), float(null.mean()), beyond.times)
