"""V10 and V11: does a vector on the tokens of some activities move the choice towards them or away?

In: logit differences of the asked pairs under every condition (`arms.Runs`) and the unsteered ones. The vector is the
unit direction times strength times the mean residual norm of the layer, added at the analysis layer on the tokens of the
steered activity only. Out: for each vector the change of the log-odds that a steered activity is chosen over an
unsteered one (nats), over all splits of the activities into halves, and the change of the refitted scores (Elo).
Source: paper, Figure 4 row 4; seed report section 3.6. What it can't tell: whether the model acts on what it says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.experiments import power_preferences
from emotion_vectors.experiments.arms import NULLS, Runs
from emotion_vectors.experiments.beyond import Beyond, beyond_controls
from emotion_vectors.experiments.coherence import Coherence, broken_reason
from emotion_vectors.experiments.criteria import Null, Threshold, json_number, judge, not_asked, number, scaled
from emotion_vectors.experiments.power import Judged
from emotion_vectors.experiments.valences import Valences
from emotion_vectors.stats import intervals, nulls, scores
from emotion_vectors.stats import steering as effects
from emotion_vectors.stats.correlation import Line, linear_fit, pearson
from emotion_vectors.stats.nulls import permuted_rows
from emotion_vectors.stimuli.items import NEGATIVE, POSITIVE, Activity

# Mean change in nats by float noise in bfloat16 is about 0.02; anything above this is another computation.
MOST_PATH_NOISE = 0.1
R_BAR, SIGNS_BAR = Threshold(0.4, "above", of="|r|"), 25
NULL_NAMES = "effects dealt out to other emotions, random, orthogonal and shuffled-label directions"


class Options(NamedTuple):
    """How the effects are judged: `splits` (k, n) of the activities, resamples, seed, the Elo updates."""

    splits: np.ndarray
    resamples: int
    seed: int
    elo_k: float = 32.0
    elo_passes: int = 10
    detect: bool = False  # add what V10 and V11 could have seen


class Effects(NamedTuple):
    """Effects of m steered emotions and of the control directions, pooled over all splits and their complements."""

    matrices: np.ndarray  # (m, n, n) nats
    nats: np.ndarray  # (m,)
    low: np.ndarray
    high: np.ndarray
    by_split: np.ndarray  # (m, k)
    controls: dict[str, np.ndarray]  # kind -> (directions,) nats


def measure(runs: Runs, options: Options) -> Effects:
    """The effects of all vectors of the main arm and of its controls."""
    splits = effects.with_complements(options.splits)
    matrices = runs.effects(runs.rows(runs.plan.emotions))
    interval = effects.pooled_interval(matrices, splits, repeats=options.resamples, seed=options.seed)
    controls = {
        kind: effects.pooled_effect(runs.effects(runs.rows(runs.plan.names(kind), kind)), splits)
        for kind in (*NULLS, "mean")
    }
    return Effects(
        matrices, interval.estimate, interval.low, interval.high, effects.splits_effect(matrices, options.splits), controls
    )  # fmt: skip


def run(
    activities: Sequence[Activity],
    baseline: np.ndarray,
    runs: Runs,
    found: Effects,
    r: np.ndarray,
    valence: Mapping[str, str],
    examples: dict[str, str],
    facts: dict[str, Any],
    coherence: Sequence[Coherence],
    blocked: str,
    options: Options,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record's `steering` part and V10, V11.

    `baseline` (n, n) are the unsteered differences of the preference experiment, `found` what `measure` gives; `r` (m,) and `coherence` belong to the
    plan's emotions: their correlation with preference (V9), and whether the steered answers still hold together.
    """
    emotions, base = runs.plan.emotions, runs.base
    path_noise = _path_noise(baseline, base)
    changes = _refits(runs, options)
    per_nat = _elo_per_nat(found.nats, changes.elo)
    rows = [
        {
            "emotion": emotion, "valence": valence.get(emotion), "r": json_number(r[i]), "nats": float(found.nats[i]),
            "low": float(found.low[i]), "high": float(found.high[i]), "elo": float(changes.elo[i]),
            "elo_low": float(found.low[i] * per_nat), "elo_high": float(found.high[i] * per_nat),
            "elo_steered": float(changes.steered[i]), "elo_updates_steered": float(changes.updates[i]),
            "nats_even": float(found.by_split[i, 0]), "nats_odd": float(found.by_split[i, 1]),
            "same_sign_splits": int((np.sign(found.by_split[i]) == np.sign(found.nats[i])).sum()),
            **coherence[i]._asdict(),
        }
        for i, emotion in enumerate(emotions)
    ]  # fmt: skip
    reason = blocked or broken_reason(coherence)
    valences = Valences.of(emotions, valence)
    coupling, v10 = _coupling(r, found, valences, reason, options)
    signs, v11 = _signs(r, found, valences, reason, options)
    known = np.isfinite(r)
    line = linear_fit(r[known], changes.steered[known]) if known.sum() > 2 else Line(math.nan, math.nan)
    record = {
        **facts, "splits": len(options.splits), "prompts_per_vector": int(2 * np.isfinite(base).sum()),
        "emotions": rows, **coupling, **signs, "slope": json_number(line.slope), "intercept": json_number(line.intercept),
        "elo_per_nat": json_number(per_nat), "path_noise_nats": path_noise, "zero_sum_error": changes.zero_sum_error,
        "steered_activities": [a.text for a, chosen in zip(activities, options.splits[0], strict=True) if chosen],
        "controls": [
            {"kind": kind, "nats": float(n), "elo_steered": float(n * per_nat / 2)}
            for kind, values in found.controls.items() for n in values
        ],
        "examples": {
            kind: _example(emotion, emotions.index(emotion), changes, activities, options.splits[0])
            for kind, emotion in examples.items()
        },
    }  # fmt: skip
    return record, [v10, v11]


