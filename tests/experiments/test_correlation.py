"""V8 and V9 against scipy and plain loops, in worlds with an axis of valence, and without what was planted."""

import json

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments import correlation
from emotion_vectors.experiments.correlation import aligned, example_emotions, valence_gap

from .worlds import activities, assert_rarely_passes, turn, valence_world, verdicts

ELO_PER_NAT = 400 / np.log(10)


def run(world, blocked="", resamples=100, seed=0, ambiguous=frozenset()):
    return correlation.run(
        world.activities, world.activations, world.emotions, world.vectors, world.nats, world.valence, ambiguous,
        blocked, resamples, seed,
    )  # fmt: skip


def test_planted_correlations_pass():
    _, record, (v8, v9) = run(valence_world(0), resamples=300)
    assert (v8["value"], v8["of"], v8["verdict"], v8["seed_verdict"]) == (3, 3, "pass", "pass")
    assert (v9["of"], v9["verdict"], v9["seed_verdict"]) == (24, "pass", "pass") and v9["value"] >= 20
    json.dumps([record, v8, v9], allow_nan=False)


def test_r_equals_scipy_with_and_without_the_extreme_categories():
    world = valence_world(1)
    found, record, (_, v9) = run(world, resamples=400, ambiguous=frozenset(world.emotions[:2]))
    mild = [i for i, a in enumerate(world.activities) if a.category not in ("Misaligned", "Unsafe")]
    assert len(mild) == 48
    strong = strong_without = 0
    for n, row in enumerate(record["emotions"]):
        vector = world.vectors[n] / np.linalg.norm(world.vectors[n])
        probe = np.array([float(a @ vector) for a in world.activations])
        np.testing.assert_allclose(found.probes[:, n], probe)
        r = stats.pearsonr(probe, world.nats).statistic
        without = stats.pearsonr(probe[mild], world.nats[mild]).statistic
        assert row["emotion"] == world.emotions[n] and row["ambiguous"] == (n < 2)
        assert row["r"] == pytest.approx(r) and row["r_without_extremes"] == pytest.approx(without)
        assert row["low"] < r < row["high"]
        exact = stats.pearsonr(probe, world.nats)
        assert row["p"] == pytest.approx(exact.pvalue, abs=0.06) and row["p"] >= 1 / 401
        strong, strong_without = strong + (abs(r) > 0.3), strong_without + (abs(without) > 0.3)
    assert v9["value"] == strong and f"Misaligned and Unsafe: {strong_without}." in v9["note"]
    q = stats.false_discovery_control([row["p"] for row in record["emotions"]])
    assert [row["q"] for row in record["emotions"]] == pytest.approx(list(q))


def test_scores_without_a_link_do_not_pass():
    """Random scores; the emotions share an axis, so 3 right valences of 3 come up by chance all the time."""
    right = []

    def lose(seed):
        world = valence_world(seed)
        found = run(world._replace(nats=np.random.default_rng((seed, 1)).permutation(world.nats)), seed=seed)[2]
        right.append(found[0]["seed_verdict"] == "pass")
        return found

    found = verdicts(lose)
    assert np.mean(right) > 0.2, "the seed's bar must be reached by chance for this test to mean anything"
    assert_rarely_passes(found)


def test_vectors_without_a_meaning_do_not_pass():
    """Activities come in kinds that the score follows, so random directions go with the score too."""
    strong = []

    def lose(seed):
        world = valence_world(seed)
        turned = turn(world.vectors, np.random.default_rng((seed, 2)))
        found = run(world._replace(vectors=turned), seed=seed)[2]
        strong.append(found[1]["value"])
        return found

    found = verdicts(lose, 120)
    assert np.mean(strong) > 5, "many random directions must go with the score for this test to mean anything"
    assert_rarely_passes(found)


def test_nulls_equal_a_plain_loop():
    world = valence_world(3, emotions=12)
    _, record, (_, v9) = run(world, resamples=2000)
    generator = np.random.default_rng(9)
    units = world.vectors / np.linalg.norm(world.vectors, axis=1)[:, None]

    def count(vectors, nats):
        return (np.abs(np.corrcoef(world.activations @ vectors.T, nats, rowvar=False)[-1, :-1]) > 0.3).sum()

    dealt = np.mean([count(units, generator.permutation(world.nats)) for _ in range(1000)])
    turned = np.mean([count(turn(units, generator), world.nats) for _ in range(1000)])
    assert record["null_count"] == pytest.approx(dealt, abs=0.15)
    assert record["null_count_vectors"] == pytest.approx(turned, abs=0.4)
    assert v9["null"]["value"] == max(record["null_count"], record["null_count_vectors"])
    assert record["null_band"] == pytest.approx(1.96 / np.sqrt(63), abs=0.02)  # |r| of 64 unrelated points


