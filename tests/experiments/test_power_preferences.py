"""The power of preferences, correlation and steering: the share of planted worlds that pass."""

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments import power_preferences
from emotion_vectors.experiments.beyond import beyond_controls
from emotion_vectors.experiments.correlation.measure import aligned
from emotion_vectors.experiments.criteria import Null, Threshold, judge, scaled
from emotion_vectors.experiments.power import Judged
from emotion_vectors.experiments.steering import judging
from emotion_vectors.experiments.steering.controls import NULLS
from emotion_vectors.experiments.steering.effects import Effects, Options
from emotion_vectors.experiments.valences import Valences
from emotion_vectors.stats import intervals, nulls
from experiments.powers import share_passing

REPEATS = 400


def test_categories():
    generator = np.random.default_rng(7)
    names = [f"k{i}" for i in range(8) for _ in range(8)]
    codes, noise = np.repeat(np.arange(8), 8), 150.0
    points = 1000 + generator.standard_normal(64) * noise
    share = np.eye(8)[codes] / 8

    def half_width(scores):
        """t interval of the gap between the extreme categories."""
        means = scores @ share
        left = (scores - means[codes]).reshape(8, 8)
        chosen = [means.argmax(), means.argmin()]
        return stats.t.ppf(0.975, 14) * np.sqrt((left[chosen] ** 2).sum() / 14 * 2 / 8)

    bar = Threshold(200, "above")
    found = power_preferences.gap(Judged(Null("dealt", 250.0, 1.0), bar), points, names, half_width(points), 0)

    def trial(effect):
        def one(g):
            scores = g.standard_normal(64) * points.std() + effect * np.linspace(-0.5, 0.5, 8)[codes]
            gap, reach = np.ptp(scores @ share), half_width(scores)
            null = np.ptp(g.permuted(np.tile(scores, (300, 1)), axis=1) @ share, axis=1)
            return judge(
                "V7",
                "",
                gap,
                (gap - reach, gap + reach),
                Null("dealt", null.mean(), float(nulls.permutation_p(gap, null))),
                bar,
                "Elo",
            ).verdict

        return one

    assert share_passing(trial(found.value), repeats=200) == pytest.approx(0.8, abs=0.15)
    assert share_passing(trial(found.value / 2), repeats=200) < 0.4


@pytest.fixture(scope="module")
def probes():
    """r of 60 emotions in 64 activities: bootstrap draws, and two nulls of emotions that share an axis."""
    generator = np.random.default_rng(8)
    positive = np.arange(60) < 30

    def noise(count):
        shared = generator.standard_normal((count, 1)) * np.where(positive, 1, -1) * 0.5
        return np.tanh((shared + generator.standard_normal((count, 60))) / np.sqrt(61) / np.sqrt(1.25))

    r = noise(1)[0]
    draws = np.tanh(np.arctanh(r) + generator.standard_normal((400, 60)) / np.sqrt(61))
    return positive, r, draws, [noise(2000), noise(2000)]


@pytest.mark.slow
def test_the_extremes(probes):
    positive, r, draws, chance = probes
    bar = Threshold(2)
    found = power_preferences.alignment(Judged(Null("x", 1.2, 1.0), bar), positive, r, draws, chance, aligned, 0)
    spread, gaps = np.arctanh(draws) - np.arctanh(r), [power_preferences.valence_gap(one, positive) for one in chance]

    def trial(effect):
        def one(g):
            z = np.arctanh(chance[0][g.integers(2000)]) + np.arctanh(effect / 2) * np.where(positive, 1, -1)
            own = np.tanh(z)
            p = max(float(nulls.permutation_p(power_preferences.valence_gap(own, positive), gap)) for gap in gaps)
            ends = np.quantile(aligned(np.tanh(z + spread), positive), [0.025, 0.975], method="closest_observation")
            return judge("V8", "", float(aligned(own, positive)), tuple(ends), Null("x", 1.2, p), bar, "", 3).verdict

        return one

    assert share_passing(trial(found.value)) == pytest.approx(0.8, abs=0.12)
    assert share_passing(trial(found.value / 2)) < 0.5


