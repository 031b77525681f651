"""What the steering part of a record must agree on: effects, r, signs, intervals, controls, coherence, examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t

from emotion_vectors.report.checks_arms import check_arms, check_categories, check_scale
from emotion_vectors.report.checks_sweeps import check_depth, check_dose, check_inversion
from emotion_vectors.report.requirements import parts, pearson, require, require_close, require_order, require_within

Criteria = dict[str, dict[str, Any]]
Rows = list[dict[str, Any]]
NULLS = ("random", "orthogonal", "shuffled")
# The record's rule for answers that fell apart (docs/experiments/steering.md): half of the mass or of the order gone,
# and a verdict only where at most a tenth of the vectors do that.
LEAST_KEPT, MOST_BROKEN = 0.5, 0.1
# The unsteered order is known from the strength-0 arm, where a near tie can turn a triad.
_ORDER_SLACK = 0.02


def check_steering(experiments: dict[str, Any], criteria: Criteria) -> None:
    """Everything inside the steering part that can be recomputed, and V10 and V11 against it."""
    steering = experiments["steering"]
    rows = steering["emotions"]
    require(steering["of"] == len(rows), f"Steering counts {steering['of']} emotions but lists {len(rows)}.")
    require(len({row["emotion"] for row in rows}) == len(rows), "An emotion is steered twice.")
    _coupling(steering, rows, criteria)
    _effects(steering, rows, experiments)
    _signs(steering, rows, criteria)
    _within(steering, rows, criteria)
    _controls(steering, rows, criteria)
    _coherence(steering, rows, criteria)
    _examples(steering, rows)
    check_arms(steering)
    check_inversion(steering)
    check_dose(steering)
    check_depth(steering)
    check_categories(experiments)
    check_scale(experiments)


def holds(value: float | None, low: float | None, high: float | None, what: str) -> None:
    """An interval is in order and holds the value that it belongs to."""
    require_order(low, high, f"{what}: the interval")
    held = value is None or low is None or high is None or low - 1e-6 <= value <= high + 1e-6
    require(held, f"{what} is {value}, outside its own interval {low} to {high}.")


def _coupling(steering: dict[str, Any], rows: Rows, criteria: Criteria) -> None:
    """r is that of the listed emotions, its interval holds it, and the drawn line rises or falls with it."""
    require_within([steering["r"], steering["low"], steering["high"]], -1, 1, "The steering r")
    holds(steering["r"], steering["low"], steering["high"], "The steering r")
    known = [row for row in rows if row["r"] is not None]
    r, nats = [row["r"] for row in known], [row["nats"] for row in known]
    require_close(steering["r"], pearson(r, nats), 0.001, "The steering r")
    require_close(criteria["V10"].get("value"), steering["r"], 0.006, "V10")
    slope = steering.get("slope")
    if slope is not None and steering["r"] is not None:
        # The line is drawn through the refitted scores, whose r can differ in sign from that in nats where both are near 0.
        signs = [pearson(r, [row[key] for row in known]) for key in ("nats", "elo_steered")]
        found = [value for value in signs if value is not None]
        require(
            not found or any(slope * value >= 0 for value in found), "The steering r and its slope have opposite signs."
        )
        fitted = float(np.polyfit(r, [row["elo_steered"] for row in known], 1)[0])
        require_close(slope, fitted, 0.01 + 0.005 * abs(fitted), "The slope of the steered half's scores on r")


def _effects(steering: dict[str, Any], rows: Rows, experiments: dict[str, Any]) -> None:
    """Each effect lies in its interval, agrees with its own halves, and Elo points are what elo_per_nat says."""
    listed = {row["emotion"]: row["r"] for row in parts(experiments, "correlation").get("emotions") or []}
    rate, splits = steering["elo_per_nat"], steering["splits"]
    nats, elo = (np.array([row[key] for row in rows]) for key in ("nats", "elo"))
    if np.any(nats):
        fitted = float(nats @ elo / (nats @ nats))
        require_close(rate, fitted, 0.01 + 0.001 * abs(fitted), "Elo points for a nat of effect")
    for row in rows:
        name = f"The steering effect of {row['emotion']}"
        holds(row["nats"], row["low"], row["high"], name)
        require_close(row["r"], listed.get(row["emotion"]), 0.005, f"The r of the steered emotion {row['emotion']}")
        for end in ("low", "high"):
            product = None if rate is None else row[end] * rate
            require_close(
                row[f"elo_{end}"], product, 0.01 + 0.001 * abs(product or 0), f"{name} in Elo, its {end} end,"
            )
        same = row["same_sign_splits"]
        require_within([same], 0, splits, f"{name}: the splits with its sign")
        agree = sum(np.sign(row[f"nats_{half}"]) == np.sign(row["nats"]) for half in ("even", "odd"))
        possible = agree <= same <= splits - 2 + agree
        require(possible, f"{name} has its sign in {same} of {splits} splits, which its even and odd half deny.")


def _signs(steering: dict[str, Any], rows: Rows, criteria: Criteria) -> None:
    """The stated counts of signs are those of the listed effects, by valence and by correlation."""
    wanted = {
        "signs": [{"positive": 1, "negative": -1}.get(row["valence"], 0) for row in rows],
        "signs_by_correlation": [np.sign(row["r"] or 0.0) for row in rows],
    }
    for key, signs in wanted.items():
        right = sum(sign != 0 and np.sign(row["nats"]) == sign for row, sign in zip(rows, signs, strict=True))
        name = f"Steering's count '{key}'"
        if key == "signs" and steering[key] is None:
            require(criteria["V11"]["verdict"] == "not asked", f"{name} is missing, but V11 has a verdict.")
            continue
        require_within([steering[key]], 0, len(rows), name)
        require(steering[key] == right, f"{name} is {steering[key]}, but {right} of the listed effects have that sign.")
        require_within([steering[f"p_{key}"]], 0, 1, f"The p of steering's '{key}'")
    labelled = sum(sign != 0 for sign in wanted["signs"])
    require_close(criteria["V11"].get("value"), steering["signs"], 1e-6, "V11")
    whole, p = criteria["V11"].get("of"), (criteria["V11"].get("null") or {}).get("p")
    require(whole in (None, labelled), f"V11 is out of {whole} but {labelled} emotions with a valence were steered.")
    require_close(p, steering["p_signs"], 1e-6, "The p of V11")


def _within(steering: dict[str, Any], rows: Rows, criteria: Criteria) -> None:
    """r inside each valence and with each valence's mean taken off; V10 can't pass on two clusters alone."""
    within, known = steering["within"], [row for row in rows if row["r"] is not None]
    left: list[tuple[float, float]] = []
    for valence in ("positive", "negative"):
        group, name = within[valence], f"The steering r within the {valence} emotions"
        own = [(row["r"], row["nats"]) for row in known if row["valence"] == valence]
        require(group["emotions"] == len(own), f"{name} counts {group['emotions']} emotions of {len(own)}.")
        require_within([group["r"], group["low"], group["high"]], -1, 1, name)
        holds(group["r"], group["low"], group["high"], name)
        if own:
            x, y = np.array(own).T
            require_close(group["r"], pearson(x, y), 0.001, name)
            left += list(zip(x - x.mean(), y - y.mean(), strict=True))
    require_within([within["r"]], -1, 1, "The steering r within the valences")
    require_within([within["p"]], 0, 1, "The p of the steering r within the valences")
    computed = pearson([x for x, _ in left], [y for _, y in left])
    require_close(within["r"], computed, 0.001, "The steering r within the valences")
    confirmed = within["p"] is not None and within["p"] <= 0.05
    passes = criteria["V10"]["verdict"] == "pass"
    require(confirmed or not passes, f"V10 passes although two clusters could give it (p = {within['p']} within).")


def _controls(steering: dict[str, Any], rows: Rows, criteria: Criteria) -> None:
    """How far the effects go beyond control directions, recomputed; chance can't be smaller than that says."""
    for row in steering["controls"]:
        require(row["kind"] in (*NULLS, "mean"), f"A control direction is of the kind '{row['kind']}', which is none.")
        rate = steering["elo_per_nat"]
        product = None if rate is None else row["nats"] * rate / 2
        require_close(
            row["elo_steered"], product, 0.01 + 0.001 * abs(product or 0), f"A {row['kind']} direction in Elo"
        )
    known = [row for row in rows if row["r"] is not None]
    r, nats = (np.array([row[key] for row in known]) for key in ("r", "nats"))
    if steering["r"] is None or steering["times_control"] is None or np.ptp(r) == 0:
        return
    weights, found = r - r.mean(), {}
    for kind in NULLS:
        control = [row["nats"] for row in steering["controls"] if row["kind"] == kind]
        if len(control) > 1 and np.std(control) > 0:
            spread = float(np.std(control, ddof=1))
            if kind == "shuffled":
                # Each emotion would get a mixture of its own: independent draws, not one set of vectors turned together.
                spread *= float(np.sqrt(np.sum(weights**2)) / np.abs(weights).sum())
            times = float(weights @ nats / np.abs(weights).sum() / spread)
            found[kind] = (times, float(t.sf(times, len(control) - 1)))
    kind = steering["hardest_control"]
    require(kind in found, f"The hardest control is of the kind '{kind}', of which too few were steered.")
    times, p = found[kind]
    require_close(
        steering["times_control"], times, 0.001 * max(1.0, abs(times)), f"The effect against {kind} directions"
    )
    worst = max(p for _, p in found.values())
    require(p >= worst - 1e-9, f"The hardest control is called '{kind}', but another one is harder.")
    stated = (criteria["V10"].get("null") or {}).get("p")
    require(stated is None or stated >= worst - 1e-6, f"V10 states p = {stated}, control directions give {worst:g}.")


