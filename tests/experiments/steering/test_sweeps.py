"""Dose and depth: planted slopes and layers are found, and choosing a layer finds nothing where nothing is."""

import json

import numpy as np
import pytest

from emotion_vectors.experiments.steering import arms, sweeps
from emotion_vectors.experiments.steering.arms import Condition
from emotion_vectors.stats.steering import ring_pairs
from experiments.worlds import EMOTIONS, POSITIVE, VALENCE, Push, Steered, planned, steered_world

ASKED = ring_pairs(64, 6)
FOUR = EMOTIONS[:4]
SMALL = {"emotions": FOUR, "control_emotions": 2, "shuffled": 3, "sweep_emotions": 4}
STRENGTHS = (-1.0, -0.5, 0.5, 1.0)
PLANTED = dict(zip(FOUR, (0.6, -0.4, 0.2, 0.0), strict=True))


class TestDose:
    plan = planned(**SMALL, strengths=STRENGTHS)

    def world(self, **settings) -> Steered:
        pushes = {("emotion", e): Push(value) for e, value in PLANTED.items()}
        pushes |= {("random", str(i)): Push(0.1 * i) for i in range(10)}
        return steered_world(np.random.default_rng(0), pushes, self.plan, ASKED, **settings)

    def test_slopes_and_curves_are_the_planted_ones(self):
        made = self.world(noise=0.0, float_noise=0.0)
        found = sweeps.dose(made.runs, made.options())
        assert found is not None
        strengths = [row.strength for row in found.strengths]
        assert strengths == [-1.0, -0.5, 0.0, 0.5, 1.0]
        for row in found.emotions:
            slope = 2 * PLANTED[row.emotion]  # planted at strength 0.5
            assert row.nats == pytest.approx([slope * x for x in strengths], abs=1e-12)
            assert row.nats_per_strength == pytest.approx(slope, abs=1e-12)
        # The band is that of the directions that went through all strengths: 0.0, 0.1, 0.2 and 0.3 nats at 0.5.
        assert found.random_directions == 4
        ends = [(row.random_low, row.random_high) for row in found.strengths]
        np.testing.assert_allclose(ends, [(-0.6, 0), (-0.3, 0), (0, 0), (0, 0.3), (0, 0.6)], atol=1e-12)
        json.dumps(found.dump(), allow_nan=False)

    def test_a_contraction_is_no_dose(self):
        pushes = {("emotion", e): Push(0.0, 0.5) for e in FOUR}
        made = steered_world(np.random.default_rng(1), pushes, self.plan, ASKED, noise=0.0, float_noise=0.0)
        found = sweeps.dose(made.runs, made.options())
        assert found is not None
        np.testing.assert_allclose([row.nats for row in found.emotions], 0, atol=1e-12)

    def test_with_noise_the_slope_is_near(self):
        made = self.world()
        found = sweeps.dose(made.runs, made.options())
        assert found is not None
        for row in found.emotions:
            assert row.nats_per_strength == pytest.approx(2 * PLANTED[row.emotion], abs=0.4)

    def test_nothing_swept_is_nothing(self):
        made = steered_world(
            np.random.default_rng(0), {}, planned(emotions=FOUR, control_emotions=2, shuffled=3), ASKED
        )
        assert sweeps.dose(made.runs, made.options()) is None
        assert sweeps.depth(made.runs, {}, np.zeros(64), VALENCE, made.options()) is None


DEEP = planned(**SMALL, sweep_every=2)
GAINS = dict(zip(DEEP.sweep_layers, (0.1, 0.2, 0.8, 0.3), strict=True))
SIGNS = np.where(POSITIVE[:4], 1.0, -1.0)


def deep_world(generator, effects, random, noise=0.3):
    """`effects[layer]` (4,) nats of the emotions, `random[layer]` (10,) of the directions, and probes that go with SIGNS."""
    pushes = {}
    for layer in DEEP.sweep_layers:
        for kind, values in (("emotion", effects[layer]), ("random", random[layer])):
            for name, value in zip(DEEP.names(kind), values, strict=True):
                pushes[Condition(kind, name, (layer,), DEEP.strength)] = Push(value)
    made = steered_world(generator, pushes, DEEP, ASKED, noise=noise)
    scores = generator.standard_normal(64)
    probes = {layer: SIGNS * scores[:, None] + generator.standard_normal((64, 4)) for layer in DEEP.sweep_layers}
    return made, probes, scores


def lucky_world(seed, common):
    """A readout at each layer that knows nothing, of vectors that share an axis of length `common`, and of random ones."""
    generator = np.random.default_rng((seed, 13))
    axis = generator.standard_normal(150)
    vectors = np.concatenate([common * SIGNS[:, None] * axis, np.zeros((10, 150))]) + generator.standard_normal(
        (14, 150)
    )
    units = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    nats = {layer: 0.3 * units @ generator.standard_normal(150) for layer in DEEP.sweep_layers}
    return deep_world(generator, *({layer: nats[layer][part] for layer in nats} for part in (slice(4), slice(4, 14))))


