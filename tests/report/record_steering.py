"""The steering part of the synthetic record: effects are drawn, everything that sums them up is computed the plain way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

ELO_PER_NAT = 400 / np.log(10)
RATE = 150.0  # Elo of steered minus control for a nat of effect: less than 173.7 where the position decides
LAYER, STRENGTH, SPLITS = 20, 0.5, 22
CONTROLS = {"random": 10, "orthogonal": 10, "shuffled": 5, "mean": 1}
MOST_CONTROL_EMOTIONS, SWEPT = 12, 4
STRENGTHS = (-1.0, -0.5, 0.0, 0.1, 0.25, 0.5, 1.0)
LAYERS = (8, 12, 16, 20, 24, 28)
ZERO_MASS, ZERO_CONSISTENCY = 0.83, 0.9

Rows = list[dict[str, Any]]


def steering(rng: np.random.Generator, experiments: dict[str, Any], count: int) -> dict[str, Any]:
    """The record's `steering` part for `count` emotions that cover the range of r."""
    listed = sorted(experiments["correlation"]["emotions"], key=lambda row: row["r"])
    rows = [_effect(rng, listed[round(i)]) for i in np.linspace(0, len(listed) - 1, count)]
    nats, elo = (np.array([row[key] for row in rows]) for key in ("nats", "elo"))
    per_nat = float(nats @ elo / (nats @ nats))
    for row in rows:
        row.update(elo_low=row["low"] * per_nat, elo_high=row["high"] * per_nat)
    controls = [
        {"kind": kind, "nats": float(x), "elo_steered": float(x * per_nat / 2)}
        for kind, amount in CONTROLS.items()
        for x in rng.normal(0, 0.2, amount)
    ]
    preferences = experiments["preferences"]
    found = {
        "layer": LAYER, "strength": STRENGTH, "residual_norm": 41.7, "tokens": "the steered activity only", "partners": 63,
        "split": "every second activity of each category, the other half, and 20 random stratified ones", "splits": SPLITS,
        "prompts_per_vector": 8064, "emotions": rows, **_coupling(rows, controls), **_signs(rows), **_line(rows),
        "elo_per_nat": per_nat, "path_noise_nats": 2e-7, "zero_sum_error": 4e-17,
        "steered_activities": [row["text"] for row in preferences["activities"][::2]], "controls": controls,
        "examples": {
            valence: {"emotion": row["emotion"], "elo_steered": row["elo_steered"], "points": after(rng, experiments, row)}
            for valence, row in (("positive", rows[-1]), ("negative", rows[0]))
        },
    }  # fmt: skip
    return found | {
        "arms": _arms(rng, found), "inversion": _inversion(rng, rows), "dose": _dose(rng, rows, controls),
        "depth": _depth(rng, rows, controls), "categories": _categories(rng, rows, preferences),
        "scale": _scale(rows, controls, preferences, per_nat),
    }  # fmt: skip


def _effect(rng: np.random.Generator, row: dict[str, Any]) -> dict[str, Any]:
    nats = float(1.5 * row["r"] + rng.normal(0, 0.35))
    even, odd = nats + float(rng.normal(0, 0.05)), nats + float(rng.normal(0, 0.05))
    agree = sum(np.sign(half) == np.sign(nats) for half in (even, odd))
    return {
        "emotion": row["emotion"], "valence": row["valence"], "r": row["r"], "nats": nats, "low": nats - 0.3,
        "high": nats + 0.3, "elo": nats * RATE + float(rng.normal(0, 2)), "elo_steered": even * RATE / 2,
        "elo_updates_steered": even * RATE / 2.5, "nats_even": even, "nats_odd": odd,
        "same_sign_splits": int(SPLITS - 2 + agree), "mass": 0.8, "entropy_change": 0.02, "divergence": 0.07,
        "consistency": 0.85, "coherent": True,
    }  # fmt: skip


