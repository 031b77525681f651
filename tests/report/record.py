"""A synthetic run record: seeded, plausible and consistent with itself, at full or at toy size."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binom, linregress, rankdata, spearmanr

from . import record_words
from .record_steering import MOST_CONTROL_EMOTIONS, SPLITS, STRENGTHS, beyond, steering
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
    experiments["steering"] = steering(rng, experiments, steered)
    record = _frame(size, len(emotions), steered)
    record["criteria"] = _criteria(experiments)
    _judge_steering(record["criteria"], experiments["steering"])
    if experiments["lens"]["against_static"]["p"] > 0.05 and record["criteria"]["V1"]["verdict"] == "pass":
        record["criteria"]["V1"]["verdict"] = "inconclusive"
    record["vectors"]["split_half"] = _split_half([name for name, _ in emotions])
    record["experiments"] = experiments
    words_rng = np.random.default_rng((seed, 1))
    experiments |= {"feels": record_words.feels(words_rng), "leaks": record_words.leaks(words_rng)}
    experiments["baselines"] = _baselines(record)
    return record


def _emotions(size: str) -> list[tuple[str, str]]:
    if size == "toy":
        negative = {"desperate", "angry", "guilty", "sad", "afraid", "nervous"}
        return [(name, "negative" if name in negative else "positive") for name in SCENARIO_EMOTIONS]
    return sorted([(name, "positive") for name in POSITIVE] + [(name, "negative") for name in NEGATIVE])


def _split_half(emotions: list[str]) -> dict[str, Any]:
    r = np.linspace(0.2, 0.8, len(emotions))
    rows = [
        {"emotion": name, "r": float(x), "spearman_brown": float(2 * x / (1 + x))}
        for name, x in zip(emotions, r, strict=True)
    ]
    return {
        "median": float(np.median(r)),
        "min": 0.2,
        "max": 0.8,
        "emotions": len(emotions),
        "spearman_brown_median": float(np.median([row["spearman_brown"] for row in rows])),
        "halvings": 10,
        "rows": rows,
        "null": {"what": "one half with the other half of another emotion", "mean": -0.01, "high": 0.35},
        "beyond_null": int((r > 0.35).sum()),
        "p": 0.0005,
        "identification": {
            "top1": len(emotions) // 2,
            "of": len(emotions),
            "mean_rank": 3.1,
            "chance_top1": 1.0,
            "chance_rank": (len(emotions) + 1) / 2,
            "p": 0.0005,
        },
    }


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
    static = count // 8
    baselines = {
        "words shuffled over the emotions' vectors": 1.3,
        "random directions": 1.1,
        "token embeddings of the stories": static,
        "each word's own token embedding": min(count + 9, len(rows)),
    }
    only, other = count - static + min(static, 1), min(static, 1)
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
        "baselines": [{"what": what, "count": amount, "of": len(rows)} for what, amount in baselines.items()],
        "against_static": {
            "vectors_only": only,
            "static_only": other,
            "p": float(binom.sf(only - 1, only + other, 0.5)),
        },
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
        **_batteries(ranks[0]),
    }


def _batteries(ranks: list[int]) -> dict[str, Any]:
    """Layers, held-out scenarios and retrieval, with draws of their own."""
    rng, size = np.random.default_rng(1), len(SCENARIO_EMOTIONS)
    rows = [rng.integers(1, size + 1, size) if layer != 20 else np.array(ranks) for layer in range(30)]
    by_layer = [
        {"layer": layer, "matches": int((row == 1).sum()), "mean_rank": float(row.mean())}
        for layer, row in enumerate(rows)
    ]
    best = {}
    for name, choose in (("matches", np.argmax), ("mean_rank", np.argmin)):
        layer = int(choose([row[name] for row in by_layer]))
        best[name] = {"layer": layer, "value": by_layer[layer][name], "null": 4.0, "p": 0.01}
    every = [(name, "positive") for name in POSITIVE] + [(name, "negative") for name in NEGATIVE]
    return {
        "by_layer": by_layer,
        "best_layer": best,
        "layer_set_by_hand": False,
        "heldout": _battery(rng, [(name, "") for name in SCENARIO_EMOTIONS] * 3, size, ("matches", "mean_rank")),
        "retrieval": _battery(rng, every, len(every), ("top1", "top10", "mean_rank", "reciprocal_rank", "valence")),
    }


def _battery(
    rng: np.random.Generator, texts: list[tuple[str, str]], probes: int, measures: tuple[str, ...]
) -> dict[str, Any]:
    items = [{"name": f"{name} {i}", "emotion": name} for i, (name, _) in enumerate(texts)]
    found: dict[str, Any] = {"of": len(items), "emotions": probes}
    for kind in ("raw", "centred"):
        rank = np.maximum(1, rng.geometric(4 / probes, len(items)) % probes)
        first = rng.permutation(len(items))
        values = {
            "matches": int((rank == 1).sum()),
            "top1": int((rank == 1).sum()),
            "top10": int((rank <= 10).sum()),
            "mean_rank": float(rank.mean()),
            "reciprocal_rank": float(np.median(1 / rank)),
            "valence": sum(texts[i][1] == texts[j][1] for i, j in enumerate(first)),
        }
        for item, own, nearest in zip(items, rank, first, strict=True):
            item[f"rank_{kind}"] = int(own)
            if "valence" in measures:
                item[f"first_{kind}"] = texts[nearest][0]
        found[kind] = {
            name: {
                "value": values[name],
                "interval": [0.9 * values[name] + 0.1 * min(values[name], 1), values[name]],
                "null": 1.0,
                "p": 0.001,
            }
            for name in measures
        }
    return found | {"items": items}


def _baselines(record: dict[str, Any]) -> dict[str, Any]:
    """A bag of words that reaches V5 and V8 and no more; the notes say so."""
    scenarios, criteria = record["experiments"]["scenarios"], record["criteria"]
    names = ("V3", "V4", "V5", "V6", "V8", "V9")
    own = {name: criteria[name]["value"] for name in names}
    raw = scenarios["retrieval"]["raw"]
    own |= {"heldout": scenarios["heldout"]["raw"]["matches"]["value"], "retrieval": raw["top1"]["value"]}
    own |= {"retrieval_rank": raw["mean_rank"]["value"]}
    of = {name: criteria[name]["of"] for name in names} | {"V4": 12, "heldout": 36, "retrieval": 171}
    of |= {"retrieval_rank": 171}
    bag = {key: 0 for key in own} | {"V4": 12.0, "retrieval_rank": 90.5, "V5": own["V5"], "V8": own["V8"]}
    for name in ("V5", "V8"):
        criteria[name]["note"] = f"A bag of words reaches {own[name]} of {of[name]}."
    worst = {key: 0 for key in own} | {"V4": 11.5, "retrieval_rank": 80.5, "V9": None}
    rows = [("residual stream", own), ("bag of words", bag), ("static embedding", worst)]
    return {
        "rows": [{"name": name, **row, "p": {key: 0.01 for key in row}} for name, row in rows],
        "of": of,
        "vocabulary": 3210,
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
                "fitted_change": {emotion: _rise(curve) for emotion, curve in cosine.items()},
            }
        )
    return {"emotions": list(NUMERIC), "templates": templates, "effect": _effect(templates)}


def _rise(curve: list[float]) -> float:
    """Last minus first point of the line through a curve; the values of TEMPLATES are in order, so ranks are 0, 1, 2, ..."""
    return float(linregress(range(len(curve)), curve).slope * (len(curve) - 1))


def _effect(templates: list[dict[str, Any]]) -> dict[str, Any]:
    signed = [
        (1 if sign == "+" else -1) * t["fitted_change"][emotion]
        for t in templates
        for emotion, sign in t["expected"].items()
        if sign != "none"
    ]
    mean = float(np.mean(signed))
    interval = {"low": mean - 0.008, "high": mean + 0.009}
    null = {"null_mean": 0.0001, "null_sd": 0.006, "p": 0.0005, "signs_p": 0.0008}
    return {"curves": len(signed), "mean": mean, **interval, **null}


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
                "r_partial": 0.75 * r,
                "p_partial": float(np.exp(-abs(r) * 8)),
                "r_cosine": 0.95 * r,
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
        "discoveries": sum(row["q"] < 0.05 for row in rows),
        "cosine_count": sum(abs(row["r_cosine"]) > 0.3 for row in rows),
        "within_categories": {
            "null_count": 4.2,
            "p": 0.004,
            "gap_p": 0.003,
            "partial_count": len(rows) // 6,
            "partial_null_count": 1.4,
            "partial_p": 0.03,
        },
        "extremes_held": {
            "partial_count": sum(abs(row["r_partial"]) > 0.3 for row in rows),
            "partial_null_count": 1.6,
            "partial_p": 0.002,
            "discoveries": len(rows) // 5,
        },
        "emotions": rows,
        "examples": examples,
    }


def _criteria(experiments: dict[str, Any]) -> dict[str, Any]:
    lens, scenarios, numeric = experiments["lens"], experiments["scenarios"], experiments["numeric"]
    correlation, steered = experiments["correlation"]["emotions"], experiments["steering"]
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
                steered["r"],
                None,
                0.4,
                "|r| >",
                "r",
                0.0,
                [steered["low"], steered["high"]],
            ),
            _criterion(
                "V11",
                "Sign consistency",
                steered["signs"],
                steered["of"],
                round(25 / 35 * steered["of"]),
                ">=",
                "emotions",
                steered["of"] / 2,
            ),
        ]
    )


def _judge_steering(criteria: dict[str, Any], steered: dict[str, Any]) -> None:
    """The nulls of V10 and V11 are the record's own, and V10 passes only where it holds within the valences."""
    criteria["V11"]["null"]["p"] = steered["p_signs"]
    p = beyond(steered["emotions"], steered["controls"])[2]
    criteria["V10"]["null"]["p"] = max(p, 0.001)
    if max(p, steered["within"]["p"]) > 0.05 and criteria["V10"]["verdict"] == "pass":
        criteria["V10"]["verdict"] = "inconclusive"


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
        "shuffled_vectors": 5,
        "control_emotions": MOST_CONTROL_EMOTIONS,
        "partners": 63,
        "random_splits": SPLITS - 2,
        "sweep_emotions": 4,
        "sweep_strengths": [x for x in STRENGTHS if x not in (0.0, 0.5)],
        "sweep_every": 4,
        "band_layers": 4,
        "resamples": 2000,
    }
    dropped = {"names the emotion": 212, "too short": 31, "near-duplicate": 7, "refusal or boilerplate": 2}
    return {
        "schema": 2,
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
            "split_half": None,
        },
        "doctor": {
            "spans": {
                "title": "The tokens of every activity decode to its text",
                "passed": True,
                "measured": 192,
                "limit": 192,
                "kind": "stop",
                "detail": "All 192 spans are right.",
            },
            "padding": {
                "title": "The padding side changes no activation (share of the norm)",
                "passed": True,
                "measured": 5.1e-7,
                "limit": 1e-4,
                "kind": "stop",
                "detail": "The padding side changes nothing beyond rounding.",
            },
            "position_bias": {
                "title": "Position bias per spread of the preferences",
                "passed": False,
                "measured": 3.81,
                "limit": 3.0,
                "kind": "warn",
                "detail": "The bias for (A) of 0.65 nats drowns the preferences.",
            },
        },
        "failed_checks_allowed": False,
        "timings": {
            "stories": {"seconds": 400.2, "units": 1026, "unit": "stories", "rate": 2.56},
            "steering": {"seconds": 300.0, "units": 141_120, "unit": "prompts", "rate": 470.4},
        },
    }
