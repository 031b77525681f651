"""V2 on planted opposites, on pairs that share words, and on what merely good and bad give."""

import itertools
import json

import numpy as np
import pytest

from emotion_vectors.experiments.lens import opposites
from emotion_vectors.experiments.lens.opposites import Pairs
from experiments.worlds import assert_rarely_passes, verdicts

NAMES = [f"emotion {i}" for i in range(60)]
VALENCE = {name: "positive" if i < 30 else "negative" for i, name in enumerate(NAMES)}
# The last two words of either kind are in two pairs each.
OURS = [(i, 30 + i) for i in range(30)] + [(28, 57), (29, 56)]
FIVE = OURS[:5]


def named(pairs):
    return [(NAMES[a], NAMES[b]) for a, b in pairs]


def world(seed, opposed=0.0, axis=0.0):
    """60 vectors of noise; `opposed`: how much b is minus its own a; `axis`: how much all share one axis of valence."""
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((60, 50))
    for i in range(30):
        rows[30 + i] -= opposed * rows[i]
    rows += axis * np.outer([1] * 30 + [-1] * 30, np.linspace(-1, 1, 50))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def run(rows, seed=0, resamples=300, five=FIVE, ours=OURS):
    return opposites.run(NAMES, rows, rows, Pairs(named(five), named(ours)), VALENCE, resamples, seed)


def test_planted_opposites_pass_and_the_five_stand_beside_them():
    record, v2 = run(world(0, 3.0))
    found = record.opposites
    assert (v2.value, v2.of, v2.threshold, v2.verdict) == (found.count, 32, 26, "pass")
    assert v2.value >= 30 and found.words == 60 and len(found.pairs) == 32
    assert v2.seed.value == record.pairs_test.count == 5 and v2.seed_verdict == "pass"
    assert "5 of 5" in v2.note and found.within_valence.p < 0.05
    json.dumps([record.opposites.dump(), v2.dump()], allow_nan=False)


@pytest.mark.slow
def test_without_opposition_no_pass():
    assert_rarely_passes(verdicts(lambda seed: [run(world(seed), seed, 100)[1]]))


def test_the_five_decide_nothing():
    """The five opposed and all others not, and the reverse."""
    only_five = world(1)
    for i in range(5):
        only_five[30 + i] = -only_five[i]
    _, v2 = run(only_five)
    assert v2.seed_verdict == "pass" and v2.verdict != "pass"
    others = world(2, 3.0)
    for i in range(5):
        others[30 + i] = others[i]
    _, v2 = run(others)
    assert (v2.seed_verdict, v2.seed.value, v2.verdict) == ("fail", 0, "pass")


def test_five_pairs_that_could_never_pass_say_so():
    """Where most pairs of emotions are negative, five of five are no news; where half are, they are."""
    rows = np.repeat(np.array([[1.0, 0.01], [-1.0, 0.01]]), 30, axis=0)
    record, v2 = run(rows)
    few = record.pairs_test
    assert few.best_p == few.p == pytest.approx((30 / 59) ** 5, abs=0.04)
    # Nine of ten pairs of emotions negative: the probability of five such is 0.6.
    ten = np.eye(60)[:, :60] - 1 / 60
    record, v2 = run(ten)
    assert record.pairs_test.best_p == 1 and "no count of so few pairs could exclude chance" in v2.note


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(("count", "pairings"), [(1, 1), (2, 3), (3, 15), (4, 105), (5, 945)])
def test_so_few_pairs_that_a_random_pairing_is_often_the_very_same_decide_nothing(count, pairings, apart):
    """All other pairs point together: whatever ours do, nothing but the pairing itself is as good as all of ours apart."""
    rows = np.full((60, 60), 0.0)
    rows[:, 0] = 3
    for number, (a, b) in enumerate(OURS[:count]):
        rows[[a, b], number + 1] = (4, -4) if apart else (4, 4)
    found, v2 = opposites.run(NAMES, rows, rows, Pairs((), named(OURS[:count])), VALENCE, 4000, 0, detect=True)
    assert found.opposites.count == (count if apart else 0)
    assert found.opposites.best_p == pytest.approx(1 / pairings, abs=0.02)
    if 1 / pairings > 0.05:
        assert v2.verdict == "inconclusive" and "this run has too few pairs" in v2.reason
        assert v2.detectable.value is None and v2.detectable.sentence.startswith("No effect could have passed")
    else:
        assert v2.verdict == ("pass" if apart else "fail") and v2.detectable.value <= 1


