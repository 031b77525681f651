"""Why the earlier reproduction came out inverted: with both activities steered the halves are each other's negatives, in ours they agree."""

import json

import numpy as np
import pytest

from emotion_vectors.experiments.steering import inversion
from emotion_vectors.stats.steering import ring_pairs
from experiments.worlds import EMOTIONS, VALENCE, Push, correlations, differences, planned, steered_world

PLAN = planned()
ASKED = ring_pairs(64, 6)


def build(seed, effect=0.8, contraction=0.4, **settings):
    """Effects of `effect` nats per correlation, and contraction by more for the emotions with a higher correlation."""
    generator = np.random.default_rng(seed)
    r = correlations(generator)
    pushes = {("emotion", e): Push(effect * r[i], contraction * (1 + r[i])) for i, e in enumerate(EMOTIONS)}
    return steered_world(generator, pushes, PLAN, ASKED, **settings), r


def look(made, r, seed=0):
    record = inversion.run(made.runs, r, VALENCE, made.options(seed=seed))
    json.dumps(record.dump(), allow_nan=False)
    return record, {arm.touch: arm for arm in record.arms}


def test_both_activities_steered_can_transfer_nothing_by_number():
    made, r = build(0)
    record, arms = look(made, r)
    assert list(arms) == ["own", "both", "all"] and record.emotions == len(record.points) == 12
    for touch in ("both", "all"):
        arm = arms[touch]
        assert max(arm.zero_sum_nats, arm.net_transfer_nats, arm.halves_sum_nats) < 1e-12
        assert arm.odd_r == pytest.approx(-arm.even_r)
        assert arm.odd_mean_nats == pytest.approx(-arm.even_mean_nats) and abs(arm.even_mean_nats) > 0.001
        for point in record.points:
            assert point.nats(touch, "even") == pytest.approx(-point.nats(touch, "odd"))
    assert arms["own"].zero_sum_nats > 0.1 and arms["own"].net_transfer_nats > 0.1


def test_in_our_arm_the_parity_does_not_matter():
    for seed in range(5):
        made, r = build(seed, contraction=0.1)
        _, arms = look(made, r)
        own = arms["own"]
        assert own.even_r > 0.8 and own.odd_r > 0.8
        assert own.even_low <= own.even_r <= own.even_high


def test_numbers_by_hand():
    """No noise: the effect on a half is the planted one minus the contraction times the half's own lead."""
    made, r = build(3, noise=0.0, float_noise=0.0)
    record, arms = look(made, r)
    even = made.options().splits[0]
    lead, count = 0.0, 0
    for i, j in np.argwhere(ASKED):
        if even[i] and not even[j]:
            lead, count = lead + (made.baseline[i, j] - made.baseline[j, i]) / 2, count + 1
    lead /= count
    assert record.imbalance_nats == pytest.approx(lead) and abs(lead) > 0.02
    shrunk = 0.4 * (1 + r[:12])
    for i, point in enumerate(record.points):
        assert point.r == r[i] and point.valence == VALENCE[point.emotion]
        assert point.own_even == pytest.approx(0.8 * r[i] - shrunk[i] * lead)
        assert point.own_odd == pytest.approx(0.8 * r[i] + shrunk[i] * lead)
        assert [point.both_even, point.all_even] == pytest.approx([-shrunk[i] * lead] * 2)
    for touch in ("own", "both"):
        assert arms[touch].mean_contraction == pytest.approx(-shrunk.mean())
    assert arms["both"].mean_size_elo == pytest.approx(abs(shrunk * lead).mean() * 400 / np.log(10) / 2)
    assert arms["own"].net_transfer_nats == pytest.approx(abs(0.8 * r[:12]).mean())
    assert abs(arms["both"].even_r) > 0.999


@pytest.mark.slow
def test_the_lead_tells_where_a_contraction_moves_a_half():
    """On a ring the refitted scores need not: they follow pairs inside the halves as well."""
    signs = []
    for seed in range(40):
        made, r = build(seed, effect=0.0, noise=0.0, float_noise=0.0)
        record, arms = look(made, r)
        assert np.sign(arms["both"].even_mean_nats) == -np.sign(record.imbalance_nats)
        signs.append(np.sign(record.imbalance_nats))
    assert {-1.0, 1.0} == set(signs)


def test_a_correlation_that_is_not_known_and_a_model_without_preferences():
    generator = np.random.default_rng(1)
    made = steered_world(
        generator, {}, PLAN, ASKED, baseline=differences(np.zeros(64)), noise=0.0, float_noise=0.0, bias=0.0
    )
    r = correlations(generator)
    r[:10] = np.nan
    record, arms = look(made, r)
    assert arms["both"].even_r is None and arms["both"].mean_contraction is None
    assert record.points[0].r is None and record.points[11].r == r[11]
