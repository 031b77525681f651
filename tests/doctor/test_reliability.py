"""The self-check of the vectors' reliability: it warns of noise, and passes what agrees with itself."""

import pytest
from vectors.worlds import agreeing, make_vectors

from emotion_vectors.doctor import check_reliability, stopping
from emotion_vectors.vectors.halves import measure
from emotion_vectors.vectors.reliability import WANTED


@pytest.mark.parametrize(("r", "passed"), [(0.6, True), (0.34, True), (0.32, False), (0.03, False), (-0.2, False)])
def test_it_measures_the_median_r_and_warns_below_the_limit(r, passed):
    vectors = agreeing(make_vectors(), r)
    check = check_reliability(vectors.reliability)
    assert (check.name, check.kind, check.passed) == ("reliability", "warn", passed)
    assert (check.measured, check.limit) == (r, WANTED) and not stopping([check])
    assert f"r = {r:.2f}" in check.detail and ("noise" in check.detail) != passed


def test_what_was_not_measured_does_not_pass():
    check = check_reliability(make_vectors().reliability)
    assert not check.passed and check.measured == "not measured" and not stopping([check])


def test_too_few_texts_for_a_p_are_noticed():
    """One topic's text against another's, for two labels: dealing the labels out again can't give a low p."""
    vectors = [[9.0, 1, 2, 0], [1.0, 9, 2, 0], [9.1, 1, 2, 0], [1.0, 9.1, 2, 0]]
    found = measure(vectors, ["a", "b", "a", "b"], ["x", "x", "y", "y"], ["a", "b"], resamples=100)
    assert found.median > 0.99 and found.p > 0.3
    check = check_reliability(found)
    assert not check.passed and "may be noise" in check.detail
