"""What the steering part of a record must agree on: effects, r, signs, intervals, controls, coherence, examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from emotion_vectors.experiments.correlation.record import ProbeCorrelations
from emotion_vectors.experiments.steering.contradictions_arms import check_arms, check_categories, check_scale
from emotion_vectors.experiments.steering.contradictions_sweeps import check_depth, check_dose, check_inversion
from emotion_vectors.experiments.steering.controls import ARMS, NULLS, RELABELLED
from emotion_vectors.experiments.steering.record import EmotionEffect, Steering
from emotion_vectors.experiments.steering.record_controls import Arm
from emotion_vectors.experiments.steering.terms import (
    HALVES,
    LEAST_CONSISTENCY_KEPT,
    LEAST_MASS_KEPT,
    MOST_BROKEN,
    VALENCES,
)
from emotion_vectors.record import Record
from emotion_vectors.record.criterion import NOT_ASKED, Criterion
from emotion_vectors.record.requirements import pearson, require, require_close, require_within

# The unsteered order is known from the strength-0 arm, where a near tie can turn a triad.
_ORDER_SLACK = 0.02
Criteria = dict[str, Criterion]
Effects = Sequence[EmotionEffect]


def contradictions(record: Record) -> None:
    """Refuse a steering part that denies its own lists, other parts, the settings, or V10 and V11."""
    steering, criteria = record.part(Steering), record.criteria
    if steering is None:
        return
    rows = steering.emotions
    require(steering.of == len(rows), f"Steering counts {steering.of} emotions but lists {len(rows)}.")
    require(len({row.emotion for row in rows}) == len(rows), "An emotion is steered twice.")
    _coupling(steering, rows, criteria["V10"])
    _effects(steering, rows)
    _correlations(record, rows)
    _signs(steering, rows, criteria["V11"])
    _within(steering, rows, criteria["V10"])
    _controls(steering, rows, criteria["V10"])
    _coherence(steering, rows, criteria)
    _examples(steering, rows)
    check_arms(steering)
    check_inversion(steering)
    check_dose(steering)
    check_depth(steering)
    check_categories(record, steering)
    check_scale(record, steering)
    _settings(record, steering)


def _holds(value: float | None, low: float | None, high: float | None, what: str) -> None:
    """An interval holds the value that it belongs to."""
    held = value is None or low is None or high is None or low - 1e-6 <= value <= high + 1e-6
    require(held, f"{what} is {value}, outside its own interval {low} to {high}.")


def _p(criterion: Criterion) -> float | None:
    return criterion.null.p if criterion.null else None


def _coupling(steering: Steering, rows: Effects, v10: Criterion) -> None:
    """r is that of the listed emotions, its interval holds it, and the drawn line rises or falls with it."""
    _holds(steering.r, steering.low, steering.high, "The steering r")
    known = [row for row in rows if row.r is not None]
    r, nats, elo = [row.r for row in known], [row.nats for row in known], [row.elo_steered for row in known]
    require_close(steering.r, pearson(r, nats), 0.001, "The steering r")
    require_close(v10.value, steering.r, 0.006, "V10")
    slope = steering.slope
    if slope is not None and steering.r is not None:
        # The line is drawn through the refitted scores, whose r can differ in sign from that in nats where both are near 0.
        found = [value for value in (pearson(r, nats), pearson(r, elo)) if value is not None]
        require(
            not found or any(slope * value >= 0 for value in found), "The steering r and its slope have opposite signs."
        )
        fitted = float(np.polyfit(np.array(r, dtype=float), elo, 1)[0])
        require_close(slope, fitted, 0.01 + 0.005 * abs(fitted), "The slope of the steered half's scores on r")


def _effects(steering: Steering, rows: Effects) -> None:
    """Each effect lies in its interval, agrees with its own halves, and Elo points are what elo_per_nat says."""
    rate, splits = steering.elo_per_nat, steering.splits
    nats, elo = np.array([row.nats for row in rows]), np.array([row.elo for row in rows])
    if np.any(nats):
        fitted = float(nats @ elo / (nats @ nats))
        require_close(rate, fitted, 0.01 + 0.001 * abs(fitted), "Elo points for a nat of effect")
    for row in rows:
        name = f"The steering effect of {row.emotion}"
        _holds(row.nats, row.low, row.high, name)
        for end, own, stated in (("low", row.low, row.elo_low), ("high", row.high, row.elo_high)):
            product = None if rate is None else own * rate
            require_close(stated, product, 0.01 + 0.001 * abs(product or 0), f"{name} in Elo, its {end} end,")
        same = row.same_sign_splits
        require_within([same], 0, splits, f"{name}: the splits with its sign")
        agree = sum(np.sign(half) == np.sign(row.nats) for half in (row.nats_even, row.nats_odd))
        possible = agree <= same <= splits - len(HALVES) + agree
        require(possible, f"{name} has its sign in {same} of {splits} splits, which its even and odd half deny.")


def _correlations(record: Record, rows: Effects) -> None:
    """Each r is that of the correlation experiment."""
    found = record.part(ProbeCorrelations)
    listed = {row.emotion: row.r for row in found.emotions} if found else {}
    for row in rows:
        require_close(row.r, listed.get(row.emotion), 0.005, f"The r of the steered emotion {row.emotion}")


def _signs(steering: Steering, rows: Effects, v11: Criterion) -> None:
    """The stated counts of signs are those of the listed effects, by valence and by correlation."""
    by_valence = [{"positive": 1, "negative": -1}.get(row.valence or "", 0) for row in rows]
    by_correlation = [int(np.sign(row.r or 0.0)) for row in rows]
    if steering.signs is None:
        require(v11.verdict == NOT_ASKED, "Steering's count 'signs' is missing, but V11 has a verdict.")
    else:
        _sign_count("signs", steering.signs, by_valence, rows)
    _sign_count("signs_by_correlation", steering.signs_by_correlation, by_correlation, rows)
    labelled = sum(sign != 0 for sign in by_valence)
    require_close(v11.value, steering.signs, 1e-6, "V11")
    whole = v11.of
    require(whole in (None, labelled), f"V11 is out of {whole} but {labelled} emotions with a valence were steered.")
    require_close(_p(v11), steering.p_signs, 1e-6, "The p of V11")


def _sign_count(key: str, stated: float, wanted: Sequence[int], rows: Effects) -> None:
    name = f"Steering's count '{key}'"
    right = sum(sign != 0 and np.sign(row.nats) == sign for row, sign in zip(rows, wanted, strict=True))
    require_within([stated], 0, len(rows), name)
    require(stated == right, f"{name} is {stated}, but {right} of the listed effects have that sign.")


def _within(steering: Steering, rows: Effects, v10: Criterion) -> None:
    """r inside each valence and with each valence's mean subtracted; V10 can't pass on two clusters alone."""
    within, left = steering.within, list[tuple[float, float]]()
    for valence in VALENCES:
        group, name = within.of(valence), f"The steering r within the {valence} emotions"
        own = [(row.r, row.nats) for row in rows if row.r is not None and row.valence == valence]
        require(group.emotions == len(own), f"{name} counts {group.emotions} emotions of {len(own)}.")
        _holds(group.r, group.low, group.high, name)
        if own:
            x, y = np.array(own).T
            require_close(group.r, pearson(x, y), 0.001, name)
            left += list(zip(x - x.mean(), y - y.mean(), strict=True))
    computed = pearson([x for x, _ in left], [y for _, y in left])
    require_close(within.r, computed, 0.001, "The steering r within the valences")
    confirmed = within.p is not None and within.p <= 0.05
    passes = v10.verdict == "pass"
    require(confirmed or not passes, f"V10 passes although two clusters could give it (p = {within.p} within).")


def _controls(steering: Steering, rows: Effects, v10: Criterion) -> None:
    """How far the effects go beyond control directions, recomputed; chance can't be smaller than that says."""
    rate = steering.elo_per_nat
    for row in steering.controls:
        product = None if rate is None else row.nats * rate / 2
        require_close(row.elo_steered, product, 0.01 + 0.001 * abs(product or 0), f"A {row.kind} direction in Elo")
    known = [(row.r, row.nats) for row in rows if row.r is not None]
    if steering.r is None or steering.times_control is None or not known:
        return
    r, nats = np.array(known).T
    if np.ptp(r) == 0:
        return
    weights, found = r - r.mean(), dict[str, tuple[float, float]]()
    for kind in NULLS:
        control = [row.nats for row in steering.controls if row.kind == kind]
        if len(control) > 1 and np.std(control) > 0:
            spread = float(np.std(control, ddof=1))
            if kind in RELABELLED:
                # Each emotion would get a mixture of its own: independent draws, not one set of vectors turned together.
                spread *= float(np.sqrt(np.sum(weights**2)) / np.abs(weights).sum())
            times = float(weights @ nats / np.abs(weights).sum() / spread)
            found[kind] = (times, float(t.sf(times, len(control) - 1)))
    kind = steering.hardest_control
    require(kind in found, f"The hardest control is of the kind '{kind}', of which too few were steered.")
    times, p = found[kind]
    require_close(steering.times_control, times, 0.001 * max(1.0, abs(times)), f"The effect against {kind} directions")
    worst = max(p for _, p in found.values())
    require(p >= worst - 1e-9, f"The hardest control is called '{kind}', but another one is harder.")
    stated = _p(v10)
    require(stated is None or stated >= worst - 1e-6, f"V10 states p = {stated}, control directions give {worst:g}.")


