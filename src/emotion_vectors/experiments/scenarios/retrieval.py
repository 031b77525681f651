"""Which of all emotions does a scenario imply? One scenario for each emotion against the vectors of every emotion.

In: activations (s, l, d) at the response position of s scenarios and the vectors (n, d) of all n emotions of the run.
Out: how often the implied emotion is first or among the first ten, its mean rank and median reciprocal rank, and how often
the first emotion has the right valence: raw and centred, each with interval and chance.
The valence is asked only where every implied emotion has one.
Source: ours; the paper and Hong (2026) ask only among twelve emotions.
What it can't tell: emotions that hardly differ (glad, happy) compete with each other, so being first is a hard test and
the rank says more. A scenario of ours may well fit another emotion better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emotion_vectors.experiments.scenarios.ranking import (
    KINDS,
    MEAN_RANK,
    Battery,
    Measure,
    deals,
    ranks,
    summarise,
    within,
)
from emotion_vectors.experiments.scenarios.record import Retrieval, RetrievalItem, Retrieved
from emotion_vectors.stimuli.items import NEGATIVE, POSITIVE

MEASURES = (
    within("top1", 1),
    within("top10", 10),
    MEAN_RANK,
    Measure("reciprocal_rank", lambda found: np.median(1 / found, axis=-1), "greater"),
)
VALENCE = Measure("valence", lambda hits: hits.mean(-1), "greater", True)


def run(
    battery: Battery,
    emotions: Sequence[str],
    vectors: np.ndarray,
    layer: int,
    valence: Mapping[str, str],
    resamples: int,
    seed: int,
) -> Retrieval | None:
    """The record's `retrieval` part, or None with scenarios for fewer than 2 emotions of the run."""
    kept = battery.about(emotions)
    if len(kept.emotions) < 2:
        return None
    targets = kept.targets(emotions)
    # 1 positive, -1 negative, 0 not given.
    kinds = np.array([{POSITIVE: 1, NEGATIVE: -1}.get(valence.get(emotion, ""), 0) for emotion in emotions])
    labelled = kinds[targets] != 0
    dealt, columns = deals(targets, resamples, seed), np.arange(len(targets))
    measured: dict[str, Retrieved] = {}
    fields_of: list[dict[str, Any]] = [{} for _ in targets]
    for kind, cosines in zip(KINDS, kept.cosines(vectors, layer), strict=True):
        table = ranks(cosines)
        first, alone = table.argmin(axis=0), (table == 1).any(axis=0)  # two in the first place: nothing is first
        own = table[targets, columns]
        found = summarise(MEASURES, own, table[dealt, columns], targets, resamples, seed)
        if labelled.all():
            found |= summarise(
                (VALENCE,), alone & (kinds[first] == kinds[targets]), alone & (kinds[first] == kinds[dealt]), targets, resamples, seed,
            )  # fmt: skip
        measured[kind] = Retrieved(**found)
        for fields, rank, nearest, unique in zip(fields_of, own, first, alone, strict=True):
            fields |= {f"rank_{kind}": float(rank), f"first_{kind}": emotions[nearest] if unique else None}
    items = [
        RetrievalItem(name=scenario.name, emotion=scenario.emotion, **fields)
        for scenario, fields in zip(kept.scenarios, fields_of, strict=True)
    ]
    return Retrieval(
        of=len(targets), emotions=len(emotions), raw=measured["raw"], centred=measured["centred"], items=items
    )
