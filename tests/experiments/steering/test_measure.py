"""V10, V11 and their record with exactly planted effects; chance, shifts and clusters are in test_judging.py."""

import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from emotion_vectors.experiments.steering import coherence
from emotion_vectors.experiments.steering import measure as steering
from emotion_vectors.experiments.steering.arms import choose_emotions
from emotion_vectors.experiments.steering.controls import NULLS
from emotion_vectors.experiments.steering.effects import measure
from emotion_vectors.stats.correlation import group_columns, partial_correlation
from emotion_vectors.stats.steering import ring_pairs
from experiments.worlds import EMOTIONS, POSITIVE, VALENCE, Push, correlations, differences, planned, steered_world

ALL = ring_pairs(16, 15)


def world(nats, controls, emotions=None, asked=ALL, seed=0, **settings):
    """Exactly these effects in nats, without any noise; `controls` are those of every kind, or kind -> effects."""
    emotions = EMOTIONS[: len(nats)] if emotions is None else emotions
    kinds = controls if isinstance(controls, dict) else dict.fromkeys(NULLS, controls)
    pushes = {("emotion", e): Push(value) for e, value in zip(emotions, nats, strict=True)}
    pushes |= {(kind, str(i)): Push(value) for kind, row in kinds.items() for i, value in enumerate(row)}
    count = len(kinds["random"])
    plan = planned(emotions=emotions, control_emotions=4, random=count, shuffled=len(kinds["shuffled"]))
    settings = {"noise": 0.0, "float_noise": 0.0} | settings
    return steered_world(np.random.default_rng(seed), pushes, plan, asked, **settings)


def _plain(found):
    """What the record would hold, as JSON values."""
    return TypeAdapter(type(found)).dump_python(found)


def run(r, made, blocked="", examples=None):
    options = made.options(seed=0)
    held = coherence.examine(made.runs, made.runs.rows(made.runs.plan.emotions), options.splits)
    found = measure(made.runs, options)
    return steering.run(
        made.kinds,
        made.baseline,
        made.runs,
        found,
        np.asarray(r),
        VALENCE,
        examples or {},
        held,
        blocked,
        options,
    )


def test_planted_effects_pass_and_are_in_the_record():
    generator = np.random.default_rng(0)
    r = correlations(generator)
    nats = 1.5 * r + 0.1 * generator.standard_normal(35)
    controls = {kind: size * generator.standard_normal(10) for kind, size in zip(NULLS, (0.1, 0.3, 0.2), strict=True)}
    made = world(nats, controls)
    record, (v10, v11) = run(r, made, examples={"positive": "emotion 2"})
    assert (v10.verdict, v10.seed_verdict) == (v11.verdict, v11.seed_verdict) == ("pass", "pass")
    assert v10.value == record.r == pytest.approx(stats.pearsonr(r, nats).statistic)
    assert v11.value == record.signs == (np.sign(nats) == np.where(POSITIVE, 1, -1)).sum()
    for row, expected in zip(record.emotions, nats, strict=True):
        assert [row.nats, row.nats_even, row.nats_odd] == pytest.approx([expected] * 3)
        assert row.low - 1e-9 <= row.nats <= row.high + 1e-9
        assert row.elo_low == pytest.approx(row.low * record.elo_per_nat)
        assert row.same_sign_splits == record.splits == 4 and row.coherent
    # The hardest control is the one with the largest scatter.
    weights = (r - r.mean()) / np.abs(r - r.mean()).sum()
    times = weights @ nats / np.std(controls["orthogonal"], ddof=1)
    assert record.hardest_control == "orthogonal" and record.times_control == pytest.approx(times)
    assert f"the effects are {times:.3g} times the standard deviation of those of orthogonal directions" in v10.note
    fit = stats.linregress(r, [row.elo_steered for row in record.emotions])
    assert (record.slope, record.intercept) == pytest.approx((fit.slope, fit.intercept))
    shown = [(row.kind, row.nats) for row in record.controls]
    assert shown == [(k, pytest.approx(x)) for k in NULLS for x in controls[k]] + [("mean", pytest.approx(0))]
    assert record.steered_activities == [a.text for a in made.kinds[::2]]
    assert record.prompts_per_vector == 2 * 16 * 15
    json.dumps([_plain(record), v10.dump(), v11.dump()], allow_nan=False)


