"""Activations without what the words of the same texts predict, fitted on other topics.

In: of each story its activation y (d,), its words as components z (k,) (`components`), its emotion and its topic. Out: sums of
y - z B per topic and emotion, where B (k, d) is a ridge regression fitted on the other topics alone (cross-fitting), after each topic's means
are subtracted: what a topic has in common is in no contrast of emotions. Only sums are kept, so memory does not grow with the stories.
What it can't tell: a word may stand for the emotion that it names, so that what is removed can be the emotion; and what the components don't
hold (rare words, order) stays in. What the same removal leaves of the words' own embeddings says how much that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.baselines.words import Vocabulary
from emotion_vectors.vectors.halves import BUCKETS, TopicSums

COMPONENTS = 50
STORIES_PER_COMPONENT = 8  # fewer components where there are fewer stories: a regression needs several for each
MOST_TEXTS = 4000  # texts that the components are made from, spread over the corpus


class Components(NamedTuple):
    """The words of texts in k dimensions: the first right singular vectors (w, k) of their TF-IDF rows."""

    vocabulary: Vocabulary
    axes: np.ndarray

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """(t, k) components of texts; a text without a known word is zero."""
        return table(self.vocabulary, texts) @ self.axes


def table(vocabulary: Vocabulary, texts: Sequence[str]) -> sparse.csr_matrix:
    """TF-IDF rows (t, w) of texts, sparse."""
    rows = [vocabulary.row(text) for text in texts]
    starts = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    columns = np.concatenate([columns for columns, _ in rows]) if rows else np.zeros(0, dtype=np.intp)
    values = np.concatenate([values for _, values in rows]) if rows else np.zeros(0)
    return sparse.csr_matrix((values, columns, starts), shape=(len(texts), len(vocabulary.columns)))


def components(vocabulary: Vocabulary, texts: Sequence[str], stories: int) -> Components | None:
    """Components from some of the texts, for a regression over `stories`; None where there are too few for a single one."""
    rows = table(vocabulary, texts)
    smaller = min(len(texts), len(vocabulary.columns))
    count = min(COMPONENTS, stories // STORIES_PER_COMPONENT, smaller - 1)
    if count < 1:
        return None
    # A fixed start: the same texts give the same components.
    start = np.random.default_rng(0).standard_normal(smaller)
    _, sizes, axes = svds(rows, k=count, v0=start)
    assert axes is not None  # both sides of the decomposition are asked for
    return Components(vocabulary, axes[np.argsort(-sizes)].T)


class Sums(NamedTuple):
    """Per bucket of topics (b) and emotion (n): sums of y (b, n, d), of z (b, n, k), counts (b, n); per bucket z'z and z'y, and all of y'y."""

    y: np.ndarray
    z: np.ndarray
    counts: np.ndarray
    zz: np.ndarray
    zy: np.ndarray
    yy: np.ndarray


Shard = tuple[Sequence[int], Sequence[int], np.ndarray, np.ndarray]
"""Of some stories the emotion and the topic (numbers), y (s, d) and z (s, k)."""


def add_up(shards: Iterable[Shard], emotions: int, topics: int, width: int, k: int) -> Sums:
    """The sums of all stories; topic t is in bucket t mod 20, as in `vectors.halves`."""
    b = min(topics, BUCKETS)
    shapes = ((b, emotions, width), (b, emotions, k), (b, emotions), (b, k, k), (b, k, width), (b,))
    found = Sums(*(np.zeros(shape) for shape in shapes))
    for emotion, topic, vectors, words in shards:
        bucket, label = np.asarray(topic, dtype=np.intp) % BUCKETS, np.asarray(emotion, dtype=np.intp)
        y, z = vectors.astype(np.float64), words.astype(np.float64)
        np.add.at(found.y, (bucket, label), y)
        np.add.at(found.z, (bucket, label), z)
        np.add.at(found.counts, (bucket, label), 1)
        for one in np.unique(bucket):
            here = bucket == one
            found.zz[one] += z[here].T @ z[here]
            found.zy[one] += z[here].T @ y[here]
            found.yy[one] += float((y[here] ** 2).sum())
    return found


class Removed(NamedTuple):
    """What is left: sums per bucket and emotion, and the share of the variance within topics that words of other topics predict."""

    sums: TopicSums
    explained: float

    @property
    def means(self) -> np.ndarray:
        """(n, d) per emotion the mean over its stories."""
        return self.sums.sums.sum(axis=0) / self.sums.counts.sum(axis=0)[:, None]


def remove(found: Sums, penalty: float) -> Removed:
    """Each bucket without what the words predict by a regression on the other buckets; `penalty` in units of mean z'z.

    Raises `UserError` for fewer than two topics.
    """
    used = np.flatnonzero(found.counts.sum(axis=1))
    if len(used) < 2:
        raise UserError("Words are removed by a regression on other topics, but there is only one topic.")
    y, z, size = found.y.sum(axis=1), found.z.sum(axis=1), np.maximum(found.counts.sum(axis=1), 1.0)
    zz = found.zz - z[:, :, None] * z[:, None, :] / size[:, None, None]
    zy = found.zy - z[:, :, None] * y[:, None, :] / size[:, None, None]
    yy = found.yy - (y**2).sum(axis=1) / size
    left, unexplained = found.y.copy(), 0.0
    for one in used:
        others_zz, others_zy = zz.sum(axis=0) - zz[one], zy.sum(axis=0) - zy[one]
        ridge = penalty * np.trace(others_zz) / len(others_zz) * np.eye(len(others_zz))
        beta = np.linalg.lstsq(others_zz + ridge, others_zy, rcond=None)[0]
        left[one] -= found.z[one] @ beta
        unexplained += float(yy[one] - 2 * (beta * zy[one]).sum() + ((zz[one] @ beta) * beta).sum())
    whole = float(yy.sum())
    return Removed(TopicSums(left, found.counts), 1 - unexplained / whole if whole > 0 else 0.0)
