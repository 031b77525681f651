"""Preferences that carry nothing warn and stop nothing."""

import numpy as np
import pytest
from tiny import tiny

from doctor.instruments import FEW, red
from emotion_vectors.doctor import stopping
from emotion_vectors.doctor.bench import Bench
from emotion_vectors.doctor.check import make_check
from emotion_vectors.doctor.examination import EXAMINATIONS
from emotion_vectors.experiments.preferences import measure as preferences
from emotion_vectors.stimuli import load_pack

PACK = load_pack()


WARN = {one.name for one in EXAMINATIONS if one.kind == "warn"}


def answers(kind):
    """Differences and mass of 8 options with preferences of 1 nat, spoiled in one way."""
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 1, 8)
    differences, mass = scores[:, None] - scores[None] + 0.1, np.full((8, 8), 0.9)
    if kind == "preference_mass":
        mass = mass / 20
    if kind == "preference_spread":
        differences = 0.01 * differences
    if kind == "position_bias":
        differences = differences + 8
    if kind == "order_consistency":
        noise = rng.normal(0, 3, (8, 8))
        differences = 0.1 * differences + (noise + noise.T)
    np.fill_diagonal(differences, np.nan)
    return differences, mass


@pytest.mark.parametrize("kind", ["", *sorted(WARN)])
def test_preferences_that_carry_nothing_warn_and_stop_nothing(kind):
    differences, mass = answers(kind)
    bench = Bench(tiny(), FEW, 2)
    bench.__dict__["baseline"] = (np.stack([differences, np.zeros((8, 8))], axis=-1), differences, mass)
    found = [make_check(o.name, o.title, o.kind, o.measure(bench)) for o in EXAMINATIONS if o.kind == "warn"]
    assert stopping(found) == [] and (kind in red(found) if kind else red(found) == set())
    assert bool(red(found)) == bool(preferences.unusable(preferences.quality(differences, mass)))
