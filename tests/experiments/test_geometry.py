"""The geometry on planted vectors: valence is found where it was planted, and nothing where it was not."""

import numpy as np
import pytest
from report.asking import typed
from report.record import build
from scipy.stats import kstest
from sklearn.decomposition import PCA

from emotion_vectors.experiments.baselines.words import fit
from emotion_vectors.experiments.geometry import measure, report, stories
from emotion_vectors.record import ContradictoryRecord
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.norms import Norms, shipped
from emotion_vectors.vectors.geometry import coordinates, principal

PACK = load_pack("ours")
EMOTIONS = PACK.emotions
GLASGOW = shipped()[1]


def ratings(scale):
    """(171,) the Glasgow ratings with mean 0 and deviation 1; 0 where there are none."""
    found = np.zeros(len(EMOTIONS))
    rows, values = GLASGOW.of(EMOTIONS, scale)
    found[rows] = (values[:, 0] - values.mean()) / values.std()
    return found


def noise(seed, width=30):
    return np.random.default_rng(seed).standard_normal((len(EMOTIONS), width))


def planted(seed=0, valence=0.0, arousal=0.0, width=30):
    """Noise, and on two random axes at right angles valence and what it leaves of arousal."""
    axes = np.linalg.qr(np.random.default_rng(seed + 1000).standard_normal((width, 2))).Q.T
    drawn = noise(seed, width) + valence * np.outer(ratings("valence"), axes[0])
    alone = ratings("arousal") - ratings("valence") * (
        ratings("arousal") @ ratings("valence") / (ratings("valence") ** 2).sum()
    )
    return drawn + arousal * np.outer(alone, axes[1])


def found(vectors, facts=None, tokens=None, norms=shipped(), resamples=199):
    part = measure.run(EMOTIONS, vectors, 3, PACK.valence, norms, 2, facts, tokens, 10, resamples, 0)
    assert part is not None
    return part


def facts(bag, length=None):
    n = len(EMOTIONS)
    return stories.StoryFacts(
        bag, np.full(n, 100.0) if length is None else length, np.full(n, 0.5), fit(["a few words"])
    )


@pytest.fixture(scope="module")
def with_valence():
    """Valence on the vectors; words that know nothing."""
    return found(planted(valence=4), facts(noise(5)), noise(6))


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


def test_components_are_scikit_learns():
    rows = planted(valence=3)
    mine, theirs = principal(rows, 4), PCA(4).fit(rows)
    assert mine.shares == pytest.approx(theirs.explained_variance_ratio_)
    assert np.abs(mine.places) == pytest.approx(np.abs(theirs.transform(rows)))
    assert np.linalg.norm(coordinates(rows)[3] - coordinates(rows)[9]) == pytest.approx(
        np.linalg.norm(rows[3] - rows[9])
    )


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


def test_length_and_person_of_the_stories():
    told = [
        ("calm", "I went home, and we slept. You didn't."),
        ("sad", "He's gone; she said it."),
        ("sad", "Nothing happened here today."),
    ]
    read = stories.read(lambda: iter(told), ["calm", "sad"])
    assert read.length.tolist() == [8, 4.5] and read.person == pytest.approx([2 / 3, (0 + 0.5) / 2])
    assert list(read.covariates()) == [stories.LENGTH, stories.PERSON]


@pytest.fixture(scope="module")
def record(with_valence):
    made = build("toy")
    made["experiments"]["geometry"] = with_valence.dump()
    return made


def test_the_page_says_what_is_more_than_words(record):
    said = report.seen(typed(record))
    valence = record["experiments"]["geometry"]["representations"][0]["agreements"][2]
    assert f"r = {valence['ridge']['r']:.2f}" in said and "is more than the words give" in said
    table = report.RIDGE(typed(record))
    assert table.columns[2:] == tuple(name.capitalize() for name in report.ORDER if name != measure.STORY)
    assert "0.96" in table.note and len(report.map_rows(typed(record))) == 171 + 4
    drawn = report.map_chart(typed(record)).to_dict()
    assert any(layer["mark"].get("shape") == "diamond" for layer in drawn["layer"] if isinstance(layer["mark"], dict))


def test_a_record_that_denies_itself_is_refused(record):
    report.contradictions(typed(record))

    def damaged(change):
        part = found_part = typed(record).part(report.Geometry)
        return record | {
            "experiments": record["experiments"] | {"geometry": change(found_part.model_copy(deep=True).dump()) or part}
        }

    def more_variance(part):
        part["representations"][0]["components"][0]["share"] = 0.99
        return part

    def other_arrow(part):
        part["representations"][0]["components"][0]["r"][2] = 0.1
        return part

    def other_difference(part):
        part["representations"][0]["agreements"][0]["beyond_words"]["value"] += 0.1
        return part

    for change, said in (
        (more_variance, "of the variance"),
        (other_arrow, "r of component 1"),
        (other_difference, "difference"),
    ):
        with pytest.raises(ContradictoryRecord, match=said):
            report.contradictions(typed(damaged(change)))


def test_a_record_without_the_part_says_so():
    assert (
        "older run" in report.MISSING
        and report.seen(typed(build("toy"))) == ""
        and report.RIDGE(typed(build("toy"))) is None
    )