def _coupling(rows: Rows, controls: Rows) -> dict[str, Any]:
    value = float(np.corrcoef([row["r"] for row in rows], [row["nats"] for row in rows])[0, 1])
    kind, times, _ = beyond(rows, controls)
    return {
        "r": value, "low": max(value - 0.2, -1.0), "high": min(value + 0.08, 1.0), "within": _within(rows),
        "times_control": times, "hardest_control": kind,
    }  # fmt: skip


def beyond(rows: Rows, controls: Rows) -> tuple[str, float, float]:
    """The hardest kind of control direction, how many times its spread the effects are, and the p value of that."""
    r, nats = (np.array([row[key] for row in rows]) for key in ("r", "nats"))
    weights = r - r.mean()
    contrast = float(np.sum(weights * nats) / np.sum(np.abs(weights)))
    found = []
    for kind in ("random", "orthogonal", "shuffled"):
        own = [row["nats"] for row in controls if row["kind"] == kind]
        spread = float(np.std(own, ddof=1))
        if kind == "shuffled":
            spread *= float(np.linalg.norm(weights) / np.sum(np.abs(weights)))
        times = contrast / spread
        found.append((kind, times, float(stats.t.sf(times, len(own) - 1))))
    return max(found, key=lambda one: one[2])


def _within(rows: Rows) -> dict[str, Any]:
    found: dict[str, Any] = {}
    left = []
    for valence in ("positive", "negative"):
        own = np.array([(row["r"], row["nats"]) for row in rows if row["valence"] == valence]).reshape(-1, 2)
        r = float(np.corrcoef(own.T)[0, 1]) if len(own) >= 4 else None
        ends = (None, None) if r is None else (max(r - 0.3, -1.0), min(r + 0.3, 1.0))
        found[valence] = {"emotions": len(own), "r": r, "low": ends[0], "high": ends[1]}
        left.append(own - own.mean(axis=0))
    result = stats.pearsonr(*np.concatenate(left).T, alternative="greater")
    return found | {"r": float(result.statistic), "p": float(result.pvalue)}


def _signs(rows: Rows) -> dict[str, Any]:
    wanted = [1 if row["valence"] == "positive" else -1 for row in rows]
    return {
        "signs": sum(sign * row["nats"] > 0 for sign, row in zip(wanted, rows, strict=True)), "of": len(rows),
        "p_signs": 0.001, "signs_by_correlation": sum(row["r"] * row["nats"] > 0 for row in rows),
        "p_signs_by_correlation": 0.002,
    }  # fmt: skip


def _line(rows: Rows) -> dict[str, float]:
    line = stats.linregress([row["r"] for row in rows], [row["elo_steered"] for row in rows])
    return {"slope": float(line.slope), "intercept": float(line.intercept)}


def control_emotions(rows: Rows) -> Rows:
    """Those that are steered in the other arms too: they cover the range of r as well."""
    amount = min(MOST_CONTROL_EMOTIONS, len(rows))
    return [rows[round(i)] for i in np.linspace(0, len(rows) - 1, amount)]


