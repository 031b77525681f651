"""Split-half reliability against numpy, a planted reliability, and stories whose emotions mean nothing."""

import itertools
import json

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.experiments import reliability
from emotion_vectors.vectors import halves

WIDTH = 60


def stories(seed, signal, emotions=15, topics=6, each=1, noise=1.0):
    """(emotion, topic, vectors) of every story: its emotion's own direction, its topic's, and noise."""
    generator = np.random.default_rng(seed)
    own, about = generator.standard_normal((emotions, WIDTH)), 3 * generator.standard_normal((topics, WIDTH))
    emotion, topic = (x.ravel() for x in np.meshgrid(np.arange(emotions), np.arange(topics), indexing="ij"))
    emotion, topic = np.repeat(emotion, each), np.repeat(topic, each)
    vectors = 5 + signal * own[emotion] + about[topic] + noise * generator.standard_normal((len(emotion), WIDTH))
    return emotion, topic, vectors


def shards(emotion, topic, vectors, size=7):
    return ((emotion[i : i + size], topic[i : i + size], vectors[i : i + size]) for i in range(0, len(emotion), size))


def run(emotion, topic, vectors, resamples=300, seed=0):
    count, topics = int(emotion.max()) + 1, int(topic.max()) + 1
    sums = halves.topic_sums(shards(emotion, topic, vectors), count, topics, WIDTH)
    return reliability.split_half(sums, [f"emotion {i}" for i in range(count)], resamples, seed)


def slow_r(emotion, topic, vectors, first, count):
    """r of each emotion's direction from the topics `first` with the one from the others, story by story."""
    sides = []
    for wanted in (True, False):
        means = []
        for e in range(count):
            rows = [v for v, own, t in zip(vectors, emotion, topic, strict=True) if own == e and (t in first) == wanted]
            means.append(np.mean(rows, axis=0))
        sides.append(np.array(means) - np.mean(means, axis=0))
    return sides


def test_r_equals_scipy_on_the_stories_themselves():
    emotion, topic, vectors = stories(0, signal=0.7)
    found = run(emotion, topic, vectors)
    even, odd = slow_r(emotion, topic, vectors, {0, 2, 4}, 15)
    own = [stats.pearsonr(even[i], odd[i]).statistic for i in range(15)]
    assert [row["r"] for row in found["rows"]] == pytest.approx(own)
    assert [row["emotion"] for row in found["rows"]] == [f"emotion {i}" for i in range(15)]
    assert (found["median"], found["min"], found["max"]) == pytest.approx((np.median(own), min(own), max(own)))
    others = [stats.pearsonr(even[i], odd[j]).statistic for i in range(15) for j in range(15) if i != j]
    assert found["null"]["mean"] == pytest.approx(np.mean(others))
    assert found["null"]["high"] == pytest.approx(np.quantile(others, 0.95))
    assert found["beyond_null"] == sum(r > np.quantile(others, 0.95) for r in own)
    # Six topics have ten halvings into three and three; all of them are used.
    halves = [set(half) for half in itertools.combinations(range(6), 3) if 0 in half]
    assert found["halvings"] == len(halves) == 10
    for i, row in enumerate(found["rows"][:4]):
        every = [
            stats.pearsonr(*(side[i] for side in slow_r(emotion, topic, vectors, half, 15))).statistic
            for half in halves
        ]
        mean = np.mean(every)
        assert row["spearman_brown"] == pytest.approx(2 * mean / (1 + mean))
    json.dumps(found, allow_nan=False)


def test_identification_equals_a_plain_search_of_the_nearest():
    emotion, topic, vectors = stories(1, signal=0.25)
    found = run(emotion, topic, vectors)["identification"]
    even, odd = slow_r(emotion, topic, vectors, {0, 2, 4}, 15)
    ranks = []
    for i in range(15):
        cosines = [even[i] @ other / np.linalg.norm(even[i]) / np.linalg.norm(other) for other in odd]
        ranks.append(1 + sum(c > cosines[i] for c in cosines))
    assert found["top1"] == ranks.count(1) and found["mean_rank"] == pytest.approx(np.mean(ranks))
    assert 2 < found["top1"] < 15, "neither none nor all, or the search says little"
    assert (found["of"], found["chance_top1"], found["chance_rank"]) == (15, 1.0, 8.0) and found["p"] < 0.05


def test_a_planted_reliability_comes_back():
    """Signal variance s, noise variance 1: halves of k stories have r = s / (s + 1 / k), the whole s / (s + 1 / 2k)."""
    halves, whole = [], []
    for seed in range(5):
        found = run(*stories(seed, signal=0.6, emotions=40, topics=8))
        halves.append(found["median"])
        whole.append(found["spearman_brown_median"])
    assert np.mean(halves) == pytest.approx(0.36 / (0.36 + 1 / 4), abs=0.04)
    assert np.mean(whole) == pytest.approx(0.36 / (0.36 + 1 / 8), abs=0.04)


