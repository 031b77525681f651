"""Halves of the texts: against scipy, text by text."""

import itertools

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.errors import UserError
from emotion_vectors.vectors.halves import measure
from emotion_vectors.vectors.reliability import NOT_MEASURED, caution
from vectors.halved import names, texts

WIDTH = 80


def slow(vectors, labels, halves):
    """r of every label, text by text: the mean over `halves` (each a set of rows) of scipy's r between both sides."""
    found = []
    for half in halves:
        sides = []
        for wanted in (True, False):
            means = np.array([
                np.mean([v for i, (v, own) in enumerate(zip(vectors, labels, strict=True)) if own == name and (i in half) == wanted], axis=0)
                for name in dict.fromkeys(labels)
            ])  # fmt: skip
            sides.append(means - means.mean(axis=0))
        found.append([stats.pearsonr(a, b).statistic for a, b in zip(*sides, strict=True)])
    return np.mean(found, axis=0)


def test_over_topics_it_equals_scipy_text_by_text():
    vectors, labels, groups = texts(0, signal=0.4, labels=5, each=12, groups=6)
    found = measure(vectors, labels, groups, names(5), resamples=50)
    assert found is not None
    halves = [
        {row for row, group in enumerate(groups) if group in chosen}
        for chosen in itertools.combinations(range(6), 3)
        if 0 in chosen
    ]
    expected = slow(vectors, labels, halves)
    assert found.r == pytest.approx(expected) and found.median == pytest.approx(np.median(expected))
    assert (found.groups, found.texts, found.halves) == (6, 60, "of the topics")
    assert 0.2 < found.median < 0.9, "neither nothing nor everything, or the comparison says little"
    assert found.whole == pytest.approx(np.median(2 * expected / (1 + expected)))


def test_labels_with_a_topic_missing_are_weighted_by_their_texts():
    vectors, labels, groups = texts(1, signal=0.5, labels=4, each=8, groups=4)
    kept = [i for i in range(len(labels)) if not (labels[i] == "label 2" and groups[i] == 3 and i % 8 == 3)]
    vectors, labels, groups = vectors[kept], [labels[i] for i in kept], [groups[i] for i in kept]
    found = measure(vectors, labels, groups, names(4), resamples=10)
    halves = [{row for row, group in enumerate(groups) if group in (0, other)} for other in (1, 2, 3)]
    assert found is not None and found.r == pytest.approx(slow(vectors, labels, halves))


def test_two_labels_share_the_r_of_their_difference():
    vectors, labels, _ = texts(3, signal=0.4, labels=2)
    found = measure(vectors, labels, None, names(2), resamples=20)
    assert found is not None and found.r[0] == pytest.approx(found.r[1])
    vectors, labels, groups = texts(4, signal=0.4, labels=2, each=4, groups=4)
    found = measure(vectors, labels, groups, names(2), resamples=20)
    halves = []
    for half in ({0, 1}, {0, 2}, {0, 3}):
        differences = [
            np.mean([vectors[i] for i in range(4) if (i in half) == side], axis=0)
            - np.mean([vectors[i + 4] for i in range(4) if (i in half) == side], axis=0)
            for side in (True, False)
        ]
        halves.append(stats.pearsonr(*differences).statistic)
    assert found is not None and found.r[0] == pytest.approx(np.mean(halves))


def test_what_can_t_be_halved_is_not_measured():
    vectors, labels, _ = texts(5, 1.0, labels=2, each=1)
    assert measure(vectors, labels, None, names(2)) is None
    vectors, labels, groups = texts(5, 1.0, labels=3, each=4, groups=1)
    assert measure(vectors, labels, groups, names(3)) is None
    vectors, labels, _ = texts(6, 1.0, labels=3, each=6)
    kept = [i for i in range(len(labels)) if labels[i] != "label 1" or i % 6 == 0]
    one_missing = measure(vectors[kept], [labels[i] for i in kept], None, names(3), resamples=10)
    assert one_missing is not None and one_missing.r[1] is None and not one_missing.beyond[1]
    assert caution(None) == NOT_MEASURED
    with pytest.raises(UserError, match="not among the names"):
        measure(vectors, labels, None, names(2))
    with pytest.raises(UserError, match="each text needs one"):
        measure(vectors, labels[1:], None, names(3))
