"""Dose and depth: the effect at other strengths, and with the vectors added at other layers.

In: the runs of the swept emotions and of random directions. Out: a dose-response curve beside the band of the random
directions; the effect by layer; and the layer chosen on one half of the activities and judged on the other, with a null
that was allowed to choose as well: each random direction, either way round, goes through the same choice.
Source: paper (strength 0.5, "middle layers"); the choice and its null are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.criteria import json_number
from emotion_vectors.experiments.steering.arms import Runs
from emotion_vectors.experiments.steering.effects import Options
from emotion_vectors.experiments.steering.record_controls import (
    Depth,
    DepthEffect,
    DepthRow,
    Dose,
    DoseCurve,
    DoseStrength,
)
from emotion_vectors.stats import nulls
from emotion_vectors.stats import steering as effects
from emotion_vectors.stats.correlation import pearson


def dose(runs: Runs, options: Options) -> Dose | None:
    """Effect by strength: each swept emotion, and the range of the random directions; None where nothing was swept."""
    plan, splits = runs.plan, effects.with_complements(options.splits)
    if not plan.swept or not plan.strengths:
        return None
    strengths = sorted({*plan.strengths, plan.strength, 0.0})
    few = plan.names("random")[: max(3, len(plan.swept))]
    curves: dict[str, list[float]] = {emotion: [] for emotion in plan.swept}
    rows = []
    sides: tuple[tuple[tuple[str, ...], str], ...] = (plan.swept, "emotion"), (few, "random")
    for strength in strengths:
        own, random = (
            effects.pooled_effect(runs.effects(runs.rows(names, kind, strength=strength)), splits)
            if strength
            else np.zeros(len(names))
            for names, kind in sides
        )
        for emotion, value in zip(plan.swept, own, strict=True):
            curves[emotion].append(float(value))
        band = float(random.min()), float(random.max())
        rows.append(DoseStrength(strength=strength, random_low=band[0], random_high=band[1]))
    slopes = {emotion: float(np.polyfit(strengths, values, 1)[0]) for emotion, values in curves.items()}
    return Dose(
        strengths=rows,
        random_directions=len(few),
        emotions=[DoseCurve(emotion=e, nats=curves[e], nats_per_strength=slopes[e]) for e in plan.swept],
    )


def depth(
    runs: Runs, probes: Mapping[int, np.ndarray], scores: np.ndarray, valence: Mapping[str, str], options: Options
) -> Depth | None:
    """Effect by layer, and the layer chosen on one half and judged on the other; None where no layers were swept.

    `probes[layer]` (a, m): projections of the activities on the swept emotions' vectors at that layer; `scores` (a,) in
    nats. Each half weighs the emotions by their correlation with preference among its own activities.
    """
    plan = runs.plan
    if len(plan.sweep_layers) < 2 or len(plan.swept) < 2:
        return None
    own = {layer: runs.effects(runs.rows(plan.swept, layers=(layer,))) for layer in plan.sweep_layers}
    random = {
        layer: runs.effects(runs.rows(plan.names("random"), "random", layers=(layer,))) for layer in plan.sweep_layers
    }
    splits = effects.with_complements(options.splits)
    rows = []
    for layer in plan.sweep_layers:
        r, nats = pearson(probes[layer], scores), effects.pooled_effect(own[layer], splits)
        control = effects.pooled_effect(random[layer], splits)
        rows.append(
            DepthRow(
                layer=layer, contrast=json_number(_contrast(r, nats)), random_low=float(control.min()),
                random_high=float(control.max()),
                emotions=[
                    DepthEffect(emotion=e, valence=valence.get(e), r=json_number(r[i]), nats=float(nats[i]))
                    for i, e in enumerate(plan.swept)
                ],
            )
        )  # fmt: skip
    chosen = _choose(own, random, probes, scores, options)
    return Depth(
        rows=rows, chosen_layers=list(chosen.layers), judged_nats=json_number(chosen.judged),
        null_mean=json_number(chosen.null), p=json_number(chosen.p),
    )  # fmt: skip


class _Choice(NamedTuple):
    """The layer that each half chose, the contrast there in the other half and by chance (nats), and its p."""

    layers: tuple[int, int]
    judged: float
    null: float
    p: float


def _contrast(r: np.ndarray, nats: np.ndarray) -> float:
    """Effect in nats along the correlation: sum(w nats) / sum |w| with w = r - mean r; NaN where r does not vary.

    An emotion without an r does not count.
    """
    known = np.isfinite(r)
    weights = r[known] - r[known].mean() if known.any() else np.zeros(0)
    size = np.abs(weights).sum()
    return float(weights @ nats[known] / size) if size > 0 else float("nan")


def _choose(
    own: dict[int, np.ndarray],
    random: dict[int, np.ndarray],
    probes: Mapping[int, np.ndarray],
    scores: np.ndarray,
    options: Options,
) -> _Choice:
    """Choose the layer with the largest contrast among the pairs inside one half, judge it inside the other; both ways.

    Null: emotions that are all one direction, the right way round for their correlations, which scatters the most (as in
    `beyond.beyond_random`): emotions share an axis, and directions assigned to them at random would average out instead. The
    contrast takes a common shift away, so it is taken from the directions too, with the scatter that it costs put back.
    """
    layers, half = list(own), options.splits[0]
    sides = [half, ~half]
    weights = np.stack([[pearson(probes[layer][side], scores[side]) for layer in layers] for side in sides])
    inside = [np.outer(side, side) for side in sides]
    effect, control = (
        np.stack([[_inside(table[layer], cells) for layer in layers] for cells in inside]) for table in (own, random)
    )  # (2, layers, directions)
    contrasts = [
        [_contrast(r, nats) for r, nats in zip(*side, strict=True)] for side in zip(weights, effect, strict=True)
    ]
    judged, chosen = _cross(np.array(contrasts))
    count = control.shape[-1]
    scatter = (control - control.mean(-1, keepdims=True)) * np.sqrt(count / (count - 1))
    null = np.array([_cross(sign * scatter[:, :, index])[0] for index in range(count) for sign in (1, -1)])
    known = np.isfinite(judged) and np.isfinite(null).all()
    p = float(nulls.permutation_p(judged, null)) if known else float("nan")
    return _Choice((layers[chosen[0]], layers[chosen[1]]), judged, float(null.mean()), p)


def _inside(matrices: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Mean effect (m,) over the asked pairs in `cells` (n, n)."""
    return np.nanmean(np.where(cells, matrices, np.nan), axis=(-1, -2))


def _cross(values: np.ndarray) -> tuple[float, tuple[int, int]]:
    """Contrast at the layer that the other half chose, the mean of both ways, and the layers chosen; values (2, layers)."""
    first, second = (int(np.nanargmax(side)) if np.isfinite(side).any() else 0 for side in values)
    return float((values[1, first] + values[0, second]) / 2), (first, second)
