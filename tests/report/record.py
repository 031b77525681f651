"""A synthetic run record: seeded, plausible and consistent with itself, at full or at toy size."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata, spearmanr

from .words import CATEGORIES, NEGATIVE, POSITIVE, SCENARIO_EMOTIONS, TOKENS

NUMERIC = ("afraid", "happy", "sad", "calm")
ELO_PER_NAT = 400 / np.log(10)
PAIRS = (("happy", "sad"), ("calm", "desperate"), ("proud", "ashamed"), ("excited", "bored"), ("loving", "hostile"))
AMBIGUOUS = {"surprised", "docile", "reflective", "vigilant", "sleepy", "aroused", "alert", "nostalgic"}
TEMPLATES = (
    (
        "tablets",
        "I took {X} tablets.",
        "Tablets",
        (1, 2, 4, 8, 16, 32),
        {"afraid": "+", "calm": "-", "happy": "-", "sad": "none"},
    ),
    (
        "rain",
        "It has rained for {X} days.",
        "Days of rain",
        (1, 3, 9, 27, 81),
        {"afraid": "+", "calm": "-", "happy": "-", "sad": "+"},
    ),
    (
        "savings",
        "We have {X} euros left.",
        "Euros",
        (0, 10, 50, 500, 5000),
        {"afraid": "-", "calm": "+", "happy": "+", "sad": "-"},
    ),
    (
        "guests",
        "{X} of 30 guests came.",
        "Guests",
        (0, 5, 10, 20, 30),
        {"afraid": "none", "calm": "none", "happy": "+", "sad": "-"},
    ),
    (
        "hours",
        "The climber is overdue by {X} hours.",
        "Hours overdue",
        (1, 2, 6, 12, 24, 48),
        {"afraid": "+", "calm": "-", "happy": "-", "sad": "+"},
    ),
    (
        "score",
        "I scored {X} of 100 points.",
        "Points",
        (0, 20, 40, 60, 80, 100),
        {"afraid": "-", "calm": "+", "happy": "+", "sad": "-"},
    ),
)


def build(size: str = "full", seed: int = 0) -> dict[str, Any]:
    """A whole record: `full` has 171 emotions, 64 activities, 35 steered emotions; `toy` has 12, 64 and 6."""
    rng = np.random.default_rng(seed)
    emotions = _emotions(size)
    steered = 35 if size == "full" else 6
    experiments: dict[str, Any] = {"lens": _lens(rng, emotions), "scenarios": _scenarios(rng), "numeric": _numeric(rng)}
    experiments["preferences"] = _preferences(rng)
    experiments["correlation"] = _correlation(rng, emotions, experiments["preferences"]["activities"])
    experiments["steering"] = _steering(rng, experiments, steered)
    record = _frame(size, len(emotions), steered)
    record["criteria"] = _criteria(experiments)
    record["experiments"] = experiments
    return record


def _emotions(size: str) -> list[tuple[str, str]]:
    if size == "toy":
        negative = {"desperate", "angry", "guilty", "sad", "afraid", "nervous"}
        return [(name, "negative" if name in negative else "positive") for name in SCENARIO_EMOTIONS]
    return sorted([(name, "positive") for name in POSITIVE] + [(name, "negative") for name in NEGATIVE])


def _lens(rng: np.random.Generator, emotions: list[tuple[str, str]]) -> dict[str, Any]:
    rows = []
    for name, valence in emotions:
        best = int(rng.integers(1, 4000) if rng.random() > 0.35 else rng.integers(1, 21))
        top = [f" {name[:4]}"] + [str(token) for token in rng.choice(TOKENS, 7, replace=False)]
        bottom = [str(token) for token in rng.choice(TOKENS, 5, replace=False)]
        rows.append(
            {"emotion": name, "valence": valence, "hit": best <= 20, "best_rank": best, "top": top, "bottom": bottom}
        )
    count = sum(row["hit"] for row in rows)
    pairs = []
    for a, b in PAIRS:
        cosine = float(np.round(rng.uniform(-0.7, -0.05), 4))
        interval = [round(cosine - 0.08, 4), round(cosine + 0.04, 4)]
        pairs.append({"a": a, "b": b, "dot": round(cosine * 31, 3), "cosine": cosine, "interval": interval})
    multi = [{"emotion": "at ease", "first_token_hit": True, "mean_log_probability_rank": 12}]
    return {
        "k": 20,
        "through_norm": False,
        "count": count,
        "of": len(rows),
        "single_token_of": max(len(rows) - 40, count),
        "other": {"through_norm": True, "count": max(count - 3, 0)},
        "multi_word": multi,
        "emotions": rows,
        "pairs": pairs,
    }


def _scenarios(rng: np.random.Generator) -> dict[str, Any]:
    size = len(SCENARIO_EMOTIONS)
    common = rng.normal(0, 0.03, (size, 1))
    raw = common + rng.normal(0, 0.03, (size, size)) + 0.06 * np.eye(size)
    centred = raw - raw.mean(axis=1, keepdims=True)
    items = [
        {"name": f"Implied {name}", "emotion": name, "prompt": f"A text that implies {name}."}
        for name in SCENARIO_EMOTIONS
    ]
    ranks = [[int(rankdata(-matrix[:, j])[j]) for j in range(size)] for matrix in (raw, centred)]
    return {
        "emotions": list(SCENARIO_EMOTIONS),
        "items": items,
        "raw": raw.round(5).tolist(),
        "centred": centred.round(5).tolist(),
        "ranks_raw": ranks[0],
        "ranks_centred": ranks[1],
        "limit": 0.1,
    }


def _numeric(rng: np.random.Generator) -> dict[str, Any]:
    templates = []
    for name, template, label, values, expected in TEMPLATES:
        cosine, spearman, change = {}, {}, {}
        for emotion in NUMERIC:
            slope = {"+": 0.04, "-": -0.04, "none": 0.0}[expected[emotion]]
            curve = slope * np.linspace(0, 1, len(values)) + rng.normal(0, 0.008, len(values)) + rng.normal(0, 0.02)
            cosine[emotion] = curve.round(5).tolist()
            spearman[emotion] = round(float(spearmanr(values, curve).statistic), 4)
            change[emotion] = round(cosine[emotion][-1] - cosine[emotion][0], 5)
        templates.append(
            {
                "name": name,
                "template": template,
                "x_label": label,
                "values": list(values),
                "cosine": cosine,
                "expected": dict(expected),
                "spearman": spearman,
                "change": change,
            }
        )
    return {"emotions": list(NUMERIC), "templates": templates}


def _preferences(rng: np.random.Generator) -> dict[str, Any]:
    offsets = {
        "Helpful": 1.3,
        "Engaging": 0.9,
        "Social": 0.6,
        "Self-curiosity": 0.8,
        "Neutral": 0.1,
        "Aversive": -0.7,
        "Misaligned": -1.2,
        "Unsafe": -1.8,
    }
    category = [name for name in CATEGORIES for _ in range(8)]
    nats = np.array([offsets[name] for name in category]) + rng.normal(0, 0.45, 64)
    nats -= nats.mean()
    noise = rng.normal(0, 8, 64)
    elo = 1000 + nats * ELO_PER_NAT * 0.97 + noise - noise.mean()
    wins = 1 / (1 + np.exp(-nats))
    activities = [
        {
            "text": f"{name.lower()} task number {i % 8 + 1}",
            "category": name,
            "elo": float(elo[i]),
            "bradley_terry": float(1000 + nats[i] * ELO_PER_NAT),
            "nats": float(nats[i]),
            "wins": float(wins[i]),
        }
        for i, name in enumerate(category)
    ]
    categories = [
        {
            "category": name,
            **{
                key: float(np.mean([a[key] for a in activities if a["category"] == name]))
                for key in ("elo", "bradley_terry")
            },
        }
        for name in CATEGORIES
    ]
    categories.sort(key=lambda row: -row["bradley_terry"])
    return {
        "activities": activities,
        "categories": categories,
        "position_bias_nats": 0.61,
        "spread_nats": float(nats.std()),
        "mass_on_options": 0.83,
        "prompts": 4032,
    }


def _correlation(
    rng: np.random.Generator, emotions: list[tuple[str, str]], activities: list[dict[str, Any]]
) -> dict[str, Any]:
    score = np.array([row["bradley_terry"] for row in activities])
    standard = (score - score.mean()) / score.std()
    rows, probes = [], {}
    for name, valence in emotions:
        weight = rng.uniform(-0.1, 0.9) * (1 if valence == "positive" else -1)
        probe = 0.02 * (weight * standard + rng.normal(0, 1, 64))
        probes[name] = probe
        r = float(np.corrcoef(probe, score)[0, 1])
        rows.append(
            {
                "emotion": name,
                "valence": valence,
                "ambiguous": name in AMBIGUOUS,
                "r": r,
                "low": max(r - 0.2, -1.0),
                "high": min(r + 0.2, 1.0),
                "p": float(np.exp(-abs(r) * 12)),
                "q": float(min(1, 1.3 * np.exp(-abs(r) * 12))),
                "r_without_extremes": 0.7 * r,
            }
        )
    examples = {}
    for valence, choose in (("positive", max), ("negative", min)):
        best = choose((row for row in rows if row["valence"] == valence), key=lambda row: row["r"])
        points = [
            {"activity": a["text"], "category": a["category"], "probe": float(p), "score": a["bradley_terry"]}
            for a, p in zip(activities, probes[best["emotion"]], strict=True)
        ]
        examples[valence] = {"emotion": best["emotion"], "r": best["r"], "points": points}
    return {
        "score": "bradley_terry",
        "null_band": 0.25,
        "null_band_vectors": 0.41,
        "emotions": rows,
        "examples": examples,
    }


def _steering(rng: np.random.Generator, experiments: dict[str, Any], count: int) -> dict[str, Any]:
    rows = sorted(experiments["correlation"]["emotions"], key=lambda row: row["r"])
    picked = {round(i) for i in np.linspace(0, len(rows) - 1, count)}
    emotions = []
    for row in (rows[i] for i in sorted(picked)):
        nats = 1.5 * row["r"] + rng.normal(0, 0.35)
        emotions.append(
            {
                "emotion": row["emotion"],
                "valence": row["valence"],
                "r": row["r"],
                "nats": nats,
                "low": nats - 0.3,
                "high": nats + 0.3,
                "elo": nats * ELO_PER_NAT,
                "elo_steered": nats * ELO_PER_NAT / 2,
            }
        )
    r = np.array([row["r"] for row in emotions])
    nats = np.array([row["nats"] for row in emotions])
    slope, intercept = np.polyfit(r, nats, 1)
    value = float(np.corrcoef(r, nats)[0, 1])
    random = [{"nats": float(x), "elo": float(x * ELO_PER_NAT)} for x in rng.normal(0, 0.2, 10)]
    examples = {}
    for valence, row in (("positive", emotions[-1]), ("negative", emotions[0])):
        examples[valence] = {
            "emotion": row["emotion"],
            "elo_steered": row["elo_steered"],
            "points": _after(rng, experiments, row),
        }
    return {
        "layer": 20,
        "strength": 0.5,
        "tokens": "the steered activity only",
        "split": "two equal halves, stratified by category",
        "residual_norm": 41.7,
        "emotions": emotions,
        "random": random,
        "r": value,
        "low": max(value - 0.2, -1),
        "high": min(value + 0.08, 1.0),
        "signs": int(np.sum(np.sign(r) == np.sign(nats))),
        "of": len(emotions),
        "slope": float(slope),
        "intercept": float(intercept),
        "examples": examples,
    }


def _after(rng: np.random.Generator, experiments: dict[str, Any], row: dict[str, Any]) -> list[dict[str, Any]]:
    activities = experiments["preferences"]["activities"]
    steered = np.array([i % 2 == 0 for i in range(len(activities))])
    change = rng.normal(0, 40, len(activities))
    change[steered] += row["elo_steered"] - change[steered].mean()
    change[~steered] -= row["elo_steered"] + change[~steered].mean()
    return [
        {
            "activity": a["text"],
            "category": a["category"],
            "steered": bool(s),
            "baseline": a["bradley_terry"],
            "after": a["bradley_terry"] + float(c),
        }
        for a, s, c in zip(activities, steered, change, strict=True)
    ]


def _criteria(experiments: dict[str, Any]) -> dict[str, Any]:
    lens, scenarios, numeric = experiments["lens"], experiments["scenarios"], experiments["numeric"]
    correlation, steering = experiments["correlation"]["emotions"], experiments["steering"]
    pairs = [(t["expected"][e], t["spearman"][e]) for t in numeric["templates"] for e in numeric["emotions"]]
    signed = [(expected, rho) for expected, rho in pairs if expected != "none"]
    elo = [row["elo"] for row in experiments["preferences"]["categories"]]
    order = sorted(correlation, key=lambda row: row["r"])
    valence = sum(row["valence"] == "positive" for row in order[-3:]) + sum(
        row["valence"] == "negative" for row in order[:3]
    )
    return dict(
        [
            _criterion(
                "V1",
                "Self-recognition",
                lens["count"],
                lens["of"],
                20 if lens["of"] == 171 else 1,
                ">=",
                "emotions",
                1.3,
            ),
            _criterion("V2", "Cross-valence", sum(p["dot"] < 0 for p in lens["pairs"]), 5, 4, ">=", "pairs", 2.5),
            _criterion(
                "V3", "Diagonal dominance", sum(r == 1 for r in scenarios["ranks_raw"]), 12, 8, ">=", "scenarios", 1.0
            ),
            _criterion(
                "V4", "Mean diagonal rank", float(np.mean(scenarios["ranks_raw"])), None, 3.0, "<=", "rank", 6.5
            ),
            _criterion(
                "V5",
                "Correct sign",
                sum((e == "+") == (s > 0) for e, s in signed),
                len(signed),
                15,
                ">=",
                "curves",
                10.0,
            ),
            _criterion(
                "V6", "Strong correlation", sum(abs(s) > 0.7 for _, s in signed), len(signed), 10, ">=", "curves", 9.0
            ),
            _criterion("V7", "Category gap", max(elo) - min(elo), None, 200, ">", "Elo points", 40.0),
            _criterion("V8", "Valence alignment", valence, 6, 4, ">=", "emotions", 3.0),
            _criterion(
                "V9",
                "Correlation count",
                sum(abs(r["r"]) > 0.3 for r in correlation),
                len(correlation),
                5,
                ">=",
                "emotions",
                3.1,
            ),
            _criterion(
                "V10",
                "Steering correlation",
                steering["r"],
                None,
                0.4,
                "|r| >",
                "r",
                0.0,
                [steering["low"], steering["high"]],
            ),
            _criterion(
                "V11",
                "Sign consistency",
                steering["signs"],
                steering["of"],
                round(25 / 35 * steering["of"]),
                ">=",
                "emotions",
                steering["of"] / 2,
            ),
        ]
    )


def _criterion(
    name: str,
    title: str,
    value: float,
    of: int | None,
    threshold: float,
    sign: str,
    unit: str,
    null: float,
    interval: list[float] | None = None,
) -> tuple[str, dict[str, Any]]:
    met = {">=": value >= threshold, "<=": value <= threshold, ">": value > threshold, "|r| >": abs(value) > threshold}[
        sign
    ]
    if interval is None:
        interval = [max(value * 0.85, 0), min(value * 1.1, of or value * 1.1)]
    apart = interval[0] > null if sign != "<=" else interval[1] < null
    verdict = "pass" if met and apart else "inconclusive" if met or apart else "fail"
    reason = f"The interval {interval[0]:.3g} to {interval[1]:.3g} lies {'beyond' if apart else 'around'} what chance gives, {null:g}."
    return name, {
        "id": name,
        "name": title,
        "value": value,
        "of": of,
        "threshold": threshold,
        "threshold_text": f"{sign} {threshold:g}",
        "seed_verdict": "pass" if met else "fail",
        "verdict": verdict,
        "interval": interval,
        "unit": unit,
        "note": "",
        "null": {"what": "random directions of the same norm", "value": null, "p": 0.001 if apart else 0.3},
        "reason": reason,
    }


def _frame(size: str, emotions: int, steered: int) -> dict[str, Any]:
    kept = emotions * 6
    settings = {
        "model": "embedded",
        "dtype": "auto",
        "stimuli": "ours",
        "seed": 0,
        "emotions": emotions,
        "topics": 6,
        "stories_per_topic": 1,
        "story_tries": 6,
        "min_words": 60,
        "story_tokens": 220,
        "neutral_texts": 60,
        "writer": "auto",
        "temperature": 0.8,
        "top_p": 0.95,
        "repetition_penalty": 1.0,
        "story_format": "raw",
        "first_token": 50,
        "min_tokens": 60,
        "layer": None,
        "neutral_variance": 0.5,
        "neutral_pca": "per_text",
        "vectors": "projected",
        "lens_k": 20,
        "lens_norm": False,
        "elo_k": 32.0,
        "elo_passes": 10,
        "steered_emotions": "spread",
        "steered_count": steered,
        "strength": 0.5,
        "random_directions": 10,
        "resamples": 2000,
    }
    dropped = {"names the emotion": 212, "too short": 31, "near-duplicate": 7, "refusal or boilerplate": 2}
    return {
        "schema": 1,
        "version": "0.1.0",
        "created": "2026-11-22T18:00:00Z",
        "command": f"emotion-vectors run --preset {'demo' if size == 'full' else 'toy'} --out runs/{size}",
        "model": {
            "name": "SmolLM2-135M-Instruct",
            "source": "embedded",
            "architecture": "LlamaForCausalLM",
            "sha256": "5a" * 32,
            "layers": 30,
            "hidden_size": 576,
            "parameters": 134_515_008,
            "dtype": "float32",
            "device": "cpu",
            "prompt_format": "chat",
            "writer": {"name": "openvino", "version": "2026.1"},
        },
        "settings": settings,
        "fingerprint": "c0ffee" * 10 + "abcd",
        "stimuli": {
            "pack": "ours",
            "version": "1",
            "source": "written for this project",
            "sha256": {"emotions": "ab" * 32, "topics": "cd" * 32},
            "equal_to_published": ["emotions"],
            "supplied_by_ours": [],
        },
        "corpus": {
            "stories": kept + sum(dropped.values()),
            "kept": kept,
            "wanted": kept,
            "dropped": dropped,
            "tokens": 181_220,
            "short_cells": 0,
            "fewest_per_emotion": 6,
            "neutral": {"texts": 63, "kept": 60, "wanted": 60, "dropped": {"too short": 3}, "tokens": 9_210},
        },
        "vectors": {
            "layer": 20,
            "layers": 30,
            "neutral_components": 4,
            "neutral_variance": 0.52,
            "residual_norm": 41.7,
            "vectors": "projected",
            "stories_per_emotion": {"min": 6, "median": 6, "max": 6},
            "split_half": {"median": 0.61},
        },
        "doctor": {},
        "timings": {
            "stories": {"seconds": 400.2, "units": 1026, "unit": "stories", "rate": 2.56},
            "steering": {"seconds": 300.0, "units": 141_120, "unit": "prompts", "rate": 470.4},
        },
    }