class TestDepth:
    def planted(self, seed=0, **settings):
        generator = np.random.default_rng((seed, 11))
        effects = {layer: gain * SIGNS for layer, gain in GAINS.items()}
        random = {layer: 0.02 * generator.standard_normal(10) for layer in GAINS}
        return deep_world(generator, effects, random, **settings), random

    def test_the_planted_layer_is_chosen_and_judged(self):
        assert DEEP.sweep_layers == (1, 3, 5, 7)
        for seed in range(5):
            (made, *rest), _ = self.planted(seed)
            found = sweeps.depth(made.runs, *rest, VALENCE, made.options(seed=seed))
            assert found is not None and found.chosen_layers == [5, 5]
            # The contrast of effects that are all of the same size is that size.
            assert found.judged_nats == pytest.approx(0.8, abs=0.2) and found.p == pytest.approx(1 / 21)
            json.dumps(found.dump(), allow_nan=False)

    def test_rows_by_hand(self):
        (made, probes, scores), random = self.planted(noise=0.0)
        found = sweeps.depth(made.runs, probes, scores, VALENCE, made.options())
        assert found is not None
        for row in found.rows:
            layer = row.layer
            r = [np.corrcoef(probes[layer][:, i], scores)[0, 1] for i in range(4)]
            assert [one.r for one in row.emotions] == pytest.approx(r)
            nats = GAINS[layer] * SIGNS
            assert [one.nats for one in row.emotions] == pytest.approx(nats, abs=0.01)
            weights = np.array(r) - np.mean(r)
            assert row.contrast == pytest.approx(weights @ nats / np.abs(weights).sum(), abs=0.01)
            ends = random[layer].min(), random[layer].max()
            assert (row.random_low, row.random_high) == pytest.approx(ends, abs=0.01)
            assert [one.valence for one in row.emotions] == [VALENCE[e] for e in FOUR]

    def test_a_half_chooses_by_its_own_pairs_and_is_judged_by_the_others(self):
        """One half thinks that layer 3 is best, the other layer 5: each is judged where it did not look."""
        (made, probes, scores), _ = self.planted(noise=0.0)
        half, runs = made.options().splits[0], made.runs
        first, second = runs.first.copy(), runs.second.copy()
        extra = {(3, True): 2.0, (5, False): 1.0, (3, False): -0.5}
        for (layer, side), nats in extra.items():
            inside = np.outer(half == side, half == side)
            for row, sign in zip(runs.rows(FOUR, layers=(layer,)), SIGNS, strict=True):
                first[row][inside] += sign * nats
                second[row][inside] -= sign * nats
        runs = arms.Runs(runs.conditions, first, second, runs.shifts, runs.plan)
        found = sweeps.depth(runs, probes, scores, VALENCE, made.options())
        assert found is not None and found.chosen_layers == [3, 5]
        # Layer 3 in the other half: 0.2 - 0.5; layer 5 in the first: 0.8.
        assert found.judged_nats == pytest.approx((-0.3 + 0.8) / 2, abs=0.02)

    @pytest.mark.parametrize("common", [0.0, 1.0, 5.0])
    @pytest.mark.slow
    def test_choosing_finds_nothing_where_nothing_is(self, common):
        """At most 8 of 100, also where the emotions share an axis and so do not average out as random directions do."""
        p = []
        for seed in range(100):
            made, *rest = lucky_world(seed, common)
            found = sweeps.depth(made.runs, *rest, VALENCE, made.options(seed=seed))
            assert found is not None
            p.append(found.p)
        assert np.mean(np.array(p) <= 0.05) <= 0.08
        # With one axis the null is the very scatter of the emotions, no wider: p is spread evenly.
        assert common < 5 or (0.3 < np.median(p) < 0.7 and min(p) < 0.1)

    def test_a_shift_common_to_all_directions_is_no_effect(self):
        """Nor does it hide one, or widen the null."""
        generator = np.random.default_rng((0, 11))
        effects = {layer: gain * SIGNS + 2 for layer, gain in GAINS.items()}
        shifted = {layer: 0.02 * generator.standard_normal(10) + 2 for layer in GAINS}
        made, *rest = deep_world(generator, effects, shifted)
        found = sweeps.depth(made.runs, *rest, VALENCE, made.options())
        assert found is not None and found.p < 0.05 and found.judged_nats == pytest.approx(0.8, abs=0.2)
        flat, *rest = deep_world(generator, {layer: np.full(4, 2.0) for layer in GAINS}, shifted)
        found = sweeps.depth(flat.runs, *rest, VALENCE, flat.options())
        assert found is not None and found.p > 0.05

    def test_an_emotion_without_a_correlation_does_not_count(self):
        (made, probes, scores), _ = self.planted()
        probes = {layer: np.column_stack([values[:, :3], np.ones(64)]) for layer, values in probes.items()}
        found = sweeps.depth(made.runs, probes, scores, VALENCE, made.options())
        assert found is not None
        for row in found.rows:
            assert row.emotions[3].r is None
            r, nats = np.array([[one.r, one.nats] for one in row.emotions[:3]]).T
            weights = r - r.mean()
            assert row.contrast == pytest.approx(weights @ nats / np.abs(weights).sum())
