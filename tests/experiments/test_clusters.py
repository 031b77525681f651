"""Clusters and similarity structures on planted vectors: what is the words' is not called the model's."""

import numpy as np
import pytest
from report.asking import typed
from report.record import build

from emotion_vectors.experiments.clusters import measure, report
from emotion_vectors.record import ContradictoryRecord
from emotion_vectors.report import published

PUBLISHED = {name: members[:6] for name, members in published.clusters().items() if len(members) >= 6}
EMOTIONS = [emotion for members in PUBLISHED.values() for emotion in members]
TRUE = np.repeat(np.arange(len(PUBLISHED)), 6)
WIDTH = 12


def drawn(seed, clustered=0.0):
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((len(PUBLISHED), WIDTH))
    return generator.standard_normal((len(EMOTIONS), WIDTH)) + clustered * centres[TRUE]


def found(vectors, words, k=len(PUBLISHED)):
    part = measure.run(EMOTIONS, vectors, [0, 2, 5], 2, words, None, PUBLISHED, k, 100, 0)
    assert part is not None
    return part


@pytest.fixture(scope="module")
def planted():
    """Three layers with the published clusters, and words without."""
    return found(np.stack([drawn(seed, 3) for seed in (0, 1, 2)]), drawn(7))


@pytest.fixture(scope="module")
def noise():
    """Three layers that share the words' structure and nothing else."""
    words = drawn(7)
    return found(np.stack([words + 0.5 * drawn(seed) for seed in (0, 1, 2)]), words)


def test_the_published_clusters_have_all_171_emotions_once():
    members = [emotion for emotions in published.clusters().values() for emotion in emotions]
    assert len(members) == len(set(members)) == 171 and len(published.clusters()) == 10


def test_planted_clusters_agree_with_the_published_ones_beyond_the_words(planted):
    own, words = planted.clusterings
    assert own.published.value > 0.8 and own.published.p == 1 / 101 and own.published.value > own.published.null_high
    assert words.published.p > 0.05 and planted.beyond_words.interval[0] > 0.4
    assert own.stability.median > own.stability.cloud_high and own.stability.p < 0.05
    assert words.stability.p > 0.05


def test_without_clusters_there_is_no_agreement_and_nothing_beyond_the_words(noise):
    own = noise.clusterings[0]
    assert own.published.p > 0.05 and own.stability.p > 0.05
    assert noise.beyond_words.interval[0] < 0 < noise.beyond_words.interval[1]
    assert noise.with_words.p == 1 / 101  # these vectors are the words'


def test_layers_that_agree_are_told_from_layers_that_share_the_words(planted, noise):
    for row in (row for row in planted.layers if row.layer != 2):
        assert row.analysis > 0.5 and row.beyond_words.interval[0] > 0.2 and row.partial > 0.5
    assert planted.words.p > 0.05
    # Here the layers agree with each other at about 0.6 too, but no more than with the words.
    for row in (row for row in noise.layers if row.layer != 2):
        assert row.analysis > 0.5 and row.beyond_words.interval[0] < 0 and row.partial < 0.15
    assert noise.words.p == 1 / 101


def test_few_emotions_have_few_clusters_and_no_published_agreement():
    part = measure.run(EMOTIONS[:8], drawn(0)[None, :8], [3], 3, None, None, PUBLISHED, 10, 100, 0)
    assert part.k == 4 and part.clusterings[0].published is None and part.words is None and part.with_words is None
    assert measure.run(EMOTIONS[:3], drawn(0)[None, :3], [3], 3, None, None, PUBLISHED, 10, 100, 0) is None


@pytest.fixture(scope="module")
def record(planted):
    made = build("toy")
    made["experiments"]["clusters"] = planted.dump()
    return made


def test_the_page_says_what_is_above_the_words(record):
    said = report.seen(typed(record))
    assert "2 of 2 layers agree with it by more than that" in said
    table = report.agreement_table(typed(record))
    assert len(table.rows) == 2 and "more than the words (difference" in table.note
    members = report.members_table(typed(record))
    assert sorted(", ".join(row[3].text for row in members.rows).split(", ")) == sorted(EMOTIONS)
    assert report.layer_chart(typed(record)).to_dict() and len(report.layer_rows(typed(record))) == 9 + 6


def test_the_page_does_not_call_the_words_the_models(noise):
    made = build("toy")
    made["experiments"]["clusters"] = noise.dump()
    assert "0 of 2 layers agree with it by more than that" in report.seen(typed(made))
    assert "no more than the words, as far as is shown" in report.agreement_table(typed(made)).note


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("clusterings", 0, "labels", 0), 9, "are not in"),
        (("clusterings", 0, "published", "value"), 0.1, "adjusted Rand index"),
        (("beyond_words", "value"), 0.0, "beyond the words"),
        (("layers", 0, "analysis"), 0.1, "similarity of layer 0"),
    ],
)
def test_a_record_that_denies_itself_is_refused(planted, path, value, said):
    made = build("toy")
    part = made["experiments"]["clusters"] = planted.model_copy(deep=True).dump()
    report.contradictions(typed(made))
    *way, last = path
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(ContradictoryRecord, match=said):
        report.contradictions(typed(made))
