"""Do vectors agree with themselves: against scipy text by text, planted reliabilities, labels that mean nothing."""

import json

import numpy as np
import pytest

from emotion_vectors.vectors.halves import measure
from emotion_vectors.vectors.reliability import WANTED, Reliability, caution
from vectors.halved import names, texts

WIDTH = 80


@pytest.mark.parametrize("labels, signal", [(25, 0.3), (6, 0.5), (2, 0.4), (2, 1.0)])
@pytest.mark.slow
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