def _coherence(steering: dict[str, Any], rows: Rows, criteria: Criteria) -> None:
    """Answers called coherent kept their mass and order, others didn't, and too many of those leave no verdict."""
    before: dict[str, Any] = next((row for row in steering["arms"] if row["arm"] == "strength 0"), {})
    for row in rows:
        name = f"The answers under {row['emotion']}"
        require_within([row["mass"]], 0, 1, f"{name}: the mass on A and B")
        require_within([row["divergence"]], -1e-6, float("inf"), f"{name}: the divergence")
        require_within([row["consistency"]], -3, 1, f"{name}: the consistency")
        if before:
            _kept(row, before, name)
    broken = sum(not row["coherent"] for row in rows)
    judged = [name for name in ("V10", "V11") if criteria[name]["verdict"] not in ("inconclusive", "not asked")]
    require(
        broken <= MOST_BROKEN * len(rows) or not judged,
        f"{' and '.join(judged)} got a verdict although the answers fell apart under {broken} of {len(rows)} vectors.",
    )


def _kept(row: dict[str, Any], before: dict[str, Any], name: str) -> None:
    mass = row["mass"] - LEAST_KEPT * before["mass"]
    order, unsteered = row["consistency"], before["consistency"]
    left = 1.0 if order is None or unsteered is None or unsteered <= 0 else order - LEAST_KEPT * unsteered
    fine = mass >= -1e-6 and left >= -_ORDER_SLACK
    apart = mass < 1e-6 or left < _ORDER_SLACK
    require(fine or not row["coherent"], f"{name} are called coherent although half of their mass or order is gone.")
    require(apart or row["coherent"], f"{name} are called broken although they kept their mass and order.")