def _coherence(steering: Steering, rows: Effects, criteria: Criteria) -> None:
    """Answers called coherent kept their mass and order, others didn't, and too many of those leave no verdict."""
    before = steering.arm("strength 0")
    for row in rows if before is not None else ():
        assert before is not None
        _kept(row, before)
    broken = sum(not row.coherent for row in rows)
    judged = [name for name in ("V10", "V11") if criteria[name].verdict not in ("inconclusive", NOT_ASKED)]
    require(
        broken <= MOST_BROKEN * len(rows) or not judged,
        f"{' and '.join(judged)} got a verdict although the answers fell apart under {broken} of {len(rows)} vectors.",
    )


def _kept(row: EmotionEffect, before: Arm) -> None:
    name = f"The answers under {row.emotion}"
    mass = row.mass - LEAST_MASS_KEPT * before.mass
    order, unsteered = row.consistency, before.consistency
    left = 1.0 if order is None or unsteered is None or unsteered <= 0 else order - LEAST_CONSISTENCY_KEPT * unsteered
    fine = mass >= -1e-6 and left >= -_ORDER_SLACK
    apart = mass < 1e-6 or left < _ORDER_SLACK
    require(fine or not row.coherent, f"{name} are called coherent although half of their mass or order is gone.")
    require(apart or row.coherent, f"{name} are called broken although they kept their mass and order.")


