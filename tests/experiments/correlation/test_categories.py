"""What the categories give: against least squares, a plain loop, and worlds whose extremes scatter more."""

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments.correlation import categories
from experiments.correlation.worlds import run
from experiments.worlds import valence_world


def residuals(values, design):
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def probes_of(world):
    return world.activations @ (world.vectors / np.linalg.norm(world.vectors, axis=1)[:, None]).T


def test_partial_r_is_the_r_of_residuals_of_least_squares():
    world = valence_world(10)
    _, record, _ = run(world, resamples=400)
    kinds = np.array([a.category for a in world.activities])
    design = np.column_stack([np.ones(64), kinds == "Misaligned", kinds == "Unsafe"]).astype(float)
    score, count = residuals(world.nats, design), 0
    for probe, row in zip(probes_of(world).T, record.emotions, strict=True):
        r = stats.pearsonr(residuals(probe, design), score).statistic
        assert row.r_partial == pytest.approx(r) and abs(r - row.r) > 1e-3
        # The usual test of a partial correlation has two degrees of freedom fewer than rows and covariates leave.
        t = r * np.sqrt((64 - 4) / (1 - r**2))
        assert row.p_partial == pytest.approx(2 * stats.t.sf(abs(t), 60), abs=0.08)
        count += abs(r) > 0.3
    held = record.extremes_held
    assert held.partial_count == count
    q = stats.false_discovery_control([row.p_partial for row in record.emotions])
    assert held.discoveries == (q < 0.05).sum()
    assert record.discoveries == sum(row.q < 0.05 for row in record.emotions)


def test_nulls_within_categories_equal_a_plain_loop():
    world = valence_world(11, emotions=12)
    _, record, (v8, v9) = run(world, resamples=1000)
    probes, generator = probes_of(world), np.random.default_rng(12)
    positive = np.array([world.valence[e] == "positive" for e in world.emotions])
    design = np.kron(np.eye(8), np.ones((8, 1)))

    def r_of(nats, columns):
        return np.corrcoef(columns, nats, rowvar=False)[-1, :-1]

    def gap(r):
        return r[positive].mean() - r[~positive].mean()

    plain, pooled = [], []
    for _ in range(1000):
        nats = np.concatenate([generator.permutation(world.nats[i : i + 8]) for i in range(0, 64, 8)])
        plain.append(r_of(nats, probes))
        pooled.append(r_of(residuals(nats, design), residuals(probes, design)))
    within = record.within_categories
    own, own_pooled = r_of(world.nats, probes), r_of(residuals(world.nats, design), residuals(probes, design))
    counts, pooled_counts = ((np.abs(np.array(x)) > 0.3).sum(axis=1) for x in (plain, pooled))
    assert within.null_count == pytest.approx(counts.mean(), abs=0.2) and within.null_count > record.null_count + 2
    assert within.p == pytest.approx(np.mean(counts >= (np.abs(own) > 0.3).sum()), abs=0.06)
    assert within.gap_p == pytest.approx(np.mean([gap(r) >= gap(own) for r in plain]), abs=0.06)
    assert within.partial_count == (np.abs(own_pooled) > 0.3).sum()
    assert within.partial_null_count == pytest.approx(pooled_counts.mean(), abs=0.2)
    assert within.partial_p == pytest.approx(np.mean(pooled_counts >= within.partial_count), abs=0.06)
    assert "with scores shuffled within the categories" in v8.note and "held constant" in v9.note


def only_categories(seed):
    """Score and activations know the category and nothing else: r is large and nothing is left within."""
    world, generator = valence_world(seed), np.random.default_rng((seed, 3))
    value = np.repeat(np.linspace(1, -1, 8), 8)
    activations = world.activations.copy()
    activations[:, 0] = value + 0.2 * generator.standard_normal(64)
    nats = value + 0.2 * generator.standard_normal(64)
    return world._replace(activations=activations, nats=nats - nats.mean())


@pytest.mark.slow
def test_what_the_categories_give_is_told_apart():
    found = [run(only_categories(seed), seed=seed)[1] for seed in range(40)]
    rejected = {
        key: sum(getattr(record.within_categories, key) <= 0.05 for record in found)
        for key in ("p", "gap_p", "partial_p")
    }
    strong = [sum(abs(row.r) > 0.3 for row in record.emotions) for record in found]
    assert np.mean(strong) > 15, "most emotions must go with the score for this test to mean anything"
    assert max(rejected.values()) <= 6, rejected  # 5 % of 40 is 2; 6 or more happens once in 70 times
    inside = run(valence_world(0), resamples=300)[1].within_categories
    assert inside.partial_p <= 0.05 and inside.gap_p <= 0.05  # scores that follow the axis inside categories too


@pytest.mark.slow
def test_extremes_alone_leave_nothing_when_they_are_held_constant():
    """Only Misaligned and Unsafe are different: r is large, partial r is that of noise."""
    rejected, strong, found = 0, [], []
    for seed in range(30):
        world, generator = valence_world(seed), np.random.default_rng((seed, 4))
        value = np.array(
            [-2.0 * (a.category == "Unsafe") - 1.5 * (a.category == "Misaligned") for a in world.activities]
        )
        activations = world.activations.copy()
        activations[:, 0] = value + 0.3 * generator.standard_normal(64)
        nats = value + 0.3 * generator.standard_normal(64)
        record = run(world._replace(activations=activations, nats=nats - nats.mean()), seed=seed)[1]
        strong.append(sum(abs(row.r) > 0.3 for row in record.emotions))
        found.append(record.extremes_held.discoveries)
        rejected += record.extremes_held.partial_p <= 0.05
    assert np.mean(strong) > 15 and rejected <= 5 and np.mean(np.array(found) > 0) < 0.25


def test_partial_p_is_fair_where_the_extremes_scatter_more():
    """No link at all, but probe and score are both wild in the extreme categories: p over all rows would be too small."""
    generator, p = np.random.default_rng(14), []
    wild = np.array([8.0 if a.category in ("Misaligned", "Unsafe") else 1.0 for a in valence_world(0).activities])
    for seed in range(60):
        probes = wild[:, None] * generator.standard_normal((64, 10))
        nats = wild * generator.standard_normal(64)
        kinds = [a.category if size > 1 else "" for a, size in zip(valence_world(0).activities, wild, strict=True)]
        r, draws = categories.beyond_groups(probes, nats, kinds, 200, seed)
        p += list((1 + (np.abs(draws) >= np.abs(r)).sum(axis=0)) / 201)
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)