def _examples(steering: dict[str, Any], rows: Rows) -> None:
    listed = {row["emotion"]: row["elo_steered"] for row in rows}
    for example in (steering.get("examples") or {}).values():
        if example:
            name = f"The change by {example['emotion']}"
            require(example["emotion"] in listed, f"The example {example['emotion']} was not steered.")
            require_close(example["elo_steered"], listed[example["emotion"]], 0.01, name)
            steered, control = (_changes(example["points"], side) for side in (True, False))
            require_close(example["elo_steered"], float(np.mean(steered)) if steered else None, 1.0, name)
            total = sum(steered) + sum(control)
            count = len(steered) + len(control)
            require(
                abs(total) <= 0.01 * count,
                f"{name}: the scores of all activities change by {total:g} in sum, not by 0.",
            )


def _changes(points: Sequence[dict[str, Any]], steered: bool) -> list[float]:
    return [point["after"] - point["baseline"] for point in points if point["steered"] is steered]


def check_steering_settings(record: dict[str, Any]) -> None:
    """What the settings ordered is what was steered: controls, splits, strength and layer."""
    steering, settings = parts(record, "experiments", "steering"), parts(record, "settings")
    if not steering or not settings:
        return
    counts = {kind: sum(row["kind"] == kind for row in steering["controls"]) for kind in (*NULLS, "mean")}
    ordered = {"random": "random_directions", "orthogonal": "random_directions", "shuffled": "shuffled_vectors"}
    for kind, key in ordered.items():
        wanted = settings.get(key)
        require(
            wanted in (None, counts[kind]), f"{counts[kind]} {kind} directions were steered, the settings say {wanted}."
        )
    require(counts["mean"] == 1, f"There are {counts['mean']} directions of what all emotions share, not one.")
    splits = settings.get("random_splits")
    whole = None if splits is None else splits + 2
    require(whole in (None, steering["splits"]), f"Steering has {steering['splits']} splits, its settings {whole}.")
    strength = settings.get("strength")
    require(
        strength in (None, steering["strength"]), f"The strength is {steering['strength']}, by the settings {strength}."
    )
    layer = parts(record, "vectors").get("layer")
    require(layer in (None, steering["layer"]), f"Steering is at layer {steering['layer']}, the vectors at {layer}.")
    most, inversion = settings.get("control_emotions"), parts(steering, "inversion")
    if most is not None and inversion:
        wanted = min(most, steering["of"])
        found = inversion["emotions"]
        require(
            found == wanted, f"{found} control emotions were steered on both activities, the settings say {wanted}."
        )
