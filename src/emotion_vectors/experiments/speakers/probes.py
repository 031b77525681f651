"""Directions of the present and of the other speaker's emotion from dialogues, and how alike they are on other topics.

A dialogue has two speakers with an emotion each. Four sets of directions: token owner (speaker 0, speaker 1) x emotion owner (present, other).
The two emotions' effects on a speaker's activations are fitted together, so that a pair that is more frequent by chance gives neither of
them the other's direction; what the dialogues of a topic share is subtracted first. The directions that are compared come from halves that
share no topic. Shapes: t dialogues, n emotions, b buckets of topics, h halvings, d width; sets in the order of `SETS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement, islice
from typing import NamedTuple

import numpy as np
from scipy import stats

from emotion_vectors.stats.arrays import FloatArray, IndexArray
from emotion_vectors.stats.nulls import permuted_rows
from emotion_vectors.vectors.directions import unit
from emotion_vectors.vectors.halves import BUCKETS, halvings

SETS = ((0, "present"), (0, "other"), (1, "present"), (1, "other"))
"""Token owner and whose emotion, of each set."""
PAIRS = tuple(combinations_with_replacement(range(len(SETS)), 2))
USED = 10  # halvings: each costs two fits in every draw of a null
FEWEST = 4  # topics: with fewer, a half has one


class Dialogues(NamedTuple):
    """What was read, ready to be fitted with any emotions: `rows` (t, 2, d) with each group's mean subtracted."""

    rows: FloatArray
    group: IndexArray  # (t,) whose mean was subtracted: the topic, or its bucket where topics have one dialogue each
    bucket: IndexArray  # (t,)
    halves: FloatArray  # (h, 2, b)
    emotions: int


class Sums(NamedTuple):
    """Normal equations by bucket: of the two speakers' emotions (b, 2n, 2n), and with the activations (b, 2n, 2 d)."""

    design: FloatArray
    rows: FloatArray


class Found(NamedTuple):
    """A statistic for each of `PAIRS` and, behind them, for each set with the given vectors: values (v,), both ends (v, 2).

    `each` (p, n) are the `PAIRS` by emotion.
    """

    values: FloatArray
    ends: FloatArray
    each: FloatArray


def prepare(rows: FloatArray, topics: Sequence[str], emotions: int, seed: int) -> Dialogues:
    """`rows` (t, 2, d): mean activation over each speaker's tokens. Topic k is in bucket k mod 20."""
    number = {name: place for place, name in enumerate(dict.fromkeys(topics))}
    topic = np.array([number[name] for name in topics], dtype=np.intp)
    bucket = topic % BUCKETS
    group = topic if np.bincount(topic).min() >= 2 else bucket
    sides = np.array(list(islice(halvings(int(bucket.max()) + 1, seed), USED)), dtype=bool)
    halves = np.stack([sides, ~sides], axis=1).astype(np.float64)
    return Dialogues(_centred(rows.astype(np.float64), group), group, bucket, halves, emotions)


def _centred(values: FloatArray, group: IndexArray) -> FloatArray:
    """`values` (t, ...) without the mean of their group."""
    flat = values.reshape(len(values), -1)
    sums = np.zeros((int(group.max()) + 1, flat.shape[1]))
    np.add.at(sums, group, flat)
    return (flat - (sums / np.maximum(np.bincount(group), 1)[:, None])[group]).reshape(values.shape)


def add_up(given: Dialogues, felt: IndexArray) -> Sums:
    """The sums by bucket with the emotions `felt` (t, 2) of the two speakers."""
    t, n = len(felt), given.emotions
    design = np.zeros((t, 2 * n))
    design[np.arange(t), felt[:, 0]] = 1
    design[np.arange(t), n + felt[:, 1]] = 1
    design, rows = _centred(design, given.group), given.rows.reshape(t, -1)
    members = [np.flatnonzero(given.bucket == one) for one in range(given.halves.shape[-1])]
    return Sums(
        np.stack([design[some].T @ design[some] for some in members]),
        np.stack([design[some].T @ rows[some] for some in members]),
    )


