"""The geometry on planted vectors: valence is found where it was planted, and nothing where it was not."""

import numpy as np
import pytest
from scipy.stats import kstest

from emotion_vectors.experiments.geometry import measure, stories
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.norms import Norms, shipped
from emotion_vectors.vectors.geometry import coordinates
from experiments.geometry.worlds import facts, found, noise, planted, ratings

PACK = load_pack("ours")


EMOTIONS = PACK.emotions


GLASGOW = shipped()[1]


def test_planted_valence_is_found_out_of_sample_and_arousal_is_not(with_valence):
    valence, arousal = (with_valence.agreement(measure.VECTORS, "Glasgow", scale) for scale in ("valence", "arousal"))
    assert valence.ridge.r > 0.85 and valence.ridge.p == valence.partial.p == 1 / 200
    assert valence.best.r > 0.85 and valence.best.component == 1 and valence.best.folds == 1
    assert valence.beyond_words.interval[0] > 0.3
    # Arousal and valence of these words correlate (r = 0.3); given valence nothing is left.
    assert arousal.partial.p > 0.05
    words = with_valence.agreement(measure.WORDS, "Glasgow", "valence")
    assert words.ridge.p > 0.05 and words.beyond_words is None


def test_arousal_on_a_later_component_is_found():
    part = found(planted(seed=1, valence=5, arousal=3))
    arousal = part.agreement(measure.VECTORS, "Glasgow", "arousal")
    assert arousal.partial.r > 0.6 and arousal.partial.p == 1 / 200 and arousal.best.component == 2


@pytest.mark.slow
def test_without_valence_p_is_uniform():
    """40 sets of noise: neither too many nor too few small p values, plain and given the other scale."""
    only = [GLASGOW]
    drawn = [found(noise(seed, 20), norms=only, resamples=99).vectors.agreements[0] for seed in range(40)]
    for p in ([row.ridge.p for row in drawn], [row.partial.p for row in drawn], [row.best.p for row in drawn]):
        assert kstest(p, "uniform").pvalue > 0.01


def test_what_length_carries_is_gone_when_length_is_projected_out():
    """Vectors that know only the stories' length, which goes with valence: projected out, nothing is left, and r does not turn round."""
    length = 100 + 10 * ratings("valence") + np.random.default_rng(0).standard_normal(len(EMOTIONS))
    axis = np.zeros(30)
    axis[0] = 1
    part = found(noise(2) + 4 * np.outer((length - 100) / 10, axis), facts(noise(5), length))
    plain, without = (part.agreement(name, "Glasgow", "valence").ridge for name in (measure.VECTORS, measure.STORY))
    assert part.covariates == [stories.LENGTH]  # the person is the same everywhere, so it is no column
    assert plain.p == 1 / 200 and without.p > 0.05 and without.r > -0.3
    assert abs(part.vectors.components[0].covariates[0]) > 0.9


def test_left_out_words_take_no_part_in_their_own_components():
    rows = coordinates(planted(valence=3))
    words, _ = GLASGOW.of(EMOTIONS, "valence")
    fold = measure.predicting.folds(len(words), 10, 0)
    space = measure.Space("some", rows)
    before = measure.fold_features(space, words, fold, 5)[0][fold != 0]
    changed = rows.copy()
    changed[words[fold == 0]] += 7
    after = measure.fold_features(space._replace(rows=changed), words, fold, 5)[0][fold != 0]
    assert np.abs(before) == pytest.approx(np.abs(after))


def test_the_ceiling_is_the_agreement_of_the_lists():
    part = found(noise(0), resamples=100)
    valence, arousal = part.ceilings
    both = [word for word in shipped()[0].ratings["arousal"] if word in GLASGOW.ratings["arousal"]]
    r = np.corrcoef(*[[one.ratings["arousal"][word] for word in both] for one in shipped()])[0, 1]
    assert arousal.words == len(both) == 32 and arousal.r == pytest.approx(r)
    assert valence.r > 0.9 > arousal.r


def test_ratings_of_ones_own_are_tested_and_none_of_them_is_in_the_record():
    mine = Norms("mine.csv", "mine", "", {"valence": {word: 0.1234567 + row for row, word in enumerate(EMOTIONS[:40])}})
    part = found(noise(0), norms=(*shipped(), mine), resamples=100)
    assert ["mine.csv", "valence"] in part.scales and part.agreement(
        measure.VECTORS, "mine.csv", "valence"
    ).partial is None
    assert part.norms[2].words == 40 and not part.norms[2].shipped
    assert "0.1234567" not in part.model_dump_json()


def test_few_emotions_have_no_agreement_and_fewer_than_four_no_part():
    part = measure.run(EMOTIONS[:8], noise(0)[:8], 0, {}, shipped(), 2, None, None, 10, 100, 0)
    assert part.scales == [] and part.vectors.agreements == [] and len(part.places) == 8
    assert measure.run(EMOTIONS[:3], noise(0)[:3], 0, {}, shipped(), 2, None, None, 10, 100, 0) is None
