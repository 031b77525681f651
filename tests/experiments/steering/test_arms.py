"""The plan of the steering runs: every arm is there, every condition once, and rows find their condition again."""

import numpy as np
import pytest

from emotion_vectors.experiments.steering.arms import Condition, Runs
from emotion_vectors.experiments.steering.controls import NULLS
from emotion_vectors.stats.steering import ring_pairs
from experiments.worlds import EMOTIONS, Push, planned, steered_world

FULL = {"sweep_emotions": 2, "strengths": (-1.0, -0.5, 0.0, 0.5, 1.0), "sweep_every": 2, "band_layers": 3}


def test_every_condition_once_and_strength_zero_first():
    conditions = planned(**FULL).conditions()
    assert len(conditions) == len(set(conditions))
    assert conditions[0] == Condition("zero", "0", (3,), 0.0)
    assert all(condition.strength != 0 for condition in conditions[1:])


def test_every_arm_is_there_with_all_of_its_directions():
    plan = planned(**FULL)
    conditions = set(plan.conditions())
    here = (3,)
    wanted = {Condition("emotion", e, here, 0.5) for e in EMOTIONS}
    wanted |= {Condition(kind, str(i), here, 0.5) for kind in NULLS for i in range(10)}
    wanted |= {Condition("mean", "0", here, 0.5), Condition("zero", "0", here, 0.0)}
    for emotion in EMOTIONS[:12]:
        wanted |= {Condition("emotion", emotion, here, -0.5)}
        wanted |= {Condition("emotion", emotion, here, 0.5, touch) for touch in ("both", "all")}
        wanted |= {Condition("emotion", emotion, (1, 2, 3), 0.5)}
    wanted |= {Condition("random", str(i), (1, 2, 3), 0.5) for i in range(10)}
    swept = [("emotion", e) for e in EMOTIONS[:2]]
    some = [("random", str(i)) for i in range(3)]  # a band needs three directions or more
    wanted |= {Condition(k, n, here, x) for k, n in swept + some for x in (-1.0, -0.5, 0.5, 1.0)}
    every = [("random", str(i)) for i in range(10)]
    wanted |= {Condition(k, n, (layer,), 0.5) for k, n in swept + every for layer in (1, 3, 5, 7)}
    assert conditions == wanted


def test_nothing_is_swept_unless_asked():
    plan = planned()
    assert plan.sweep_layers == plan.band == plan.swept == ()
    assert {condition.layers for condition in plan.conditions()} == {(3,)}
    assert {condition.strength for condition in plan.conditions()} == {0.0, 0.5, -0.5}
    assert planned(sweep_emotions=0, sweep_every=1).sweep_layers == ()


@pytest.mark.parametrize(
    ("layer", "every", "sweep"), [(3, 1, (0, 1, 2, 3, 4, 5, 6, 7)), (3, 3, (0, 3, 6)), (2, 4, (2, 6)), (7, 20, (7,))]
)
def test_the_layer_sweep_holds_the_analysis_layer(layer, every, sweep):
    assert planned(layer=layer, sweep_emotions=1, sweep_every=every).sweep_layers == sweep


@pytest.mark.parametrize(("layer", "band", "expected"), [(3, 2, (2, 3)), (3, 1, ()), (1, 8, (0, 1)), (0, 4, ())])
def test_the_band_ends_at_the_analysis_layer(layer, band, expected):
    """A band of one layer would be the main arm under another name."""
    assert planned(layer=layer, band_layers=band).band == expected


class TestRuns:
    plan = planned(emotions=EMOTIONS[:5], control_emotions=3, random=3, shuffled=3, **FULL)
    nats = np.array([0.5, -0.4, 0.3, 0.2, -0.1])
    asked = ring_pairs(16, 4)

    def runs(self, **settings) -> Runs:
        pushes = {("emotion", e): Push(value) for e, value in zip(EMOTIONS, self.nats, strict=False)}
        made = steered_world(np.random.default_rng(0), pushes, self.plan, self.asked, noise=0.0, **settings)
        return made.runs

    def test_rows_are_those_of_the_condition(self):
        runs = self.runs()
        for kind in ("emotion", *NULLS):
            for name, row in zip(self.plan.names(kind), runs.rows(self.plan.names(kind), kind), strict=True):
                assert runs.conditions[row] == Condition(kind, name, (3,), 0.5, "own")
        found = runs.conditions[runs.rows(["emotion 1"], touch="both")[0]]
        assert found == Condition("emotion", "emotion 1", (3,), 0.5, "both")
        found = runs.conditions[runs.rows(["emotion 1"], layers=(5,))[0]]
        assert found == Condition("emotion", "emotion 1", (5,), 0.5)
        found = runs.conditions[runs.rows(["2"], "random", strength=-1.0)[0]]
        assert found == Condition("random", "2", (3,), -1.0)
        with pytest.raises(ValueError, match="not in"):
            runs.rows(["emotion 4"], touch="both")  # no control emotion

    def test_effects_are_the_planted_ones(self):
        runs = self.runs(float_noise=0.0)
        found = runs.effects(runs.rows(self.plan.emotions))
        assert found.shape == (5, 16, 16) and np.array_equal(np.isfinite(found[0]), self.asked)
        for matrix, expected in zip(found, self.nats, strict=True):
            np.testing.assert_allclose(matrix[self.asked], expected)
        flipped = runs.effects(runs.rows(self.plan.controls, strength=-0.5))
        np.testing.assert_allclose(flipped[:, self.asked], -np.tile(self.nats[:3, None], self.asked.sum()))

    def test_the_base_is_strength_zero_and_both_of_its_roles_count(self):
        runs = self.runs(float_noise=0.3)
        for cell in np.argwhere(self.asked):
            one, other = runs.first[0][tuple(cell)], runs.second[0][tuple(cell)]
            assert one != other and runs.base[tuple(cell)] == pytest.approx((one + other) / 2)
        assert np.isnan(runs.base[~self.asked]).all()
