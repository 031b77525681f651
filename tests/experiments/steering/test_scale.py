"""The tables of the arms, the categories and the sizes, against sums by hand."""

import json

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments.steering import scale
from emotion_vectors.experiments.steering.controls import NULLS
from emotion_vectors.experiments.steering.effects import measure
from emotion_vectors.stats.steering import ring_pairs
from experiments.worlds import EMOTIONS, VALENCE, Push, differences, planned, steered_world

SIX = EMOTIONS[:6]
NATS = np.array([0.6, -0.5, 0.4, -0.2, 0.3, -0.7])
R = np.array([0.7, -0.4, 0.35, -0.3, 0.2, -0.6])
PLAN = planned(emotions=SIX, control_emotions=4, random=5, shuffled=4, sweep_emotions=2, strengths=(-1.0, 1.0),
               sweep_every=2, band_layers=2)  # fmt: skip
CONTROLS = {
    "random": np.array([0.1, -0.2, 0.3, 0.0, 0.05]),
    "orthogonal": np.full(5, 0.02),
    "shuffled": np.arange(4) / 10,
}
ASKED = ring_pairs(32, 6)


def build(contraction=0.0, **settings):
    pushes = {("emotion", e): Push(value, contraction) for e, value in zip(SIX, NATS, strict=True)}
    pushes |= {(kind, str(i)): Push(value) for kind in NULLS for i, value in enumerate(CONTROLS[kind])}
    pushes |= {("mean", "0"): Push(-0.9)}
    settings = {"noise": 0.0, "float_noise": 0.0} | settings
    return steered_world(np.random.default_rng(0), pushes, PLAN, ASKED, **settings)


def table(made):
    control_r = {kind: np.linspace(-0.5, 0.5, len(CONTROLS[kind])) for kind in NULLS}
    rows = scale.arms(made.runs, dict(zip(SIX, R, strict=True)), control_r, made.options())
    json.dumps([row.dump() for row in rows], allow_nan=False)
    return {row.arm: row for row in rows}


class TestArms:
    def test_every_arm_with_its_vectors(self):
        assert {name: row.vectors for name, row in table(build()).items()} == {
            "strength 0": 1, "emotion": 6, "wrong emotion": 6, "random": 5, "orthogonal": 5, "shuffled": 4, "mean": 1,
            "sign flipped": 4, "both activities": 4, "all tokens": 4, "band, emotion": 4, "band, random": 5,
        }  # fmt: skip

    def test_effects_and_correlations_by_hand(self):
        arms = table(build())
        wanted = {
            "strength 0": [0.0], "emotion": NATS, "mean": [-0.9], "sign flipped": -NATS[:4], "both activities": np.zeros(4),
            "all tokens": np.zeros(4), "band, emotion": NATS[:4], "band, random": CONTROLS["random"],
            **{kind: CONTROLS[kind] for kind in NULLS},
        }  # fmt: skip
        for name, nats in wanted.items():
            row, nats = arms[name], np.asarray(nats)
            assert row.mean_nats == pytest.approx(nats.mean(), abs=1e-12), name
            assert row.mean_size_nats == pytest.approx(np.abs(nats).mean(), abs=1e-12)
            assert abs(row.largest_nats) == pytest.approx(np.abs(nats).max(), abs=1e-12)
        assert arms["emotion"].largest_nats == pytest.approx(-0.7)
        assert arms["emotion"].r == pytest.approx(stats.pearsonr(R, NATS).statistic)
        assert arms["sign flipped"].r == pytest.approx(-stats.pearsonr(R[:4], NATS[:4]).statistic)
        assert arms["random"].r == pytest.approx(
            stats.pearsonr(np.linspace(-0.5, 0.5, 5), CONTROLS["random"]).statistic
        )
        assert arms["mean"].r is None and arms["strength 0"].r is None
        # A mislabelled vector: the effect of one emotion beside the correlation of another one.
        wrong = stats.pearsonr(np.array([R[3], R[4], R[5], R[0], R[1], R[2]]), NATS).statistic
        assert arms["wrong emotion"].r == pytest.approx(wrong)
        assert arms["wrong emotion"].mean_nats == arms["emotion"].mean_nats

    def test_how_the_answers_hold_together(self):
        made = build()
        rows = made.runs.rows(SIX)
        made.runs.shifts[rows[0]] = 0.1, 2.0, 1.0
        arms = table(made)
        found = arms["emotion"]
        assert found.broken == arms["wrong emotion"].broken == 1 and arms["random"].broken == 0
        shifts = made.runs.shifts[rows]
        assert found.mass == pytest.approx(shifts[:, 0].mean()) and found.divergence == pytest.approx(
            shifts[:, 2].mean()
        )
        assert found.entropy_change == pytest.approx(shifts[:, 1].mean() - made.runs.shifts[0, 1])

    def test_a_contraction_of_every_arm_is_no_effect(self):
        for name, row in table(build(contraction=0.5)).items():
            if name in ("both activities", "all tokens"):
                assert row.mean_size_nats == pytest.approx(0, abs=1e-12)
            if name == "emotion":
                assert row.mean_nats == pytest.approx(NATS.mean(), abs=1e-12)


