"""V7 and the quality of preferences on matrices whose answer is known."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from emotion_vectors.experiments.preferences import measure as preferences
from emotion_vectors.experiments.preferences.measure import quality, unusable
from emotion_vectors.stimuli.items import CATEGORIES, Activity
from experiments.worlds import activities, assert_rarely_passes, differences, verdicts

ELO_PER_NAT = 400 / np.log(10)
KINDS = activities(3)
STEPS = np.repeat(np.linspace(1.5, -1.5, 8), 3)


def ask(table, kinds=KINDS, mass=0.9, resamples=100, seed=0, passes=10):
    return preferences.run(kinds, table, np.where(np.isnan(table), np.nan, mass), 32.0, passes, resamples, seed)


def test_planted_categories_pass_and_scores_are_recovered():
    generator = np.random.default_rng(0)
    scores = STEPS + 0.2 * generator.standard_normal(24)
    found, record, v7 = ask(differences(scores), resamples=200)
    np.testing.assert_allclose(found.nats, scores - scores.mean(), atol=1e-6)  # Bradley-Terry is what made the table
    means = {c: np.mean([s for s, a in zip(scores, KINDS, strict=True) if a.category == c]) for c in CATEGORIES}
    assert v7.value == pytest.approx((max(means.values()) - min(means.values())) * ELO_PER_NAT, rel=1e-6)
    assert (v7.verdict, v7.seed_verdict, found.blocked) == ("pass", "pass", "")
    by_updates = [row.elo for row in record.categories]  # Hong (2026) looks at Elo updates
    assert v7.seed_value == pytest.approx(max(by_updates) - min(by_updates)) != v7.value
    assert [row.category for row in record.categories] == sorted(means, key=lambda c: -means[c])
    assert np.mean([row.bradley_terry for row in record.activities]) == pytest.approx(1000)
    wins = expit(scores[:, None] - scores[None])
    for i, row in enumerate(record.activities):
        assert row.wins == pytest.approx(np.delete(wins[i], i).mean())
    assert record.prompts == 24 * 23 and record.usable
    json.dumps([record.dump(), v7.dump()], allow_nan=False)


def test_both_orders_count_and_the_diagonal_does_not():
    scores, bias = STEPS, 1.0
    table = differences(scores, bias)
    _, record, _ = ask(table)
    p = (expit(table) + 1 - expit(table.T)) / 2
    assert record.activities[4].wins == pytest.approx(np.delete(p[4], 4).mean())
    assert record.position_bias_nats == pytest.approx(bias)


@pytest.mark.slow
def test_random_categories_do_not_pass():
    """Preferences are real, but have nothing to do with the categories."""

    gaps = []

    def run(seed):
        scores = 1.5 * np.random.default_rng(seed).standard_normal(24)
        v7 = ask(differences(scores), seed=seed, passes=1)[2]
        gaps.append(v7.value)
        return [v7]

    assert_rarely_passes(verdicts(run))
    assert np.median(gaps) > 300, "the bar of 200 alone must be easy to reach for this test to mean anything"


def test_pure_position_bias_is_no_preference():
    facts = quality(differences(np.zeros(20), bias=2.0), np.full((20, 20), 0.9))
    assert facts["position_bias_nats"] == pytest.approx(2) and facts["spread_nats"] == pytest.approx(0, abs=1e-12)
    assert facts["order_consistency"] == 0 and "a standard deviation of only 0.000 nats" in unusable(facts)
    _, record, v7 = ask(differences(np.zeros(24), bias=2.0))
    assert v7.verdict == "inconclusive" and v7.seed_verdict == "fail" and not record.usable
    assert "nats" in v7.reason
    json.dumps([record.dump(), v7.dump()], allow_nan=False)


def test_position_bias_far_beyond_the_preferences():
    table = differences(np.linspace(-0.3, 0.3, 20), bias=4.0)
    facts = quality(table, np.ones((20, 20)))
    assert facts["order_consistency"] == pytest.approx(1) and "position bias of 4.00 nats" in unusable(facts)
    assert unusable(quality(differences(np.linspace(-3, 3, 20), bias=4.0), np.ones((20, 20)))) == ""


def test_pure_noise_the_orders_disagree():
    for seed in range(20):
        noise = np.random.default_rng(seed).standard_normal((24, 24))
        facts = quality(differences(np.zeros(24), noise=noise), np.ones((24, 24)))
        assert abs(facts["order_consistency"]) < 0.2 and "two orders of a pair agree" in unusable(facts)


def test_a_liking_for_the_first_option_whatever_it_is_paired_with_is_no_preference():
    """d[i, j] = alpha_i: the orders of a pair have nothing in common, though the scores would have a spread."""
    alpha = np.random.default_rng(1).standard_normal(40)
    table = np.tile(alpha[:, None], (1, 40))
    np.fill_diagonal(table, np.nan)
    assert quality(table, np.ones((40, 40)))["spread_nats"] > 0.5
    assert quality(table, np.ones((40, 40)))["order_consistency"] < 0.2


def test_order_consistency_and_spread_equal_a_plain_loop():
    generator = np.random.default_rng(2)
    table = differences(generator.standard_normal(15), 0.7, generator.standard_normal((15, 15)))
    facts = quality(table, np.ones((15, 15)))
    pairs = [(table[i, j], -table[j, i]) for i in range(15) for j in range(i + 1, 15)]
    assert facts["order_consistency"] == pytest.approx(stats.pearsonr(*zip(*pairs, strict=True)).statistic)
    assert facts["spread_nats"] == pytest.approx(np.sqrt(np.mean([((a + b) / 2) ** 2 for a, b in pairs])))
    assert facts["position_bias_nats"] == pytest.approx(np.mean([(a - b) / 2 for a, b in pairs]))


def test_little_mass_on_the_options_blocks():
    _, record, v7 = ask(differences(STEPS), mass=0.02)
    assert v7.verdict == "inconclusive" and v7.seed_verdict == "pass"
    assert "2% of the probability" in v7.reason and record.mass_on_options == pytest.approx(0.02)


@pytest.mark.parametrize("mass, blocked", [(0.1, False), (0.0999, True)])
def test_the_limit_itself_is_enough(mass, blocked):
    facts = {"position_bias_nats": 0.15, "spread_nats": 0.05, "mass_on_options": mass, "order_consistency": 0.2}
    assert bool(unusable(facts)) == blocked


def test_two_activities_per_category_and_two_categories():
    kinds = [Activity(f"{c} {i}", c) for c in CATEGORIES[:2] for i in range(2)]
    _, record, v7 = ask(differences(np.array([2.0, 2.1, -2.0, -2.1])), kinds)
    assert len(record.categories) == 2 and v7.verdict in ("inconclusive", "fail")  # 4 activities prove nothing