def test_one_nat_of_advantage_is_86_9_elo_for_the_steered_half():
    nats = [1.0, -1.0, 0.5, 0.25]
    record, _ = run([0.1, 0.2, 0.3, 0.4], world(nats, [0.1, 0.2, 0.3], baseline=differences(np.zeros(16)), bias=0.0))
    for row, one in zip(record.emotions, nats, strict=True):
        # 400 / ln 10 = 173.7 Elo a nat, half of it for either half: scores are centred.
        assert row.elo_steered == pytest.approx(86.859 * one, rel=1e-4)
        assert row.elo == pytest.approx(2 * row.elo_steered, rel=1e-4)
    assert record.elo_per_nat == pytest.approx(173.72, rel=1e-4)
    shown = [row.elo_steered for row in record.controls if row.kind == "random"]
    assert shown == pytest.approx([8.6859, 17.372, 26.06], rel=1e-4)
    assert record.zero_sum_error < 1e-9


def test_effects_are_measured_from_strength_zero_and_not_from_the_unsteered_pass():
    """The two passes differ by rounding; here by more, so that a mix-up shows."""
    made = world([0.0, 0.4, -0.3, 0.2], [0.1, 0.2, 0.3], asked=ring_pairs(16, 4), bias=0.0)
    rounding = np.random.default_rng(1).normal(0, 0.05, (16, 16))
    moved = made._replace(runs=replace(made.runs, first=made.runs.first + rounding, second=made.runs.second + rounding))
    record, _ = run([0.1, 0.2, 0.3, 0.4], moved, examples={"positive": "emotion 0"})
    assert [row.nats for row in record.emotions] == pytest.approx([0, 0.4, -0.3, 0.2], abs=1e-12)
    assert record.emotions[0].elo == pytest.approx(0, abs=1e-9)
    asked = ring_pairs(16, 4)
    assert record.path_noise_nats == pytest.approx(np.abs(rounding[asked]).mean())
    assert record.prompts_per_vector == 2 * asked.sum() == 2 * 16 * 4
    # Scores before steering are those of strength 0, on the asked pairs.
    table = moved.runs.first[0]
    points = record.examples["positive"].points
    scores = np.array([point.baseline for point in points]) * np.log(10) / 400
    balance = np.zeros(16)
    for i, j in np.argwhere(asked):
        won = (1 / (1 + np.exp(-table[i, j])) + 1 / (1 + np.exp(table[j, i]))) / 2
        balance[i] += 1 / (1 + np.exp(scores[j] - scores[i])) - won
    # Bradley-Terry at its maximum: each option's expected wins equal its observed wins.
    np.testing.assert_allclose(balance, 0, atol=1e-6)
    assert [point.after for point in points] == pytest.approx([point.baseline for point in points])
    assert [point.steered for point in points] == [True, False] * 8


def test_a_steered_path_that_changes_choices_at_strength_zero_is_refused():
    made = world([0.0, 0.4, -0.3, 0.2], [0.1, 0.2, 0.3])
    with pytest.raises(ArithmeticError, match="strength 0"):
        run([0.1, 0.2, 0.3, 0.4], made._replace(baseline=made.baseline + 0.5))


def test_within_the_valences():
    """Against scipy inside each valence, and against the partial correlation given the valence for both together."""
    generator = np.random.default_rng(2)
    r = correlations(generator)
    nats = 0.5 * r + 0.3 * generator.standard_normal(35)
    within = run(r, world(nats, [0.01, -0.01, 0.02]))[0].within
    for name, members in (("positive", POSITIVE), ("negative", ~POSITIVE)):
        group = within.of(name)
        assert group.emotions == members.sum()
        assert group.r == pytest.approx(stats.pearsonr(r[members], nats[members]).statistic)
        assert group.low < group.r < group.high
    assert within.r == pytest.approx(float(partial_correlation(r, nats, group_columns(POSITIVE.tolist()))))