def test_categories_by_hand():
    made = build(noise=0.4)
    found = measure(made.runs, made.options())
    rows = scale.categories(made.kinds, found, SIX, VALENCE, made.baseline)
    assert [row.category for row in rows] == list(dict.fromkeys(a.category for a in made.kinds))
    for row in rows:
        members = [i for i, a in enumerate(made.kinds) if a.category == row.category]
        assert row.activities == len(members) == 4
        for sign, chosen in (("positive", (0, 2, 4)), ("negative", (1, 3, 5))):
            own, other = [], []
            for e in chosen:
                cells = [found.matrices[e, i, j] for i in members for j in range(32) if ASKED[i, j]]
                own.append(np.mean(cells))
                cells = [found.matrices[e, j, i] for i in members for j in range(32) if ASKED[i, j]]
                other.append(-np.mean(cells))
            assert row.effects(sign) == pytest.approx((np.mean(own), np.mean(other)))
    # One valence alone leaves the other open.
    alone = scale.categories(made.kinds, found, SIX, dict.fromkeys(SIX, "positive"), made.baseline)
    assert alone[0].negative is None and alone[0].negative_control is None
    json.dumps([row.dump() for row in alone], allow_nan=False)


def test_a_category_that_a_vector_favours_shows_with_its_sign():
    """Steering the first category gains 1 nat, whoever it meets; nothing else moves."""
    made = build()
    extra = np.where(np.arange(32)[:, None] < 4, 1.0, 0.0) * np.ones(32)
    found = measure(made.runs, made.options())
    found = found._replace(matrices=np.where(ASKED, extra, np.nan)[None].repeat(6, 0))
    rows = scale.categories(made.kinds, found, SIX, VALENCE, made.baseline)
    assert [row.positive for row in rows] == [1.0] + [0.0] * 7
    # The others lose as control sides of that category, in the share of their pairs with it.
    share = ASKED[:4, 4:8].sum() / ASKED[4:8].sum()
    assert rows[1].positive_control == pytest.approx(-share)


def test_baseline_scores_of_the_categories_are_the_planted_ones():
    scores = np.repeat(np.linspace(2, -2, 8), 4)
    made = build(baseline=differences(scores))
    rows = scale.categories(made.kinds, measure(made.runs, made.options()), SIX, VALENCE, made.baseline)
    assert [row.baseline_nats for row in rows] == pytest.approx(np.linspace(2, -2, 8))


def test_scale_by_hand():
    scores = np.linspace(-1.5, 1.5, 32)
    made = build(baseline=differences(scores))
    found = measure(made.runs, made.options())
    sizes = scale.scale(made.baseline, found, 150.0)
    gaps = np.abs(scores[:, None] - scores)[~np.eye(32, dtype=bool)]
    assert sizes.mean_gap_nats == pytest.approx(gaps.mean()) and sizes.largest_gap_nats == pytest.approx(3.0)
    assert sizes.score_range_nats == pytest.approx(3.0)
    assert sizes.score_range_elo == pytest.approx(3 * 173.7178, rel=1e-6)
    assert sizes.win_at_range == pytest.approx(1 / (1 + np.exp(-3)))
    assert sizes.mean_effect_nats == pytest.approx(np.abs(NATS).mean())
    assert sizes.largest_effect_nats == pytest.approx(0.7)
    everyone = np.abs(np.concatenate([CONTROLS[kind] for kind in NULLS]))
    assert sizes.mean_control_nats == pytest.approx(everyone.mean())
    assert sizes.nats_per_elo_point == pytest.approx(1 / 173.7178, rel=1e-6) and sizes.elo_per_nat_of_effect == 150.0
