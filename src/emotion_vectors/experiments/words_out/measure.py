"""What is left of the vectors without the words of their stories: the tests of V1 to V9 again.

In: sums of the stories' activations and word components (`removal`), and of three controls: the same activations with the words of
other stories of the same topic (what removal costs that removes no words of the story itself), and the stories' static embeddings, which
are nothing but words, with theirs (what removal leaves of words). Out: the record's `words_out`. The prompts of the tests stay as they are:
a direction without the words reads nothing of them that the stories' words carry.
Source: ours. What it can't tell: see `removal`; a test that is lost may have rested on the words or on an emotion that only its words
show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.experiments import reliability
from emotion_vectors.experiments.baselines import measure as baselines
from emotion_vectors.experiments.baselines.record import Baselines, Row
from emotion_vectors.experiments.criteria import json_number
from emotion_vectors.experiments.words_out.record import (
    LENS,
    OWN,
    STATIC,
    Column,
    LensCount,
    WordsOut,
)
from emotion_vectors.experiments.words_out.removal import Removed, Sums, remove
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.vectors.directions import contrast, cosine
from emotion_vectors.vectors.halves import TopicSums

PENALTY = 0.05  # of the ridge, in units of a component's mean sum of squares


class Given(NamedTuple):
    """One representation of the stories: its sums, how a contrast becomes vectors, and the tests' texts for such vectors."""

    sums: Sums
    finish: Callable[[np.ndarray], np.ndarray]
    represent: Callable[[str, np.ndarray], baselines.Representation]


class Left(NamedTuple):
    """A column after removal, with how many components were removed, fitted on how many topics but one."""

    column: Column
    components: int
    folds: int


def left(
    name: str,
    given: Given,
    lens: Callable[[np.ndarray], Sequence[Criterion]] | None,
    pack: Pack,
    emotions: Sequence[str],
    nats: np.ndarray,
    resamples: int,
    seed: int,
) -> Left:
    """What the tests say of one representation after removal; `lens` judges V1 and V2 of vectors (n, d), None: not asked."""
    found = remove(given.sums, PENALTY)
    vectors = given.finish(contrast(found.means))
    row = baselines.measure(given.represent(name, vectors), pack, emotions, nats, resamples, seed)
    judged = [_lens(one) for one in lens(vectors)] if lens else [None, None]
    column = _after(row, judged, given.sums, found, emotions, resamples, seed)
    return Left(column, given.sums.z.shape[-1], int((given.sums.counts.sum(axis=1) > 0).sum()))


def run(
    own: Left,
    others: Left,
    static: Left,
    beside: Baselines,
    criteria: Sequence[Criterion],
    split_half: Mapping[str, Any] | None,
) -> WordsOut:
    """The table: the vectors before and after removal, of other stories' words too, and the static embeddings before and after.

    `beside` and `criteria` have the values before it, `split_half` the reliability of the vectors.
    """
    by_id = {criterion.id: criterion for criterion in criteria}
    rows = {row.name: row for row in beside.rows}
    counts = [_lens(by_id[name]) for name in LENS]
    columns = [
        _before(rows[baselines.RESIDUAL], OWN, counts, split_half), own.column, others.column,
        _before(rows[STATIC], STATIC, [None, None], None), static.column,
    ]  # fmt: skip
    of = {name: by_id[name].of for name in LENS}
    of |= {
        name: beside.of.get(name)
        for name in ("V3", "V4", "V5", "V6", "V8", "V9", "heldout", "retrieval", "retrieval_rank")
    }
    return WordsOut(components=own.components, folds=own.folds, of=of, columns=columns)


def _lens(criterion: Criterion) -> LensCount | None:
    if criterion.value is None or criterion.null is None:
        return None
    return LensCount(value=criterion.value, p=criterion.null.p)


def _before(row: Row, name: str, counts: Sequence[LensCount | None], split_half: Mapping[str, Any] | None) -> Column:
    """A set of vectors that nothing was removed from."""
    return Column(
        row=row.model_copy(update={"name": name}), V1=counts[0], V2=counts[1], explained=None, cosine=None, norm=None,
        reliability=None if split_half is None else split_half["median"], reliability_p=None if split_half is None else split_half["p"],
    )  # fmt: skip


def _after(
    row: Row, judged: Sequence[LensCount | None], sums: Sums, left: Removed, emotions: Sequence[str], resamples: int, seed: int
) -> Column:  # fmt: skip
    before = contrast(TopicSums(sums.y, sums.counts).sums.sum(axis=0) / sums.counts.sum(axis=0)[:, None])
    after = contrast(left.means)
    lengths = np.linalg.norm(before, axis=1)
    known = lengths > 0
    halves = reliability.split_half(left.sums, emotions, resamples, seed)
    return Column(
        row=row, V1=judged[0], V2=judged[1], explained=left.explained,
        cosine=json_number(float(np.median(np.diag(cosine(after, before))))),
        norm=json_number(float(np.median(np.linalg.norm(after, axis=1)[known] / lengths[known]))) if known.any() else None,
        reliability=None if halves is None else halves["median"], reliability_p=None if halves is None else halves["p"],
        reliability_of={} if halves is None else {one["emotion"]: one["r"] for one in halves["rows"]},
    )  # fmt: skip