def _arms(rng: np.random.Generator, found: dict[str, Any]) -> Rows:
    own = [row["nats"] for row in found["emotions"]]
    few = min(MOST_CONTROL_EMOTIONS, len(own))
    shown = control_emotions(found["emotions"])
    r = np.array([row["r"] for row in found["emotions"]])
    kinds = {kind: [row["nats"] for row in found["controls"] if row["kind"] == kind] for kind in CONTROLS}
    flipped = [-0.9 * row["nats"] for row in shown]
    return [
        _arm("strength 0", [0.0], None),
        _arm("emotion", own, found["r"]),
        _arm("wrong emotion", own, float(np.corrcoef(np.roll(r, len(r) // 2), own)[0, 1])),
        *(_arm(kind, values, None if kind == "mean" else 0.1) for kind, values in kinds.items()),
        _arm("sign flipped", flipped, float(np.corrcoef([row["r"] for row in shown], flipped)[0, 1])),
        _arm("both activities", [0.0] * few, None),
        _arm("all tokens", [0.0] * few, None),
        _arm("band, emotion", [1.1 * row["nats"] for row in shown], 0.8),
        _arm("band, random", rng.normal(0, 0.2, 10).tolist(), -0.1),
    ]


def _arm(name: str, nats: list[float], r: float | None) -> dict[str, Any]:
    zero = name == "strength 0"
    return {
        "arm": name, "vectors": len(nats), "mean_nats": sum(nats) / len(nats),
        "mean_size_nats": sum(abs(x) for x in nats) / len(nats), "largest_nats": max(nats, key=abs), "r": r,
        "mass": ZERO_MASS if zero else 0.8, "entropy_change": 0.0 if zero else 0.02, "divergence": 0.0 if zero else 0.07,
        "consistency": ZERO_CONSISTENCY if zero else 0.85, "broken": 0,
    }  # fmt: skip


def _inversion(rng: np.random.Generator, rows: Rows) -> dict[str, Any]:
    """One activity: the effects of the main arm. Both: a contraction of a half that leads, stronger with the emotion's r."""
    shown, lead = control_emotions(rows), 0.12
    slopes = {"both": [-0.3 - 0.2 * row["r"] for row in shown], "all": [-0.5 - 0.1 * row["r"] for row in shown]}
    points = []
    for i, row in enumerate(shown):
        point = {"emotion": row["emotion"], "valence": row["valence"], "r": row["r"]}
        point |= {"own_even": row["nats_even"], "own_odd": row["nats_odd"]}
        for touch in slopes:
            even = slopes[touch][i] * lead + float(rng.normal(0, 0.002))
            point |= {f"{touch}_even": even, f"{touch}_odd": -even}
        points.append(point)
    slopes["own"] = [-0.1] * len(shown)
    arms = [_touched(touch, points, slopes[touch]) for touch in ("own", "both", "all")]
    return {"emotions": len(shown), "arms": arms, "points": points, "imbalance_nats": lead}


def _touched(touch: str, points: Rows, slopes: list[float]) -> dict[str, Any]:
    arm: dict[str, Any] = {"touch": touch}
    r = [point["r"] for point in points]
    for half in ("even", "odd"):
        values = [point[f"{touch}_{half}"] for point in points]
        value = float(np.corrcoef(r, values)[0, 1])
        arm |= {f"{half}_r": value, f"{half}_low": max(value - 0.2, -1.0), f"{half}_high": min(value + 0.2, 1.0)}
        arm[f"{half}_mean_nats"] = sum(values) / len(values)
    sums = [abs(point[f"{touch}_even"] + point[f"{touch}_odd"]) for point in points]
    sizes = [abs(point[f"{touch}_{half}"]) for point in points for half in ("even", "odd")]
    own = touch == "own"
    return arm | {
        "zero_sum_nats": 2.5 * max(sums) if own else 0.0, "net_transfer_nats": 0.4 * sum(sums) / len(sums) if own else 0.0,
        "halves_sum_nats": max(sums) if own else 0.0, "mean_contraction": sum(slopes) / len(slopes),
        "mean_size_elo": sum(sizes) / len(sizes) * ELO_PER_NAT / 2,
    }  # fmt: skip


def _swept(rows: Rows) -> Rows:
    return [rows[round(i)] for i in np.linspace(0, len(rows) - 1, SWEPT)]


def _random(controls: Rows) -> list[float]:
    return [row["nats"] for row in controls if row["kind"] == "random"]


def _dose(rng: np.random.Generator, rows: Rows, controls: Rows) -> dict[str, Any]:
    few = _random(controls)[:SWEPT]
    curves = []
    for row in _swept(rows):
        nats = [
            row["nats"] if x == STRENGTH else 0.0 if x == 0 else row["nats"] * x / STRENGTH + float(rng.normal(0, 0.02))
            for x in STRENGTHS
        ]
        slope = float(stats.linregress(STRENGTHS, nats).slope)
        curves.append({"emotion": row["emotion"], "nats": nats, "nats_per_strength": slope})
    bands = [
        {
            "strength": x,
            "random_low": min(y * x / STRENGTH for y in few),
            "random_high": max(y * x / STRENGTH for y in few),
        }
        for x in STRENGTHS
    ]
    return {"strengths": bands, "random_directions": len(few), "emotions": curves}


def _depth(rng: np.random.Generator, rows: Rows, controls: Rows) -> dict[str, Any]:
    random, found = _random(controls), []
    for layer in LAYERS:
        share = math.exp(-(((layer - LAYER) / 8) ** 2))
        noise = 0.0 if layer == LAYER else 0.05
        shown = [
            {"emotion": row["emotion"], "valence": row["valence"], "r": row["r"] * share, "nats": row["nats"] * share + float(rng.normal(0, noise))}
            for row in _swept(rows)
        ]  # fmt: skip
        r, nats = (np.array([one[key] for one in shown]) for key in ("r", "nats"))
        contrast = float(np.sum((r - r.mean()) * nats) / np.sum(np.abs(r - r.mean())))
        found.append(
            {"layer": layer, "contrast": contrast, "random_low": min(random) * share, "random_high": max(random) * share, "emotions": shown}
        )  # fmt: skip
    return {"rows": found, "chosen_layers": [20, 24], "judged_nats": 0.71, "null_mean": 0.09, "p": 0.001}


def _categories(rng: np.random.Generator, rows: Rows, preferences: dict[str, Any]) -> Rows:
    activities, found = preferences["activities"], []
    for row in preferences["categories"]:
        own = [activity["nats"] for activity in activities if activity["category"] == row["category"]]
        found.append({"category": row["category"], "activities": len(own), "baseline_nats": sum(own) / len(own)})
    for valence, mean in (("positive", 0.4), ("negative", -0.5)):
        present = any(row["valence"] == valence for row in rows)
        gained, lost = rng.normal(mean, 0.3, len(found)), rng.normal(-mean, 0.1, len(found))
        # What the steered activities gain the others lose; all categories have eight activities here.
        lost -= (gained + lost).mean()
        for row, own, other in zip(found, gained, lost, strict=True):
            row[valence] = float(own) if present else None
            row[f"{valence}_control"] = float(other) if present else None
    return found


def _scale(rows: Rows, controls: Rows, preferences: dict[str, Any], per_nat: float) -> dict[str, Any]:
    nats = [activity["nats"] for activity in preferences["activities"]]
    span, sizes = max(nats) - min(nats), [abs(row["nats"]) for row in rows]
    others = [abs(row["nats"]) for row in controls if row["kind"] != "mean"]
    return {
        "mean_gap_nats": 0.9, "largest_gap_nats": 1.2 * span, "score_range_nats": span, "score_range_elo": span * ELO_PER_NAT,
        "win_at_range": 1 / (1 + math.exp(-span)), "mean_effect_nats": sum(sizes) / len(sizes),
        "largest_effect_nats": max(sizes), "mean_control_nats": sum(others) / len(others), "nats_per_elo_point": 1 / ELO_PER_NAT,
        "elo_per_nat_of_effect": per_nat,
    }  # fmt: skip


def after(rng: np.random.Generator, experiments: dict[str, Any], row: dict[str, Any]) -> Rows:
    """Scores of every activity before and after, with the even ones steered by the emotion of `row`."""
    activities = experiments["preferences"]["activities"]
    steered = np.array([i % 2 == 0 for i in range(len(activities))])
    change = rng.normal(0, 40, len(activities))
    change[steered] += row["elo_steered"] - change[steered].mean()
    change[~steered] -= row["elo_steered"] + change[~steered].mean()
    return [
        {
            "activity": a["text"], "category": a["category"], "steered": bool(s), "baseline": a["bradley_terry"],
            "after": a["bradley_terry"] + float(c),
        }
        for a, s, c in zip(activities, steered, change, strict=True)
    ]  # fmt: skip
