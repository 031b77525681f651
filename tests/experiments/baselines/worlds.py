"""Stories with known words, for the tests of this folder."""

import numpy as np

from emotion_vectors.experiments.baselines import measure as baselines
from emotion_vectors.experiments.baselines import words
from emotion_vectors.experiments.correlation import measure as correlation
from emotion_vectors.experiments.numeric import measure as numeric
from emotion_vectors.experiments.scenarios import measure as scenarios
from emotion_vectors.experiments.scenarios import retrieval
from emotion_vectors.experiments.scenarios.ranking import Battery
from emotion_vectors.stimuli.items import (
    NUMERIC_EMOTIONS,
)

EMOTIONS = [*NUMERIC_EMOTIONS, *(f"emotion{i}" for i in range(20))]


VALENCE = {name: "positive" if i % 2 else "negative" for i, name in enumerate(EMOTIONS)}


SIGNS = {"afraid": "+", "happy": "-", "sad": "+", "calm": "-"}


NAMES = ["one", "two", "three", "four", "five", "six"]


def stories():
    return [(emotion, f"word{emotion} and {NAMES[k]} things here") for emotion in EMOTIONS for k in range(4)]


def bag(pack):
    vocabulary = words.fit(text for _, text in stories())
    texts = (
        vocabulary.rows([s.prompt for s in battery])
        for battery in (pack.scenarios, pack.heldout_scenarios, pack.retrieval_scenarios)
    )
    return baselines.Representation(
        "bag of words", words.emotion_vectors(stories(), EMOTIONS, vocabulary), *texts,
        numeric=[vocabulary.rows(pack.numbers(t)) for t in pack.numeric_templates],
        twinned=[
            np.stack([vocabulary.rows(texts) for texts in (pack.numbers(t.base), ["nothing at all"] * 6, pack.severe())])
            for t in pack.more_numeric_templates
        ],
        activities=vocabulary.rows([a.text for a in pack.activities]),
    )  # fmt: skip


NATS = np.repeat([1.0, -1.0], 32) + 0.1 * np.random.default_rng(0).standard_normal(64)


def residual(pack, seed=0):
    """Criteria and scenario record of a residual stream that responds to what is meant, whatever the words are."""
    generator = np.random.default_rng(seed)
    vectors = np.eye(24, 60) + 0.3 * np.outer([1 if VALENCE[e] == "positive" else -1 for e in EMOTIONS], np.eye(60)[50])
    index = {emotion: row for row, emotion in enumerate(EMOTIONS)}

    def rows(battery):
        found = vectors[[index[s.emotion] for s in battery]] + 0.05 * generator.standard_normal((len(battery), 60))
        return Battery(battery, found[:, None])

    main, heldout, every = map(rows, (pack.scenarios, pack.heldout_scenarios, pack.retrieval_scenarios))
    retrieved = retrieval.run(every, EMOTIONS, vectors, 0, VALENCE, 100, 0)
    record, criteria = scenarios.run(
        main, heldout, EMOTIONS, vectors[None], scenarios.Layers(), 100, 0, retrieved=retrieved
    )
    way = np.linspace(-1, 1, 6)[:, None] * sum(vectors[index[e]] * (1 if SIGNS[e] == "+" else -1) for e in SIGNS)
    up = way + vectors.sum(0)
    three = np.stack([up, np.tile(vectors.sum(0), (6, 1)), up + way[-1]])
    twinned = numeric.Twinned(pack.more_numeric_templates, [three] * 6)
    curves, (v5, v6) = numeric.run(pack.numeric_templates, [up] * 6, EMOTIONS, vectors, 100, 0, twinned=twinned)
    activities = np.outer(NATS, np.eye(60)[50]) + 0.02 * generator.standard_normal((64, 60))
    probes = correlation.run(pack.activities, activities, EMOTIONS, vectors, NATS, VALENCE, frozenset(), "", 100, 0)[2]
    return [*criteria, v5, v6, *probes], record, curves