def test_counts_and_both_nulls_equal_plain_loops():
    rows = world(3, 0.6, 0.3)
    found = run(rows, resamples=3000)[0].opposites
    negative = rows @ rows.T < 0
    assert found.count == sum(bool(negative[a, b]) for a, b in OURS)
    generator = np.random.default_rng(9)
    anew, within = [], []
    ends = [word for pair in OURS for word in pair]
    for _ in range(3000):
        cast = generator.permutation(ends).tolist()
        pairs = list(zip(cast[::2], cast[1::2], strict=True))
        if all(a != b for a, b in pairs):
            anew.append(sum(negative[a, b] for a, b in pairs))
        seconds = generator.permutation([b for _, b in OURS])  # all pairs here are positive with negative
        within.append(sum(negative[a, b] for (a, _), b in zip(OURS, seconds, strict=True)))
    assert found.null == pytest.approx(np.mean(anew), abs=0.3)
    assert found.p == pytest.approx(np.mean(np.array(anew) >= found.count), abs=0.02)
    assert found.within_valence.null == pytest.approx(np.mean(within), abs=0.3)
    assert found.within_valence.p == pytest.approx(np.mean(np.array(within) >= found.count), abs=0.03)


@pytest.mark.slow
def test_valence_alone_beats_words_paired_at_random_and_not_those_of_the_same_valences():
    """One axis of valence and no opposites beyond it: the second null says that good and bad are all there is."""
    found = [run(world(seed, axis=1.0), seed, 200)[0].opposites for seed in range(40)]
    assert np.mean([one.p < 0.05 for one in found]) > 0.9
    assert np.mean([one.within_valence.p < 0.05 for one in found]) <= 0.125


def test_a_pairing_anew_uses_every_word_as_often_and_none_with_itself():
    pairs = np.array([(0, 1), (0, 2), (3, 1), (4, 5)])
    drawn = opposites.paired_anew(pairs, 400, 0)
    for cast in drawn:
        assert sorted(cast.ravel()) == sorted(pairs.ravel()) and (cast[:, 0] != cast[:, 1]).all()
    # Word 4 meets each of the others, those that are there twice about twice as often.
    partners = [int(row[row != 4][0]) for cast in drawn for row in cast if 4 in row]
    assert set(partners) == {0, 1, 2, 3, 5} and partners.count(0) > 1.3 * partners.count(5)


def test_pairs_that_share_a_word_are_one_family():
    pairs = np.array([(0, 1), (2, 3), (1, 4), (5, 6), (4, 7), (3, 8)])
    family = opposites.families(pairs)
    for i, j in itertools.combinations(range(6), 2):
        together = {i, j} <= {0, 2, 4} or {i, j} <= {1, 5}
        assert (family[i] == family[j]) == together


def test_the_interval_is_wider_where_pairs_hang_together():
    apart = np.arange(64).reshape(-1, 2)
    joined = apart.copy()
    joined[1::2, 0] = joined[::2, 0]  # two and two share a word
    hits = np.repeat([True, True, False, True], 8)
    alone, shared = (opposites._interval(hits, pairs, 2000, 0) for pairs in (apart, joined))
    assert shared[1] - shared[0] > 1.1 * (alone[1] - alone[0])
    assert opposites._interval(np.ones(32, bool), apart, 200, 0)[0] < 32  # all hits still leave an interval
