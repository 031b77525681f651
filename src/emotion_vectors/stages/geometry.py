"""What the directions are: their axes, clusters and similarity structure, beside those of the stories' words and of the model's own tokens."""

from __future__ import annotations

from pathlib import Path

from emotion_vectors.experiments.clusters import measure as clusters
from emotion_vectors.experiments.clusters.record import Clusters
from emotion_vectors.experiments.geometry import measure as geometry
from emotion_vectors.experiments.geometry.record import Geometry
from emotion_vectors.experiments.geometry.stories import StoryFacts
from emotion_vectors.experiments.lens.measure import word_embeddings
from emotion_vectors.lab import Lab
from emotion_vectors.report.published import clusters as published_clusters
from emotion_vectors.stimuli.norms import Norms, read_norms, shipped
from emotion_vectors.store.run_folder import file_digest
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors.file import EmotionVectors


def directions(lab: Lab, vectors: EmotionVectors, facts: StoryFacts) -> dict[str, JsonObject | None]:
    """The record's parts `geometry` and `clusters`; None where there are too few emotions."""
    settings, emotions = lab.settings, vectors.emotions
    tokens = word_embeddings(lab.lm, emotions)
    axes = geometry.run(
        emotions, vectors.at(), vectors.layer, lab.pack.valence, [*shipped(), *_own_norms(lab)], len(shipped()), facts, tokens,
        settings.geometry_components, settings.resamples, settings.seed,
    )  # fmt: skip
    layers = list(vectors.layers)
    kinds = vectors.projected if vectors.kind == "projected" else vectors.raw
    together = clusters.run(
        emotions, kinds[layers], layers, vectors.layer, facts.bag, tokens, published_clusters(), settings.clusters, settings.resamples,
        settings.seed,
    )  # fmt: skip
    return {Geometry.key: axes.dump() if axes else None, Clusters.key: together.dump() if together else None}


def _own_norms(lab: Lab) -> list[Norms]:
    """The user's ratings, which must still be those that the run began with."""
    if lab.settings.norms is None:
        return []
    path = Path(lab.settings.norms)
    lab.require_unchanged("norms", file_digest(path), str(path))
    return [read_norms(path)]