def directions(design: FloatArray, rows: FloatArray) -> FloatArray:
    """Directions (..., 4, n, d) from sums (..., 2n, 2n) and (..., 2n, 2d): each set's sum to 0 over its emotions.

    The least squares solution of smallest norm: what can't be told (a constant for all emotions of a speaker) is 0. NaN for an emotion
    that its owner never has.
    """
    n, width = design.shape[-1] // 2, rows.shape[-1] // 2
    effects = np.linalg.pinv(design, rcond=1e-9, hermitian=True) @ rows
    effects = effects.reshape(*effects.shape[:-2], 2, n, 2, width)
    never = np.diagonal(design, axis1=-2, axis2=-1).reshape(*design.shape[:-2], 2, n) < 1e-9
    effects = np.where(never[..., None, None], np.nan, effects)
    return np.stack(
        [effects[..., owner if whose == "present" else 1 - owner, :, owner, :] for owner, whose in SETS], axis=-3
    )


def alike(given: Dialogues, sums: Sums, theirs: FloatArray | None, left_out: int | None = None) -> FloatArray:
    """(v,) mean over emotions of the cosine of the same emotion's directions: `PAIRS` across halves, then the sets with `theirs` (n, d).

    Rows of `theirs` may be NaN. `left_out` is a bucket to do without.
    """
    kept = np.ones(given.halves.shape[-1])
    if left_out is not None:
        kept[left_out] = 0
    table = np.nanmean(_across_halves(given, sums, kept), axis=(0, 3))
    values = [(table[a, b] + table[b, a]) / 2 for a, b in PAIRS]
    if theirs is not None:
        whole = directions(np.tensordot(kept, sums.design, axes=1), np.tensordot(kept, sums.rows, axes=1))
        known = ~np.isnan(theirs[:, 0]) & ~np.isnan(whole[:, :, 0]).any(axis=0)
        mine, other = (one[..., known, :] - one[..., known, :].mean(axis=-2, keepdims=True) for one in (whole, theirs))
        values += list(np.mean(np.sum(unit(mine) * unit(other), axis=-1), axis=-1))
    return np.array(values)


def by_emotion(given: Dialogues, sums: Sums) -> FloatArray:
    """(p, n) the cosine of each emotion's directions across halves, for the `PAIRS`; NaN for one that its owner never has in a half."""
    cosines = _across_halves(given, sums, np.ones(given.halves.shape[-1]))
    known = ~np.isnan(cosines).all(axis=0)
    table = np.divide(
        np.nansum(cosines, axis=0), (~np.isnan(cosines)).sum(axis=0), out=np.full(known.shape, np.nan), where=known
    )
    return np.array([(table[a, b] + table[b, a]) / 2 for a, b in PAIRS])


def _across_halves(given: Dialogues, sums: Sums, kept: FloatArray) -> FloatArray:
    """(h, 4, 4, n) cosines of the sets of one half with those of the other; `kept` (b,) weighs the buckets."""
    design = np.tensordot(given.halves * kept, sums.design, axes=1)  # (h, 2, 2n, 2n)
    rows = np.tensordot(given.halves * kept, sums.rows, axes=1)
    made = unit(directions(design, rows))  # (h, 2, 4, n, d)
    return np.einsum("hsnd,hund->hsun", made[:, 0], made[:, 1])


def found(given: Dialogues, felt: IndexArray, theirs: FloatArray | None) -> Found:
    """`alike` with 95 % intervals by leaving out one bucket of topics at a time (jackknife, t with b - 1 degrees of freedom)."""
    sums, many = add_up(given, felt), given.halves.shape[-1]
    values = alike(given, sums, theirs)
    without = np.array([alike(given, sums, theirs, one) for one in range(many)])
    error = np.sqrt((many - 1) / many * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    reach = stats.t.ppf(0.975, many - 1) * error
    ends = np.clip(np.stack([values - reach, values + reach], axis=-1), -1, 1)
    return Found(values, ends, by_emotion(given, sums))


def shuffled_owners(
    given: Dialogues, felt: IndexArray, theirs: FloatArray | None, repeats: int, seed: int
) -> FloatArray:
    """(repeats, v) the same where in each dialogue it is drawn at random which speaker has which of its two emotions."""
    generator = np.random.default_rng(seed)
    swaps = generator.random((repeats, len(felt), 1)) < 0.5
    return np.array([alike(given, add_up(given, np.where(swap, felt[:, ::-1], felt)), theirs) for swap in swaps])


def dealt(given: Dialogues, felt: IndexArray, theirs: FloatArray | None, repeats: int, seed: int) -> FloatArray:
    """(repeats, v) the same where the pairs of emotions are shuffled over the dialogues of a topic: no emotion at all."""
    orders = permuted_rows(len(felt), given.group.tolist(), repeats, seed)
    return np.array([alike(given, add_up(given, felt[order]), theirs) for order in orders])
