"""k-means and the adjusted Rand index against scikit-learn, and clusters that are there or not."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from emotion_vectors.errors import UserError
from emotion_vectors.stats import clustering

GENERATOR = np.random.default_rng(0)
CENTRES = GENERATOR.standard_normal((4, 6)) * 4
TRUE = np.repeat(np.arange(4), 15)
CLUSTERED = CENTRES[TRUE] + GENERATOR.standard_normal((60, 6))
CLOUD = GENERATOR.standard_normal((60, 6)) * [3, 2, 1, 1, 1, 1]


@pytest.mark.parametrize("rows", [CLUSTERED, CLOUD], ids=["clusters", "cloud"])
def test_kmeans_is_as_good_as_scikit_learns(rows):
    mine, theirs = clustering.kmeans(rows, 4, 60, 0), KMeans(4, n_init=20, random_state=0).fit(rows)
    assert mine.inertia == pytest.approx(theirs.inertia_, rel=0.01)
    assert mine.inertia == pytest.approx(((rows - mine.centres[mine.labels]) ** 2).sum())
    assert sorted(np.unique(mine.labels)) == [0, 1, 2, 3]


def test_first_centres_are_drawn_by_their_distance_to_the_nearest_one_there():
    """k-means++ as it is written down: a loop over rows and centres, and the generator's own draw with those chances."""
    for seed in range(40):
        rows, ours, plain = CLOUD[seed : seed + 20], np.random.default_rng(seed), np.random.default_rng(seed)
        chosen = [int(plain.integers(len(rows)))]
        while len(chosen) < 6:
            squares = np.array([min(((row - rows[one]) ** 2).sum() for one in chosen) for row in rows])
            chosen.append(int(plain.choice(len(rows), p=squares / squares.sum())))
        assert clustering._spread(rows @ rows.T, 6, ours) == chosen


def test_planted_clusters_are_found():
    assert clustering.adjusted_rand(clustering.kmeans(CLUSTERED, 4, 20, 0).labels, TRUE) == 1


def test_rows_that_are_the_same_leave_no_cluster_empty():
    found = clustering.kmeans(np.ones((6, 2)), 3, 2, 0)
    assert len(np.unique(found.labels)) == 3 and found.inertia == 0
    with pytest.raises(UserError, match="can't be put into 7 clusters"):
        clustering.kmeans(np.ones((6, 2)), 7, 1, 0)


def test_adjusted_rand_is_scikit_learns():
    generator = np.random.default_rng(1)
    for count in (2, 5, 9):
        a, b = generator.integers(count, size=(2, 40))
        b[:15] = a[:15]
        assert clustering.adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b))
        orders = np.array([generator.permutation(40) for _ in range(5)])
        expected = [adjusted_rand_score(a, b[order]) for order in orders]
        assert clustering.dealt_rand(a, b, orders) == pytest.approx(expected)


def test_copies_in_a_draw_are_no_pair():
    """Weights of 1 and 0 are a subset; a copy changes how much a pair counts, but adds no pair of an item with itself."""
    a, b = np.random.default_rng(2).integers(3, size=(2, 20))
    subset = np.arange(20) < 12
    found = clustering.adjusted_rand(a, b, np.array([subset.astype(float)]))[0]
    assert found == pytest.approx(adjusted_rand_score(a[:12], b[:12]))
    draws = clustering.adjusted_rand(a, b, clustering.drawn_weights(20, 400, 0))
    copied = [adjusted_rand_score(a[rows], b[rows]) for rows in np.random.default_rng(0).integers(20, size=(400, 20))]
    value = adjusted_rand_score(a, b)
    assert abs(draws.mean() - value) < 0.03 < np.mean(copied) - value


@pytest.mark.parametrize(("rows", "there"), [(CLUSTERED, True), (CLOUD, False)], ids=["clusters", "cloud"])
def test_clusters_that_are_there_come_again_more_than_a_clouds(rows, there):
    labels = clustering.kmeans(rows, 4, 20, 0).labels
    found = clustering.stability(rows, labels, 4, 20, 20, 0)
    beyond = np.median(found.draws) > found.clouds.max()
    assert beyond == there and (not there or np.median(found.draws) > 0.9)