def _path_noise(baseline: np.ndarray, zero: np.ndarray) -> float:
    """Mean |strength 0 - baseline| in nats over the asked pairs: the float noise of the steered path.

    Raises `ArithmeticError` where it is no noise any more: then the steered path computes something else.
    """
    noise = float(np.nanmean(np.abs(zero - baseline)))
    if noise > MOST_PATH_NOISE:
        raise ArithmeticError(
            f"Steering with strength 0 changes the choices by {noise:.3f} nats on average; nothing should change."
        )
    return noise


class _Refits(NamedTuple):
    """Elo points of m emotions: steered minus control over all splits, and for the even half what is drawn and reported."""

    elo: np.ndarray
    steered: np.ndarray
    updates: np.ndarray
    even: effects.RefitChange
    zero_sum_error: float


def _refits(runs: Runs, options: Options) -> _Refits:
    rows, base = runs.rows(runs.plan.emotions), runs.base
    splits = effects.with_complements(options.splits)
    tables = [effects.split_table(base, runs.first[rows], runs.second[rows], split) for split in splits]
    refits = [effects.refit_change(base, table, split) for table, split in zip(tables, splits, strict=True)]
    updates = effects.elo_change(
        base, tables[0], options.splits[0], k=options.elo_k, passes=options.elo_passes, seed=options.seed
    )
    return _Refits(
        np.mean([refit.difference for refit in refits], axis=0) * scores.ELO_PER_NAT,
        refits[0].steered * scores.ELO_PER_NAT, updates, refits[0],
        float(max(refit.zero_sum_error.max() for refit in refits)),
    )  # fmt: skip


def _elo_per_nat(nats: np.ndarray, elo: np.ndarray) -> float:
    """Elo points (steered minus control) for a nat of effect: least squares through 0. 173.7 without position bias."""
    return float(nats @ elo / (nats @ nats)) if np.any(nats) else scores.ELO_PER_NAT