def _examples(steering: Steering, rows: Effects) -> None:
    listed = {row.emotion: row.elo_steered for row in rows}
    for example in steering.examples.values():
        name = f"The change by {example.emotion}"
        require(example.emotion in listed, f"The example {example.emotion} was not steered.")
        require_close(example.elo_steered, listed[example.emotion], 0.01, name)
        steered, control = example.changes(True), example.changes(False)
        require_close(example.elo_steered, float(np.mean(steered)) if steered else None, 1.0, name)
        total, count = sum(steered) + sum(control), len(steered) + len(control)
        require(
            abs(total) <= 0.01 * count, f"{name}: the scores of all activities change by {total:g} in sum, not by 0."
        )


def _settings(record: Record, steering: Steering) -> None:
    """What the settings ordered is what was steered: controls, splits, strength and layer."""
    for arm in ARMS:
        found = sum(row.kind == arm.kind for row in steering.controls)
        if arm.is_later and not found:
            continue
        if arm.setting is None:
            require(found == 1, f"There are {found} directions of {arm.plural}, not one.")
            continue
        wanted = record.setting(arm.setting)
        require(wanted in (None, found), f"{found} {arm.kind} directions were steered, the settings say {wanted}.")
    splits = record.setting("random_splits")
    whole = None if splits is None else splits + len(HALVES)
    require(whole in (None, steering.splits), f"Steering has {steering.splits} splits, its settings {whole}.")
    strength = record.setting("strength")
    require(strength in (None, steering.strength), f"The strength is {steering.strength}, by the settings {strength}.")
    layer = record.vectors.layer if record.vectors else None
    require(layer in (None, steering.layer), f"Steering is at layer {steering.layer}, the vectors at {layer}.")
    most, found = record.setting("control_emotions"), steering.inversion.emotions
    wanted = None if most is None else min(most, steering.of)
    require(
        wanted in (None, found),
        f"{found} control emotions were steered on both activities, the settings say {wanted}.",
    )
