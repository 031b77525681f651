"""Which emotions lie together, and is that the same at all layers?

In: vectors (l, n, d) of n emotions at l layers, the bag of words (n, w) of the same stories, the token embeddings (n, e) of the emotion
words, the published clusters. Out: the record's `clusters`. Formula: k-means on unit vectors at the analysis layer; stability is the
adjusted Rand index with the clusters of resampled emotions; the similarity structure of a layer is the ranks of the cosines between all
pairs of emotions, and Spearman's r compares two of them.
Source: the paper's Table 12 (ten clusters) and its comparison of 14 layers; Hubert and Arabie 1985; Kriegeskorte et al. 2008. The
words, the clouds without clusters and the intervals are ours.
What it can't tell: k-means cuts a continuum too, so stability is compared with that of clouds that have no clusters; and what stories
share in words they may also share in feeling: what is not above the words is not shown to be the model's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from emotion_vectors.experiments.clusters.record import (
    Clustering,
    Clusters,
    LayerAlike,
    Rand,
    Stable,
    WithWords,
)
from emotion_vectors.experiments.geometry.measure import FEWEST, FEWEST_EMOTIONS, TOKENS, VECTORS, WORDS
from emotion_vectors.experiments.geometry.record import Difference
from emotion_vectors.report.charts import spread
from emotion_vectors.stats import clustering, nulls, similarity
from emotion_vectors.stats.intervals import ends_of_draws
from emotion_vectors.vectors.directions import contrast, cosine, unit
from emotion_vectors.vectors.geometry import coordinates

STARTS = 20
DRAWS = 100  # clusterings of resampled emotions
CLOUDS = 40
MOST_LAYERS = 32
MOST_DRAWS = 500  # of the similarity structures


def run(
    emotions: Sequence[str],
    vectors: np.ndarray,
    layers: Sequence[int],
    layer: int,
    bag: np.ndarray | None,
    tokens: np.ndarray | None,
    published: Mapping[str, Sequence[str]],
    k: int,
    resamples: int,
    seed: int,
) -> Clusters | None:
    """The record's `clusters` part, or None with fewer than four emotions; `layers` (l,) name the layers of `vectors`."""
    n = len(emotions)
    if n < FEWEST_EMOTIONS:
        return None
    here = vectors[list(layers).index(layer)]
    spaces = {VECTORS: here} | ({} if bag is None else {WORDS: bag}) | ({} if tokens is None else {TOKENS: tokens})
    k = max(2, min(k, n // 2))
    named = {emotion: name for name, members in published.items() for emotion in members}
    known = [named.get(emotion) for emotion in emotions]
    weights = clustering.drawn_weights(n, resamples, seed)
    found = [_cluster(name, rows, known, k, weights, resamples, seed) for name, rows in spaces.items()]
    labels = {one.name: np.array(one.labels, dtype=np.intp) for one in found}
    with_words, alike, table = _alike(vectors, layers, layer, spaces, resamples, seed)
    return Clusters(
        layer=layer, emotions=list(emotions), k=k, published=known, clusterings=found,
        with_words=_rand(labels[VECTORS], labels[WORDS], weights, resamples, seed) if WORDS in labels else None,
        beyond_words=_beyond(labels, known, weights) if WORDS in labels else None, words=with_words, layers=alike, table=table,
    )  # fmt: skip


def _rows(vectors: np.ndarray) -> np.ndarray:
    return coordinates(unit(contrast(vectors.astype(np.float64))))


def _cluster(
    name: str, vectors: np.ndarray, known: Sequence[str | None], k: int, weights: np.ndarray, resamples: int, seed: int
) -> Clustering:
    rows = _rows(vectors)
    labels = _ordered(clustering.kmeans(rows, k, STARTS, seed).labels)
    place, other = _known(known)
    enough = len(place) >= FEWEST and len(set(other.tolist())) > 1
    return Clustering(
        name=name, labels=labels.tolist(),
        published=_rand(labels[place], other, weights[:, place], resamples, seed) if enough else None,
        stability=None if name == TOKENS else _stable(rows, labels, k, seed),
    )  # fmt: skip


def _ordered(labels: np.ndarray) -> np.ndarray:
    """Clusters numbered by size, largest first; of equal ones the one with the first emotion."""
    sizes, first = np.bincount(labels), [int((labels == one).argmax()) for one in range(labels.max() + 1)]
    order = sorted(range(len(sizes)), key=lambda one: (-sizes[one], first[one]))
    return np.array([order.index(label) for label in labels], dtype=np.intp)


def _known(known: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the emotions that have a published cluster, and its number."""
    place = np.array([row for row, name in enumerate(known) if name is not None], dtype=np.intp)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for name in known if name is not None))}
    return place, np.array([numbers[str(known[row])] for row in place], dtype=np.intp)


def _rand(first: np.ndarray, second: np.ndarray, weights: np.ndarray, resamples: int, seed: int) -> Rand:
    value = float(clustering.adjusted_rand(first, second))
    draws = clustering.adjusted_rand(first, second, weights)
    null = clustering.dealt_rand(first, second, nulls.permuted_rows(len(first), None, resamples, seed))
    return Rand(
        value=value, interval=ends_of_draws(draws, len(first)), null_high=float(np.quantile(null, 0.95)),
        p=float(nulls.permutation_p(value, null)),
    )  # fmt: skip


def _stable(rows: np.ndarray, labels: np.ndarray, k: int, seed: int) -> Stable:
    found = clustering.stability(rows, labels, k, DRAWS, CLOUDS, seed)
    median = float(np.median(found.draws))
    low, high = (float(end) for end in np.quantile(found.draws, [0.05, 0.95]))
    return Stable(
        median=median, low=low, high=high, cloud=float(np.median(found.clouds)), cloud_high=float(np.quantile(found.clouds, 0.95)),
        p=float(nulls.permutation_p(median, found.clouds)), draws=DRAWS, clouds=CLOUDS,
    )  # fmt: skip


def _beyond(labels: Mapping[str, np.ndarray], known: Sequence[str | None], weights: np.ndarray) -> Difference | None:
    """How much better the vectors' clusters agree with the published ones than the words' do."""
    place, other = _known(known)
    if len(place) < FEWEST or len(set(other.tolist())) < 2:
        return None
    mine, theirs = (
        (clustering.adjusted_rand(found, other), clustering.adjusted_rand(found, other, weights[:, place]))
        for found in (labels[VECTORS][place], labels[WORDS][place])
    )
    return Difference(value=float(mine[0] - theirs[0]), interval=ends_of_draws(mine[1] - theirs[1], len(place)))


def _alike(
    vectors: np.ndarray,
    layers: Sequence[int],
    layer: int,
    spaces: Mapping[str, np.ndarray],
    resamples: int,
    seed: int,
) -> tuple[WithWords | None, list[LayerAlike], list[list[float]]]:
    """The similarity structures of up to `MOST_LAYERS` layers beside each other and beside those of the words."""
    place = list(layers).index(layer)
    shown = sorted({place, *spread(len(layers), MOST_LAYERS)})
    beside = [spaces[name] for name in (WORDS, TOKENS) if name in spaces]
    structures = np.stack([structure(rows) for rows in (*vectors[shown], *beside)])
    table, own = similarity.spearman_table(structures), shown.index(place)
    n, at = vectors.shape[1], {name: len(shown) + i for i, name in enumerate(k for k in (WORDS, TOKENS) if k in spaces)}
    weights = clustering.drawn_weights(n, min(resamples, MOST_DRAWS), seed)
    draws = similarity.drawn_r(structures, own, weights)
    words, tokens = at.get(WORDS), at.get(TOKENS)
    alike = []
    for row, number in enumerate(shown):
        gain = None
        if words is not None:
            gain = Difference(
                value=float(table[own, row] - table[own, words]),
                interval=ends_of_draws(draws[:, row] - draws[:, words], n),
            )
        given = (
            None if words is None or row == own else float(similarity.partial(table[np.ix_(*[[own, row, words]] * 2)]))
        )
        alike.append(LayerAlike(
            layer=layers[number], analysis=float(table[own, row]), words=None if words is None else float(table[row, words]),
            tokens=None if tokens is None else float(table[row, tokens]), interval=ends_of_draws(draws[:, row], n), beyond_words=gain, partial=given,
        ))  # fmt: skip
    with_words = None
    if words is not None:
        null = similarity.dealt(structures[own], structures[words], nulls.permuted_rows(n, None, resamples, seed))
        with_words = WithWords(
            r=float(table[own, words]), interval=ends_of_draws(draws[:, words], n), null=float(null.mean()),
            p=float(nulls.permutation_p(table[own, words], null)),
        )  # fmt: skip
    return with_words, alike, table[: len(shown), : len(shown)].tolist()


def structure(vectors: np.ndarray) -> np.ndarray:
    """(p,) similarity structure of vectors (n, d) around their mean: ranks of the cosines between all pairs."""
    rows = contrast(vectors.astype(np.float64))
    return similarity.structure(cosine(rows, rows))