def test_emotions_that_go_with_preference(probes):
    _, r, draws, chance = probes
    bar, counts = scaled(5, 60, 171), [(np.abs(one) > 0.3).sum(1) for one in chance]
    by = max(float(count.mean()) for count in counts)
    found = power_preferences.correlated(Judged(Null("x", by, 1.0), bar), 0.3, r, draws, chance, 0)
    spread = np.arctanh(draws) - np.arctanh(r)
    assert 0.02 < found.value < 0.6

    def trial(value):
        base = (np.abs(chance[1]) > 0.3).mean()
        share = (value - base) / (1 - base)

        def one(g):
            z = np.arctanh(chance[0][g.integers(2000)])
            z = np.where(g.random(60) < share, z + np.sign(z) * np.arctanh(0.5), z)
            count = (np.abs(np.tanh(z)) > 0.3).sum()
            again = intervals.interval_from_draws((np.abs(np.tanh(z + spread)) > 0.3).sum(1), count, method="basic")
            p = max(float(nulls.permutation_p(count, one)) for one in counts)
            ends = np.clip([again.low, again.high], 0, 60)
            return judge("V9", "", count, tuple(ends), Null("x", by, p), bar, "", 60).verdict

        return one

    assert share_passing(trial(found.value)) == pytest.approx(0.8, abs=0.12)
    assert share_passing(trial(found.value / 2)) < 0.5


@pytest.fixture(scope="module")
def steered():
    """35 emotions in two overlapping valences, with small control directions."""
    generator = np.random.default_rng(9)
    positive = np.arange(35) < 17
    r = np.where(positive, 0.1, -0.1) + 0.4 * generator.standard_normal(35)
    controls = {kind: 0.05 * generator.standard_normal(10) for kind in NULLS}
    return positive, r, generator.standard_normal(35), controls


def judged_with(made, r, positive, controls, g):
    """What `judging` is given for 35 emotions whose effects are `made`."""
    splits, valences = np.zeros((1, 2), dtype=bool), Valences(np.ones(35, dtype=bool), positive)
    options = Options(splits, 100, int(g.integers(10_000)))
    effects = Effects(np.zeros((0, 0, 0)), made, made, made, np.zeros((35, 1)), controls)
    return r, effects, valences, "", options


@pytest.mark.slow
def test_steering_that_follows_the_correlation(steered):
    positive, r, nats, controls = steered
    bar = judging.R_BAR
    labels = np.where(positive, 1, -1)
    judged = Judged(Null("x", 0.0, 1.0), bar)
    found = power_preferences.coupling(judged, r, nats, labels, lambda w, y: beyond_controls(w, y, controls).p, 0)

    def trial(effect):
        def one(g):
            x = (r - r.mean()) / r.std()
            made = effect * x + np.sqrt(1 - effect**2) * g.standard_normal(35)
            return judging.coupling(*judged_with(made, r, positive, controls, g))[1].verdict

        return one

    assert share_passing(trial(found.value), repeats=80) == pytest.approx(0.8, abs=0.15)
    assert share_passing(trial(found.value / 2), repeats=40) < 0.4
    # Control directions that move as much leave nothing that could be seen.
    large = {kind: 40 * values for kind, values in controls.items()}
    none = power_preferences.coupling(judged, r, nats, labels, lambda w, y: beyond_controls(w, y, large).p, 0)
    assert none.value is None and none.sentence.startswith("No effect could have passed")


@pytest.mark.slow
def test_signs_of_steering(steered):
    positive, r, nats, controls = steered
    judged = Judged(Null("x", 17.5, 1.0), Threshold(25))
    found = power_preferences.signs(judged, positive, nats, lambda w, y: beyond_controls(w, y, controls).p, 0)

    def trial(share):
        def one(g):
            wanted = np.where(positive, 1, -1)
            made = np.abs(nats) * np.where(g.random(35) < share, wanted, -wanted)
            return judging.signs(*judged_with(made, r, positive, controls, g))[1].verdict

        return one

    assert share_passing(trial(found.value), repeats=150) == pytest.approx(0.8, abs=0.12)
    assert share_passing(trial(0.5 + (found.value - 0.5) / 2), repeats=150) < 0.3


def test_what_is_blocked_could_not_have_passed(steered):
    positive, _, nats, controls = steered
    judged = Judged(Null("x", 17.5, 1.0), Threshold(25), "the position decides")
    found = power_preferences.signs(judged, positive, nats, lambda w, y: beyond_controls(w, y, controls).p, 0)
    assert (found.value, found.sentence) == (None, "No effect could have passed: the position decides.")