def test_stories_without_their_emotion_are_not_reliable():
    """Topics are strong, emotions nothing: the halves agree about nothing, and p is fair."""
    found = [run(*stories(seed, signal=0.0), resamples=200) for seed in range(40)]
    assert sum(one["p"] <= 0.05 for one in found) <= 6
    assert sum(one["identification"]["p"] <= 0.05 for one in found) <= 6
    assert abs(np.mean([one["median"] for one in found])) < 0.03
    assert np.mean([one["beyond_null"] for one in found]) == pytest.approx(15 * 0.05, abs=0.6)
    assert np.mean([one["identification"]["top1"] for one in found]) == pytest.approx(1, abs=0.5)
    planted = run(*stories(0, signal=2.0))
    assert planted["p"] == 1 / 301 and planted["beyond_null"] == planted["identification"]["top1"] == 15


def test_emotions_dealt_out_within_every_topic_lose_it():
    emotion, topic, vectors = stories(2, signal=2.0)
    assert run(emotion, topic, vectors)["median"] > 0.8
    generator, dealt = np.random.default_rng(3), emotion.copy()
    for t in range(6):
        dealt[topic == t] = generator.permutation(emotion[topic == t])
    lost = run(dealt, topic, vectors)
    assert abs(lost["median"]) < 0.4 and lost["p"] > 0.01


def test_more_topics_than_buckets_keep_even_from_odd():
    emotion, topic, vectors = stories(4, signal=0.4, emotions=6, topics=45, noise=2.0)
    sums = halves.topic_sums(shards(emotion, topic, vectors), 6, 45, WIDTH)
    assert sums.sums.shape == (20, 6, WIDTH) and sums.counts.sum() == 6 * 45
    found = reliability.split_half(sums, list("abcdef"), 100, 0)
    even, odd = slow_r(emotion, topic, vectors, set(range(0, 45, 2)), 6)
    assert [row["r"] for row in found["rows"]] == pytest.approx(
        [stats.pearsonr(a, b).statistic for a, b in zip(even, odd, strict=True)]
    )
    assert found["halvings"] == 20


@pytest.mark.parametrize("buckets, count", [(1, 0), (2, 1), (3, 3), (4, 3), (5, 10), (6, 10), (7, 20), (20, 20)])
def test_halvings_are_different_and_of_half_the_size(buckets, count):
    found = list(halves.halvings(buckets, 0))
    assert len(found) == count and all(side.sum() == buckets // 2 for side in found)
    assert len({frozenset([tuple(side), tuple(~side)]) for side in found}) == count
    if buckets == 20:
        again, other = ([tuple(side) for side in halves.halvings(20, seed)] for seed in (0, 1))
        assert [tuple(side) for side in found] == again != other


def test_emotions_with_a_half_missing_are_left_out_and_shards_do_not_matter():
    emotion, topic, vectors = stories(5, signal=1.0, emotions=5, topics=4)
    kept = ~((emotion == 2) & (topic % 2 == 1))  # emotion 2 has stories of even topics only
    found = run(emotion[kept], topic[kept], vectors[kept])
    assert [row["emotion"] for row in found["rows"]] == ["emotion 0", "emotion 1", "emotion 3", "emotion 4"]
    order = np.random.default_rng(0).permutation(np.flatnonzero(kept))
    again = run(emotion[order], topic[order], vectors[order])
    assert [row["r"] for row in again["rows"]] == pytest.approx([row["r"] for row in found["rows"]])


def test_too_few_topics_or_emotions_give_nothing():
    assert run(*stories(6, signal=1.0, topics=1)) is None
    assert run(*stories(6, signal=1.0, emotions=2)) is None
    two = run(*stories(6, signal=1.0, emotions=3, topics=2))
    assert two["halvings"] == 1 and two["emotions"] == 3


def test_spearman_brown_is_that_of_two_parallel_halves():
    assert halves.spearman_brown(np.array([0.0, 0.5, 1.0, -0.5, -1.0])) == pytest.approx([0, 2 / 3, 1, -2 / 3, -1])
    generator = np.random.default_rng(7)
    true = generator.standard_normal(200_000)
    a, b, c, d = (true + 2 * generator.standard_normal(200_000) for _ in range(4))
    whole = np.corrcoef(a + b, c + d)[0, 1]
    assert float(halves.spearman_brown(np.array(np.corrcoef(a, b)[0, 1]))) == pytest.approx(whole, abs=0.01)


def test_a_direction_that_is_zero_agrees_with_nothing():
    emotion, topic, vectors = stories(8, signal=1.0, emotions=4, topics=2, noise=0.0)
    found = run(emotion, topic, np.ones_like(vectors))
    assert {row["r"] for row in found["rows"]} == {0.0} and found["p"] == 1.0 and found["beyond_null"] == 0
