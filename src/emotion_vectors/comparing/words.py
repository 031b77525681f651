"""What the words of two runs' stories have in common, beside what their vectors have: only what is above that is the models'.

n emotions, p = n (n - 1) / 2 pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emotion_vectors.comparing.measures import DRAWS
from emotion_vectors.comparing.runs import Compared
from emotion_vectors.experiments.baselines import words
from emotion_vectors.experiments.clusters.measure import structure
from emotion_vectors.stats import similarity
from emotion_vectors.stats.clustering import drawn_weights
from emotion_vectors.stats.intervals import ends_of_draws


def why_no_words(runs: Sequence[Compared], emotions: Sequence[str]) -> str:
    """Why the words of these runs' stories can't serve as a bar for their vectors; "" where they are."""
    for run in runs:
        if run.record.vectors is not None and run.record.vectors.adopted is not None:
            return f"the vectors of {run.name} were not made from its stories"
        there = run.texts()
        if there is None:
            return f"the stories of {run.name} are not in its folder"
        if not set(emotions) <= {emotion for emotion, _ in there}:
            return f"{run.name} has no story of some of the emotions"
    return ""


def bag(run: Compared, emotions: Sequence[str]) -> np.ndarray:
    """TF-IDF vectors (n, w) of the run's kept stories about these emotions."""
    chosen = set(emotions)
    stories = [(emotion, text) for emotion, text in run.texts() or [] if emotion in chosen]
    return words.emotion_vectors(stories, emotions, words.fit(text for _, text in stories))


def beyond_words(
    first: np.ndarray, second: np.ndarray, bags: Sequence[np.ndarray], resamples: int, seed: int
) -> dict[str, Any]:
    """How much better two sets of vectors (n, d) and (n, e) agree in their similarity structure than words of the stories do.

    `bags` (n, w) are of the first and the second run's stories. `bar`: the larger r of one run's words with the other run's vectors;
    `difference`: r of the vectors less the bar; `partial`: r of the vectors given both bags; both with intervals by resampling
    emotions; `own`: r of each run's vectors with its own words.
    """
    structures = np.stack([structure(rows) for rows in (first, second, *bags)])
    table = similarity.spearman_table(structures)
    n = len(first)
    weights = drawn_weights(n, min(resamples, DRAWS), seed)
    draws = np.stack([similarity.drawn_r(structures, row, weights) for row in range(len(structures))], axis=1)

    def difference(r: np.ndarray) -> np.ndarray:
        return r[..., 0, 1] - np.maximum(r[..., 0, 3], r[..., 1, 2])

    return {
        "own": [float(table[0, 2]), float(table[1, 3])], "bar": float(max(table[0, 3], table[1, 2])),
        "difference": float(difference(table)), "interval": ends_of_draws(difference(draws), n),
        "partial": float(similarity.partial(table)), "partial_interval": ends_of_draws(similarity.partial(draws), n),
    }  # fmt: skip