def _coupling(
    r: np.ndarray, found: Effects, valences: Valences, blocked: str, options: Options
) -> tuple[dict[str, Any], dict[str, Any]]:
    """V10: Pearson r over emotions of correlation and effect. Nulls: effects dealt out, and control directions.

    Emotions that form two clusters have |r| near 1 with either sign whatever the vector does, and dealing out can't tell.
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
    within = _within(r_known[labelled], nats_known[labelled], positive, options)
    v10 = judge(
        "V10", "Steering follows correlation", value, (low, high),
        # Over all ways to deal them out the mean r is exactly 0.
        Null(NULL_NAMES, 0.0, p), R_BAR, "is Pearson's r of correlation and steering effect",
        note=f"Along the correlation the effects are {number(beyond.times)} standard deviations of those of {beyond.kind} "
        f"directions of the same norm. Within the valences r = {number(_or_nan(within['r']))}.{valences.left_out(len(known))}",
        blocked=blocked, seed_value=abs(value), capped=_two_clusters(within, valences),
    )  # fmt: skip
    if options.detect and math.isfinite(value):
        labels = np.zeros(len(known), dtype=int)
        labels[valences.known] = np.where(valences.positive, 1, -1)
        judged = Judged(Null(NULL_NAMES, 0.0, 1.0), R_BAR, blocked)
        v10["detectable"] = power_preferences.coupling(
            judged, r, nats, labels[known], lambda w, y: beyond_controls(w, y, found.controls).p, options.seed
        )
    facts = {"r": json_number(value), "low": json_number(low), "high": json_number(high), "within": within}
    return facts | {"times_control": json_number(beyond.times), "hardest_control": beyond.kind}, v10


def _within(r: np.ndarray, nats: np.ndarray, positive: np.ndarray, options: Options) -> dict[str, Any]:
    """r of correlation and effect inside each valence, and of both together after removing each valence's mean.

    `r`, `nats` and `positive` (k,) are those of the emotions that have a valence.
    """
    groups: dict[str, Any] = {}
    x, y = r.copy(), nats.copy()
    for name, members in ((POSITIVE, positive), (NEGATIVE, ~positive)):
        count = int(members.sum())
        interval = (math.nan, math.nan, math.nan)
        if count >= 4 and np.ptp(r[members]) > 0 and np.ptp(nats[members]) > 0:
            found, _ = intervals.pearson_bootstrap(
                r[members], nats[members], repeats=options.resamples, seed=options.seed
            )
            interval = (float(found.estimate), float(found.low), float(found.high))
        groups[name] = {"emotions": count} | {
            key: json_number(v) for key, v in zip(("r", "low", "high"), interval, strict=True)
        }
        if count:
            x[members], y[members] = x[members] - x[members].mean(), y[members] - y[members].mean()
    value = p = math.nan
    if len(x) >= 4 and np.ptp(x) > 0 and np.ptp(y) > 0:
        value = float(pearson(x, y))
        rows = permuted_rows(len(y), positive.tolist(), options.resamples, options.seed)
        p = float(nulls.permutation_p(value, pearson(y[rows].T, x)))
    return groups | {"r": json_number(value), "p": json_number(p)}


def _two_clusters(within: dict[str, Any], valences: Valences) -> str:
    if within["p"] is not None and within["p"] <= 0.05:
        return ""
    if within["p"] is None and not valences.known.all():
        return "too few emotions have a valence to rule out that two clusters give this r"
    return "within the valences the effects do not follow the correlation, so two clusters could give this r"


def _signs(
    r: np.ndarray, found: Effects, valences: Valences, blocked: str, options: Options
) -> tuple[dict[str, Any], dict[str, Any]]:
    """V11: effects with the sign of the emotion's valence; beside it those with the sign of its correlation.

    Nulls as in V10: with the effects dealt out, a shift common to all emotions is chance; and the gap between the valences
    must be larger than control directions make. The largest p value counts.
    """
    known = np.isfinite(r) & (r != 0)
    by_r = _signs_test(np.where(known, np.sign(r), 0).astype(int), found, options)
    facts = {"of": len(r), "signs_by_correlation": by_r.right, "p_signs_by_correlation": json_number(by_r.p)}
    if valences.lacking:
        return facts | {"signs": None, "p_signs": None}, not_asked("V11", valences.lacking)
    labelled = found._replace(nats=found.nats[valences.known])
    nats, by_valence = labelled.nats, _signs_test(np.where(valences.positive, 1, -1), labelled, options)
    interval = intervals.wilson_interval(by_valence.right, len(nats))
    v11 = judge(
        "V11", "Steering has the sign of the valence", by_valence.right, (interval.low * len(nats), interval.high * len(nats)),
        Null(NULL_NAMES, by_valence.chance, by_valence.p), scaled(SIGNS_BAR, len(nats), 35),
        "emotions whose effect has the sign of their valence", len(nats),
        note=f"With the sign of their correlation: {by_r.right} of {len(r)} (p = {number(by_r.p)}). Half of the gap "
        f"between the valences is {number(by_valence.times)} times the effect of a control direction.{valences.left_out(len(r))}", blocked=blocked,
    )  # fmt: skip
    if options.detect:
        judged = Judged(Null(NULL_NAMES, by_valence.chance, 1.0), scaled(SIGNS_BAR, len(nats), 35), blocked)
        v11["detectable"] = power_preferences.signs(
            judged, valences.positive, nats, lambda w, y: beyond_controls(w, y, found.controls).p, options.seed
        )
    return facts | {"signs": by_valence.right, "p_signs": json_number(by_valence.p)}, v11


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


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _example(
    emotion: str, row: int, changes: _Refits, activities: Sequence[Activity], steered: np.ndarray
) -> dict[str, Any]:
    """Figures 6 and 8: scores of every activity before and after, with the even half steered."""
    before, after = scores.nats_to_elo(changes.even.before), scores.nats_to_elo(changes.even.after[row])
    return {
        "emotion": emotion, "elo_steered": float(changes.steered[row]),
        "points": [
            {
                "activity": activity.text, "category": activity.category, "steered": bool(steered[i]),
                "baseline": float(before[i]), "after": float(after[i]),
            }
            for i, activity in enumerate(activities)
        ],
    }  # fmt: skip
