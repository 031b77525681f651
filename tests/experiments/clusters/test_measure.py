"""Clusters and similarity structures on planted vectors: what is the words' is not called the model's."""

import numpy as np
import pytest

from emotion_vectors.experiments.clusters import measure
from emotion_vectors.report import published
from experiments.clusters.worlds import drawn

PUBLISHED = {name: members[:6] for name, members in published.clusters().items() if len(members) >= 6}


EMOTIONS = [emotion for members in PUBLISHED.values() for emotion in members]


TRUE = np.repeat(np.arange(len(PUBLISHED)), 6)


WIDTH = 12


def test_the_published_clusters_have_all_171_emotions_once():
    members = [emotion for emotions in published.clusters().values() for emotion in emotions]
    assert len(members) == len(set(members)) == 171 and len(published.clusters()) == 10


def test_planted_clusters_agree_with_the_published_ones_beyond_the_words(planted):
    own, words = planted.clusterings
    assert own.published.value > 0.8 and own.published.p == 1 / 101 and own.published.value > own.published.null_high
    assert words.published.p > 0.05 and planted.beyond_words.interval[0] > 0.4
    assert own.stability.median > own.stability.cloud_high and own.stability.p < 0.05
    assert words.stability.p > 0.05


@pytest.mark.slow
def test_without_clusters_there_is_no_agreement_and_nothing_beyond_the_words(noise):
    own = noise.clusterings[0]
    assert own.published.p > 0.05 and own.stability.p > 0.05
    assert noise.beyond_words.interval[0] < 0 < noise.beyond_words.interval[1]
    assert noise.with_words.p == 1 / 101  # these vectors are the words'


@pytest.mark.slow
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
