"""Checks of the preferences themselves, on all ordered pairs of a small balanced set of activities.

A model may simply have no preferences; then nothing is wrong with the instrument. These checks only warn: with such
preferences the preference criteria are inconclusive. The run asks all pairs and decides by those.
"""

from __future__ import annotations

from emotion_vectors.doctor.bench import Bench
from emotion_vectors.doctor.check import Finding, at_most
from emotion_vectors.experiments.preferences import measure as preferences

TODO = "the preference criteria will be inconclusive if all pairs show the same"


def _facts(bench: Bench) -> dict[str, float]:
    _, differences, mass = bench.baseline
    return preferences.quality(differences, mass)


def _at_least(measured: float, limit: float, good: str, bad: str) -> Finding:
    passed = bool(measured >= limit)
    return Finding(float(measured), limit, passed, good if passed else f"{bad}; {TODO}.")


def mass(bench: Bench) -> Finding:
    """Probability on A and B together."""
    found = _facts(bench)["mass_on_options"]
    return _at_least(
        found, preferences.LEAST_MASS, "The model answers with A or B.", "The model hardly answers with A or B"
    )


def spread(bench: Bench) -> Finding:
    """Standard deviation in nats of the preferences that don't depend on the order."""
    found = _facts(bench)["spread_nats"]
    return _at_least(found, preferences.LEAST_SPREAD, "Preferences differ.", "Preferences hardly differ")


def position_bias(bench: Bench) -> Finding:
    """Mean preference for (A) over the spread."""
    facts = _facts(bench)
    share = abs(facts["position_bias_nats"]) / max(facts["spread_nats"], 1e-12)
    return at_most(
        share, preferences.MOST_BIAS_PER_SPREAD, f"The bias for (A) is {facts['position_bias_nats']:.2f} nats.",
        f"The bias for (A) of {facts['position_bias_nats']:.2f} nats drowns the preferences; {TODO}.",
    )  # fmt: skip


def consistency(bench: Bench) -> Finding:
    """Correlation of the two orders of the pairs."""
    found = _facts(bench)["order_consistency"]
    good, bad = "The two orders of a pair agree.", "The two orders of a pair don't agree"
    return _at_least(found, preferences.LEAST_CONSISTENCY, good, bad)
