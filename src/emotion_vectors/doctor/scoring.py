"""Checks of the scores against answers that are known beforehand: planted scores, and arithmetic that must hold."""

from __future__ import annotations

import numpy as np

from emotion_vectors.doctor.bench import Bench
from emotion_vectors.doctor.check import Finding, at_most
from emotion_vectors.stats import scores

PLANTED = np.linspace(-2.2, 2.2, 12)[[3, 8, 0, 11, 5, 1, 9, 6, 2, 10, 4, 7]]  # nats, mean 0, 70 Elo points apart
BIAS = 0.7  # nats for the option called (A); cancels over the two orders only up to the curve of the win probability
ROUNDING = 1e-9  # nats: sums of a few dozen numbers in double precision
RECOVERED = 1e-6  # nats: the tolerance of the fit


def _elo(wins: np.ndarray) -> np.ndarray:
    """Elo scores in nats around 0."""
    return scores.elo_to_nats(scores.elo(wins, passes=30).scores)


def zero_sum(_: Bench) -> Finding:
    """Mean of the scores before and after a change of the preferences, and the halves' mean changes against each other."""
    generator = np.random.default_rng(0)
    n = 12
    before = generator.normal(0, 1, (n, n)) + BIAS
    half = np.arange(n) % 2 == 0
    after = before + 0.8 * (half[:, None].astype(float) - half[None])
    worst = []
    for fit in (scores.bradley_terry, _elo):
        old, new = (fit(scores.pair_win_probability(table)) for table in (before, after))
        change = new - old
        worst += [abs(old.mean()), abs(new.mean()), abs(change[half].mean() + change[~half].mean())]
    return at_most(
        float(np.max(worst)), ROUNDING, "What one half of the options gains the other half loses.",
        "Scores are not zero-sum, so a gain of one half can't be read as a transfer; report a bug.",
    )  # fmt: skip


def bradley_terry(_: Bench) -> Finding:
    """Planted scores come back from the choices that they make."""
    wins = scores.pair_win_probability(PLANTED[:, None] - PLANTED[None])
    error = float(np.abs(scores.bradley_terry(wins) - PLANTED).max())
    return at_most(error, RECOVERED, "Planted scores are recovered.", "Planted scores are not recovered; report a bug.")


def elo(_: Bench) -> Finding:
    """Elo updates put planted options in their order."""
    found = _elo(scores.pair_win_probability(PLANTED[:, None] - PLANTED[None]))
    right = int((np.argsort(found) == np.argsort(PLANTED)).sum())
    good = "Elo updates put planted scores in their order."
    bad = "Elo updates put planted scores in another order; report a bug."
    return Finding(right, len(PLANTED), right == len(PLANTED), good if right == len(PLANTED) else bad)
