"""Do vectors agree with themselves: against scipy text by text, planted reliabilities, labels that mean nothing."""

import itertools
import json

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.errors import UserError
from emotion_vectors.vectors.halves import measure
from emotion_vectors.vectors.reliability import NOT_MEASURED, WANTED, Reliability, caution

WIDTH = 80


def texts(seed, signal, labels=6, each=20, groups=None, noise=1.0):
    """(vectors, labels, groups): every text has its label's direction times `signal`, its group's, and noise."""
    generator = np.random.default_rng(seed)
    own = signal * generator.standard_normal((labels, WIDTH))
    label = np.repeat(np.arange(labels), each)
    group = np.tile(np.arange(each) % (groups or 1), labels)
    about = 2 * generator.standard_normal((groups or 1, WIDTH))
    vectors = 4 + own[label] + about[group] + noise * generator.standard_normal((len(label), WIDTH))
    return vectors, [f"label {one}" for one in label], group.tolist()


def names(labels):
    return [f"label {one}" for one in range(labels)]


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


@pytest.mark.parametrize("labels, signal", [(25, 0.3), (6, 0.5), (2, 0.4), (2, 1.0)])
def test_a_planted_reliability_comes_back_without_topics(labels, signal):
    """Signal variance s, noise variance 1, k texts: halves have r = s / (s + 2 / k)."""
    found = [
        measure(*texts(seed, signal, labels)[:2], None, names(labels), resamples=60, seed=seed) for seed in range(6)
    ]
    planted = signal**2 / (signal**2 + 2 / 20)
    assert np.mean([one.median for one in found]) == pytest.approx(planted, abs=0.06)
    assert all(one.p == 1 / 61 and one.groups is None and one.halves == "of the texts" for one in found)
    assert all(caution(one) == "" and all(one.beyond) for one in found) == (planted > 0.4)


@pytest.mark.parametrize("labels, groups", [(8, None), (2, None), (8, 6), (2, 6)])
def test_labels_that_mean_nothing_don_t_agree_and_p_is_fair(labels, groups):
    found = []
    for seed in range(40):
        vectors, own, topic = texts(seed, 0.0, labels, each=18, groups=groups)
        found.append(measure(vectors, own, topic if groups else None, names(labels), resamples=40, seed=seed))
    assert sum(one.p <= 0.05 for one in found) <= 6
    assert abs(np.mean([one.median for one in found])) < 0.04
    # Two labels share one direction, so they are beyond the null together.
    share = np.mean([np.mean(one.beyond) for one in found])
    assert share == pytest.approx(0.05, abs=0.05)
    assert all(caution(one) for one in found)
    assert "mostly noise" in caution(found[0]) and f"({WANTED:.2f} wanted)" in caution(found[0])


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


def test_the_header_gives_the_same_back_and_refuses_anything_else():
    vectors, labels, _ = texts(7, 0.6, labels=4)
    found = measure(vectors, labels, None, names(4), resamples=20)
    assert found is not None
    header = json.loads(json.dumps(found.header(names(4))))
    again = Reliability.from_header(header, names(4))
    assert again is not None and again.r == pytest.approx(found.r, abs=5e-5)
    assert (again.median, again.p, again.beyond, again.groups) == (found.median, found.p, found.beyond, None)
    fewer = Reliability.from_header(header, ["label 2", "another", "label 0"])
    assert fewer is not None and fewer.r == (again.r[2], None, again.r[0]) and fewer.median == again.median
    assert Reliability.from_header(None, names(4)) is None
    damaged = (
        {"r": [0.1]},
        {"r": {"label 1": 3.0}},
        {"r": "abcd"},
        {"median": "high"},
        {"median": 7.0},
        {"p": None},
        {"texts": -1},
        {"halves": 3},
        {"halves": "\x1b[2J"},
        {"extra": 1},
        {"null_high": float("nan")},
    )
    for change in damaged:
        with pytest.raises(ValueError, match="reliability is not valid"):
            Reliability.from_header(header | change, names(4))
    for other in ([], "good", 3, {}):
        with pytest.raises(ValueError, match="reliability is not valid"):
            Reliability.from_header(other, names(4))


@pytest.mark.parametrize(
    "median, p, said",
    [(0.03, 0.2, "mostly noise"), (0.03, 0.001, "mostly noise"), (0.5, 0.2, "may be noise"), (0.5, 0.001, "")],
)
def test_the_sentence_needs_both_a_high_r_and_a_low_p_to_be_silent(median, p, said):
    found = Reliability(median, None, p, 0.0, 0.1, "of the topics", 6, 24, (median,) * 4)
    assert (caution(found) == "") == (said == "") == found.reliable
    assert said in caution(found) and (not said or f"r = {median:.2f}" in caution(found))
