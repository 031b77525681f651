"""The steered answers -> the record's `steering` part and V10, V11."""

from __future__ import annotations

import numpy as np

from emotion_vectors.experiments.correlation.measure import Correlations
from emotion_vectors.experiments.preferences.measure import Preferences
from emotion_vectors.experiments.steering import coherence, inversion, scale, sweeps
from emotion_vectors.experiments.steering import measure as steering
from emotion_vectors.experiments.steering.arms import Runs
from emotion_vectors.experiments.steering.effects import Options, measure
from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.lab import Lab
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stages.readings import Readings
from emotion_vectors.stages.steering import control_vectors
from emotion_vectors.stats.correlation import pearson
from emotion_vectors.stats.steering import split_halves
from emotion_vectors.vectors.directions import unit
from emotion_vectors.vectors.file import EmotionVectors


def analyse_steering(
    lab: Lab,
    vectors: EmotionVectors,
    readings: Readings,
    differences: np.ndarray,
    preferences: Preferences,
    correlations: Correlations,
    runs: Runs,
    examples: dict[str, str],
) -> tuple[Steering, list[Criterion]]:
    """Judge the steering experiment; `differences` (n, n) are the unsteered ones of all pairs, in nats."""
    settings, pack, plan = lab.settings, lab.pack, runs.plan
    splits = split_halves([a.category for a in pack.activities], settings.random_splits, settings.seed)
    options = Options(splits, settings.resamples, settings.seed, settings.elo_k, settings.elo_passes, detect=True)
    r = correlations.r[[vectors.index(emotion) for emotion in plan.emotions]]
    held = coherence.examine(runs, runs.rows(plan.emotions), splits)
    measured = measure(runs, options)
    found, criteria = steering.run(
        pack.activities, differences, runs, measured, r, pack.valence, examples, held, preferences.blocked, options
    )
    probes = readings.activities.astype(np.float64)
    control_r = {
        kind: pearson(probes[:, plan.layer + 1] @ unit(rows).T, preferences.nats)
        for kind, rows in control_vectors(lab, plan, vectors).items()
    }
    by_layer = {
        layer: probes[:, layer + 1]
        @ unit(vectors.at(layer)[[vectors.index(e) for e in plan.swept]].astype(np.float64)).T
        for layer in plan.sweep_layers
    }
    record = Steering(
        layer=plan.layer,
        strength=plan.strength,
        residual_norm=float(vectors.residual_norm[plan.layer]),
        tokens="the steered activity only",
        partners=int(np.isfinite(runs.base).sum(axis=1).max()),
        split=f"every second activity of each category, the other half, and {settings.random_splits} random stratified ones",
        **found._asdict(),
        arms=scale.arms(runs, dict(zip(plan.emotions, r, strict=True)), control_r, options),
        inversion=inversion.run(runs, r, pack.valence, options),
        dose=sweeps.dose(runs, options),
        depth=sweeps.depth(runs, by_layer, preferences.nats, pack.valence, options),
        categories=scale.categories(pack.activities, measured, plan.emotions, pack.valence, differences),
        scale=scale.scale(differences, measured, found.elo_per_nat),
    )
    return record, criteria