def test_the_inverted_sign_passes_the_seed_and_not_the_verdict():
    generator = np.random.default_rng(2)
    r = correlations(generator)
    record, (v10, v11) = run(r, world(-1.5 * r, 0.1 * generator.standard_normal(10)))
    assert v10.value == pytest.approx(-1) and v10.seed_verdict == "pass" and v10.verdict == "fail"
    assert "|r|" in v10.threshold_text and v10.seed_value == pytest.approx(1)
    assert v11.value == record.signs == 0 and v11.seed_verdict == v11.verdict == "fail"


def test_v11_looks_at_the_valence_and_notes_the_correlation():
    r = np.where(POSITIVE, -0.5, 0.5)  # an emotion set whose correlations contradict its valences
    nats = np.where(POSITIVE, 1.0, -1.0) + np.linspace(-0.1, 0.1, 35)
    record, (_, v11) = run(r, world(nats, [0.1, -0.1, 0.05]))
    assert record.signs == 35 and record.signs_by_correlation == 0 and record.p_signs_by_correlation > 0.9
    assert v11.verdict == "pass" and "correlation: 0 of 35" in v11.note


@pytest.mark.parametrize("count", [4, 6])
def test_few_emotions_and_an_undefined_r(count):
    r = np.array([0.5, -0.4, 0.3, np.nan, 0.1, -0.2])[:count]
    nats = np.array([0.6, -0.5, 0.4, 0.1, 0.2, -0.3])[:count]
    record, (v10, v11) = run(r, world(nats, [0.1, -0.1]))
    assert record.emotions[3].r is None and v11.of == record.of == count
    if count == 4:  # three correlations are left, too few
        assert record.r is None and v10.verdict == "inconclusive" and v10.value is None
    else:
        known = np.isfinite(r)
        assert record.r == pytest.approx(stats.pearsonr(r[known], nats[known]).statistic)
        assert record.within.positive.dump() == {"emotions": 3, "r": None, "low": None, "high": None}
    json.dumps([_plain(record), v10.dump(), v11.dump()], allow_nan=False)


def test_emotions_of_one_valence_can_not_show_a_sign():
    v11 = run([0.5, 0.4, 0.3, 0.2], world([1.0, 0.9, 0.8, 0.7], [0.1, -0.1], EMOTIONS[:8:2]))[1][1]
    assert v11.value == 4 and v11.seed_verdict == "pass" and v11.verdict != "pass"


def test_blocked_preferences_block_both():
    r = correlations(np.random.default_rng(4))
    for criterion in run(r, world(1.5 * r, [0.1, -0.1, 0.05]), blocked="the position decides")[1]:
        assert criterion.verdict == "inconclusive" and criterion.seed_verdict == "pass"
        assert "the position decides" in criterion.reason


class TestChoice:
    emotions = ("a", "b", "c", "d", "e", "f")
    r = np.array([0.1, -0.9, 0.5, np.nan, -0.5, 0.2])

    def test_spread_takes_the_list_and_fills_up(self):
        assert choose_emotions("spread", 4, self.emotions, ("f", "x", "b", "a", "e"), self.r) == ("f", "b", "a", "e")
        assert choose_emotions("spread", 5, self.emotions, ("f", "x", "b"), self.r) == ("f", "b", "a", "c", "d")
        assert choose_emotions("spread", 4, self.emotions[:3], self.emotions, self.r[:3]) == ()

    def test_strongest_takes_the_largest_r_of_either_sign(self):
        expected = sorted("abcef", key=lambda e: -abs(self.r["abcdef".index(e)]))
        assert choose_emotions("strongest", 5, self.emotions, ("a",), self.r) == tuple(expected)
        assert choose_emotions("strongest", 50, self.emotions, (), self.r)[-1] == "d"  # without an r last

    def test_all(self):
        assert choose_emotions("all", 4, self.emotions, ("a",), self.r) == self.emotions
