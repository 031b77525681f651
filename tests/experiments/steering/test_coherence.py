"""Broken answers are seen, whole ones are left alone."""

from dataclasses import replace

import numpy as np
import pytest

from emotion_vectors.experiments.steering.coherence import Coherence, broken_reason, consistency, examine
from emotion_vectors.stats.steering import cyclic_triads, ring_pairs, split_table
from experiments.worlds import EMOTIONS, Push, differences, planned, steered_world

PLAN = planned(emotions=EMOTIONS[:6], control_emotions=2, random=3, shuffled=3)
ASKED = ring_pairs(32, 8)
LADDER = differences(np.linspace(-3, 3, 32), 0.5)


def made(baseline=LADDER, **settings):
    pushes = {("emotion", e): Push(0.3) for e in EMOTIONS}
    return steered_world(
        np.random.default_rng(0), pushes, PLAN, ASKED, baseline=baseline, noise=0.0, float_noise=0.0, **settings
    )


def look(world, rows=None):
    return examine(world.runs, world.runs.rows(PLAN.emotions) if rows is None else rows, world.options().splits)


def change(world, **arrays):
    return world._replace(runs=replace(world.runs, **arrays))


def test_whole_answers_are_coherent_and_their_numbers_are_those_of_the_run():
    world = made()
    before = world.runs.shifts[0]
    for row, one in zip(world.runs.rows(PLAN.emotions), look(world), strict=True):
        mass, entropy, divergence = world.runs.shifts[row]
        assert one.coherent and (one.mass, one.divergence) == (mass, divergence)
        assert one.entropy_change == pytest.approx(entropy - before[1]) and one.entropy_change > 0
    zero = look(world, [0])[0]
    assert zero.coherent and zero.entropy_change == zero.divergence == 0 and zero.consistency == 1


@pytest.mark.parametrize(("share", "coherent"), [(0.51, True), (0.49, False)])
def test_answers_that_lose_half_of_their_mass_are_broken(share, coherent):
    world = made()
    shifts = world.runs.shifts.copy()
    row = world.runs.rows(PLAN.emotions)[2]
    shifts[row, 0] = share * shifts[0, 0]
    assert [one.coherent for one in look(change(world, shifts=shifts))] == [True] * 2 + [coherent] + [True] * 3


def scramble(world, row):
    """Both roles of one condition answer at random, 20 nats either way."""
    first, second = world.runs.first.copy(), world.runs.second.copy()
    flips = 20.0 * np.random.default_rng(1).standard_normal((2, 32, 32))
    first[row], second[row] = np.where(ASKED, flips[0], np.nan), np.where(ASKED, flips[1], np.nan)
    return change(world, first=first, second=second)


def test_a_scrambled_order_is_broken():
    world = made()
    rows = world.runs.rows(PLAN.emotions)
    found = look(scramble(world, rows[4]))
    assert [one.coherent for one in found] == [True] * 4 + [False, True]
    assert found[4].consistency < 0.5 < min(one.consistency for i, one in enumerate(found) if i != 4)


def test_an_unsteered_order_of_coin_flips_can_not_be_broken():
    flips = np.random.default_rng(3).standard_normal((32, 32)) * 5
    world = made(flips)
    unsteered = consistency(world.runs.base)
    # Another draw of flips until there is no order to lose: what the rule is about.
    assert unsteered <= 0 or unsteered < 0.2
    low = next(w for w in (made(np.random.default_rng(s).standard_normal((32, 32))) for s in range(50)) if consistency(w.runs.base) <= 0)  # fmt: skip
    found = look(scramble(low, low.runs.rows(PLAN.emotions)[0]))
    assert all(one.coherent for one in found)


def test_consistency_is_the_mean_over_the_even_and_the_odd_half():
    world = made(
        differences(np.random.default_rng(5).normal(0, 1, 32), noise=np.random.default_rng(6).normal(0, 2, (32, 32)))
    )
    splits, runs = world.options().splits, world.runs
    for row, one in zip(runs.rows(PLAN.emotions), look(world), strict=True):
        shares = [cyclic_triads(split_table(runs.base, runs.first[row], runs.second[row], s)) for s in splits[:2]]
        assert one.consistency == pytest.approx(1 - 4 * np.mean(shares))
        assert one.consistency < 1


def test_without_triads_only_the_mass_counts():
    sparse = steered_world(
        np.random.default_rng(0), {}, PLAN, ring_pairs(32, 2), baseline=LADDER, noise=0.0, float_noise=0.0
    )
    assert all(one.consistency is None and one.coherent for one in look(sparse))


@pytest.mark.parametrize(("broken", "of", "blocked"), [(0, 35, False), (3, 35, False), (4, 35, True), (1, 10, False), (2, 10, True)])  # fmt: skip
def test_more_than_a_tenth_block_the_verdicts(broken, of, blocked):
    held = [Coherence(0.9, 0.0, 0.1, 0.8, i >= broken) for i in range(of)]
    reason = broken_reason(held)
    assert bool(reason) == blocked and (not blocked or f"under {broken} of {of} vectors" in reason)
