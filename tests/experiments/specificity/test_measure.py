"""Specificity of steering with planted worlds: degenerate and specific vectors, the second way to score, contradictions."""

import numpy as np
import pytest

from experiments.specificity.worlds import run, world
from experiments.worlds import EMOTIONS

FEW = EMOTIONS[:10]


R = np.where(np.arange(10) % 2 == 0, 1, -1) * np.linspace(0.2, 0.8, 10)


def test_the_vectors_share_of_the_variance_is_that_of_their_levels():
    part, _ = run(world(noise=0.05))
    assert part.arm("emotion").vector.value > 0.8 and part.arm("random").vector.value < part.arm("emotion").vector.value
    profiles = np.array([row.nats for row in part.profiles])
    assert profiles.mean(axis=1) == pytest.approx(R, abs=0.1)


def test_the_second_scoring_is_the_mean_over_pairs_with_references_that_are_never_steered():
    made = world(noise=0.3)
    part, nats = run(made)
    second, texts = part.references, [a.text for a in made.kinds]
    fixed = np.isin(texts, second.activities)
    kinds = np.array([a.category for a in made.kinds])
    for kind in set(kinds):  # one of four, and neither the most nor the least liked of its category
        inside = nats[(kinds == kind) & fixed]
        assert len(inside) == 1 and nats[kinds == kind].min() < inside[0] < nats[kinds == kind].max()
    effects = made.runs.effects(made.runs.rows(FEW))
    for row, scored in zip(effects, second.emotions, strict=True):
        cells = [row[i, j] for i in np.flatnonzero(~fixed) for j in np.flatnonzero(fixed) if np.isfinite(row[i, j])]
        assert scored.nats == pytest.approx(np.mean(cells)) and len(cells) == second.pairs
        assert scored.low <= scored.nats <= scored.high
    assert second.r == pytest.approx(np.corrcoef(R, [row.nats for row in second.emotions])[0, 1])
    assert second.r > 0.9 and second.p < 0.05 and second.signs >= 9 and second.agreement > 0.9


def test_a_contraction_of_all_preferences_is_no_effect_by_the_second_scoring():
    made = world(noise=0.0, contraction=0.3)
    part, _ = run(made)
    moved = np.array([row.nats for row in part.references.emotions]) - R
    assert np.abs(moved).max() < 0.1