def test_aligned_equals_a_slow_loop():
    generator = np.random.default_rng(4)
    table, positive = generator.standard_normal((50, 9)), generator.random(9) > 0.5
    for r, value in zip(table, aligned(table, positive), strict=True):
        ranked = sorted(range(9), key=lambda i: r[i])
        top, bottom = sum(positive[i] for i in ranked[-3:]), sum(not positive[i] for i in ranked[:3])
        assert value == min(top, bottom) == aligned(r, positive)
        gap = np.mean([r[i] for i in range(9) if positive[i]]) - np.mean([r[i] for i in range(9) if not positive[i]])
        assert valence_gap(r, positive) == pytest.approx(gap)


def test_the_wrong_way_round_does_not_pass():
    world = valence_world(5)
    flipped = {e: "negative" if v == "positive" else "positive" for e, v in world.valence.items()}
    v8 = run(world._replace(valence=flipped))[2][0]
    assert v8["value"] == 0 and v8["seed_verdict"] == v8["verdict"] == "fail"


def test_examples_hold_the_points_of_their_emotion():
    world = valence_world(6)
    found, record, _ = run(world)
    for n in (4, 7):
        example = correlation.example(f"emotion {n}", world.emotions, found, world.nats, world.activities)
        assert example["emotion"] == f"emotion {n}" and example["r"] == record["emotions"][n]["r"]
        points = example["points"]
        assert [p["activity"] for p in points] == [a.text for a in world.activities]
        assert [p["category"] for p in points] == [a.category for a in world.activities]
        unit = world.vectors[n] / np.linalg.norm(world.vectors[n])
        assert [p["probe"] for p in points] == pytest.approx([float(a @ unit) for a in world.activations])
        assert [p["score"] for p in points] == pytest.approx((1000 + world.nats * ELO_PER_NAT).tolist())


@pytest.mark.parametrize("constant", ["one emotion", "the scores", "all activations"])
def test_what_is_constant_has_no_correlation(constant):
    world = valence_world(7, emotions=12)
    vectors, nats, activations = world.vectors.copy(), world.nats, world.activations
    if constant == "one emotion":
        vectors[5] = 0
    elif constant == "the scores":
        nats = np.zeros(64)
    else:
        activations = np.ones_like(activations)
    changed = world._replace(vectors=vectors, nats=nats, activations=activations)
    _, record, criteria = run(changed, blocked="preferences spread over nothing" if constant == "the scores" else "")
    rows = record["emotions"]
    unknown = {row["emotion"] for row in rows if row["r"] is None}
    assert unknown == ({"emotion 5"} if constant == "one emotion" else set(world.emotions))
    assert all(row[key] is None for row in rows if row["emotion"] in unknown for key in ("low", "high", "p", "q"))
    if constant == "one emotion":
        assert criteria[1]["value"] == sum(abs(row["r"]) > 0.3 for row in rows if row["r"] is not None)
    else:
        for criterion in criteria:
            assert (criterion["verdict"], criterion["seed_verdict"]) == ("inconclusive", "inconclusive")
    json.dumps([record, criteria], allow_nan=False)


def test_emotions_of_one_valence_only_can_not_be_judged_by_v8():
    world = valence_world(8, emotions=12)
    v8, v9 = run(world._replace(valence=dict.fromkeys(world.emotions, "positive")))[2]
    assert v8["verdict"] == "inconclusive" and v8["value"] == 0
    assert v9["verdict"] == "pass"


def test_few_emotions_and_few_activities():
    world = valence_world(9, emotions=4, each=2)
    _, record, criteria = run(world)
    assert len(record["emotions"]) == 4 and criteria[1]["threshold"] == 1
    small = valence_world(9, emotions=4, each=2)._replace(activities=activities(2))
    json.dumps(run(small)[1:], allow_nan=False)


def test_blocked_preferences_block_both():
    for criterion in run(valence_world(0), blocked="the position decides")[2]:
        assert criterion["verdict"] == "inconclusive" and criterion["seed_verdict"] == "pass"
        assert criterion["reason"].endswith("the position decides.")


def test_which_emotions_the_figures_show():
    valence = {"calm": "positive", "blissful": "positive", "sad": "negative", "hostile": "negative"}
    everything = ("calm", "sad", "hostile", "blissful")
    assert example_emotions(everything, everything, valence) == {"positive": "blissful", "negative": "hostile"}
    assert example_emotions(everything, ("sad", "calm"), valence) == {"positive": "calm", "negative": "sad"}
    assert example_emotions(("calm", "sad"), everything, valence) == {"positive": "calm", "negative": "sad"}
    assert example_emotions(everything, ("sad",), valence) == {"negative": "sad"}
    assert example_emotions(everything, (), valence) == {}
