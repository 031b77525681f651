"""Words taken out: against scikit-learn, and planted worlds of words alone and of an effect beside the words."""

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from emotion_vectors.experiments import reliability
from emotion_vectors.experiments.baselines import words
from emotion_vectors.experiments.words_out import removal
from emotion_vectors.vectors.directions import contrast, cosine

N, TOPICS, EACH, D, K = 8, 12, 4, 40, 10


EMOTION = np.tile(np.repeat(np.arange(N), EACH), TOPICS)


TOPIC = np.repeat(np.arange(TOPICS), N * EACH)


def world(beside=0.0, seed=0):
    """z (s, K) words that depend on emotion and topic, y (s, D): a linear map of them, noise, and `beside` times a direction of the emotion."""
    g = np.random.default_rng(seed)
    z = g.standard_normal((N, K))[EMOTION] + g.standard_normal((TOPICS, K))[TOPIC] + g.standard_normal((len(TOPIC), K))
    own = np.linalg.qr(g.standard_normal((D, D)))[0][:N]
    y = z @ g.standard_normal((K, D)) + beside * own[EMOTION] + 0.3 * g.standard_normal((len(TOPIC), D))
    return z, y + g.standard_normal((TOPICS, D))[TOPIC], own


def removed(z, y, penalty=1e-6):
    shards = [(EMOTION[a : a + 50], TOPIC[a : a + 50], y[a : a + 50], z[a : a + 50]) for a in range(0, len(y), 50)]
    sums = removal.add_up(shards, N, TOPICS, D, K)
    return sums, removal.remove(sums, penalty)


def test_what_is_left_is_that_of_ridges_fitted_on_the_other_topics_one_by_one():
    z, y, _ = world(0.5)
    sums, found = removed(z, y, 0.3)
    means = lambda rows: np.stack([rows[t == TOPIC].mean(axis=0) for t in range(TOPICS)])[TOPIC]  # noqa: E731
    within_z, within_y, left, unexplained = z - means(z), y - means(y), np.zeros_like(y), 0.0
    for topic in range(TOPICS):
        there = topic == TOPIC
        alpha = 0.3 * (within_z[~there] ** 2).sum() / K
        fit = Ridge(alpha=alpha, fit_intercept=False).fit(within_z[~there], within_y[~there])
        left[there] = y[there] - z[there] @ fit.coef_.T
        unexplained += ((within_y[there] - within_z[there] @ fit.coef_.T) ** 2).sum()
    plain = np.stack([left[e == EMOTION].mean(axis=0) for e in range(N)])
    assert found.means == pytest.approx(plain)
    assert found.explained == pytest.approx(1 - unexplained / (within_y**2).sum())
    first = left[(TOPIC == 3) & (EMOTION == 2)].sum(axis=0)
    assert found.sums.sums[3, 2] == pytest.approx(first) and sums.counts[3, 2] == EACH


def test_vectors_of_words_alone_drop_to_chance_once_the_words_are_out():
    z, y, _ = world(0.0)
    sums, found = removed(z, y)
    before, after = contrast(sums.y.sum(axis=(0,)) / sums.counts.sum(axis=0)[:, None]), contrast(found.means)
    assert found.explained > 0.95
    assert np.linalg.norm(after) < 0.1 * np.linalg.norm(before)
    halves = reliability.split_half(found.sums, [str(e) for e in range(N)], 500, 0)
    assert halves["p"] > 0.05 and halves["identification"]["p"] > 0.05
    plain = reliability.split_half(removal.TopicSums(sums.y, sums.counts), [str(e) for e in range(N)], 500, 0)
    assert plain["p"] < 0.01 and plain["median"] > 0.9


def test_a_planted_direction_beside_the_words_stays():
    z, y, own = world(1.0)
    sums, found = removed(z, y)
    wanted = contrast(own)
    before, after = contrast(sums.y.sum(axis=0) / sums.counts.sum(axis=0)[:, None]), contrast(found.means)
    near, far = (np.diag(cosine(rows, wanted)) for rows in (after, before))
    assert near.min() > 0.75 and np.median(near) > np.median(far) + 0.3
    halves = reliability.split_half(found.sums, [str(e) for e in range(N)], 500, 0)
    assert halves["p"] < 0.01 and halves["identification"]["p"] < 0.01


def test_words_of_other_stories_take_nothing_away():
    z, y, _ = world(0.0)
    g = np.random.default_rng(1)
    other = z.copy()
    for topic in range(TOPICS):
        there = np.flatnonzero(topic == TOPIC)
        other[there] = z[g.permutation(there)]
    sums, found = removed(other, y)
    before, after = contrast(sums.y.sum(axis=0) / sums.counts.sum(axis=0)[:, None]), contrast(found.means)
    assert abs(found.explained) < 0.1 and np.median(np.diag(cosine(after, before))) > 0.95


def test_components_span_what_scikit_learn_gives():
    g = np.random.default_rng(0)
    texts = [" ".join(g.choice([f"word{i}" for i in range(40)], 12)) for _ in range(90)] + ["", "unheard"]
    vocabulary = words.fit(texts)
    found = removal.components(vocabulary, texts, 80)
    assert found.axes.shape[1] == 80 // removal.STORIES_PER_COMPONENT
    rows = TfidfVectorizer().fit_transform(texts)
    plain = TruncatedSVD(10, algorithm="arpack", random_state=0).fit(rows)
    assert removal.table(vocabulary, texts).toarray() == pytest.approx(rows.toarray())
    # The singular vectors have no sign of their own.
    assert np.abs(found.of(texts)) == pytest.approx(np.abs(plain.transform(rows)), abs=1e-8)
    assert found.of(["", "never seen"]) == pytest.approx(np.zeros((2, 10)))
    again = removal.components(vocabulary, texts, 80)
    assert np.array_equal(found.axes, again.axes)
    assert removal.components(vocabulary, texts, 7) is None
