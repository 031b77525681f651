"""V2: do the vectors of opposite emotions point apart in logit space?

In: the logit vectors (n, v) of n emotions, the five published pairs and a longer list of ours, fixed beforehand. Out: for every
pair the dot product and cosines, and V2: how many pairs of ours have a negative dot product.
Source: Hong (2026), section 3.1 for the five pairs, whose count keeps Hong's verdict; the longer list is ours. Five pairs
are too few for a verdict: random pairs of emotions are all five negative too often (`best_p`: p if all pairs were negative, also where
a random pairing meets one of them; of two pairs one in three pairings is the very same).
Null: the same words paired at random, so that what the words share, their valence above all, stays in it. A second one keeps the
valences of every pair and shuffles who is paired with whom: what only opposites, and not merely good and bad, give.
What it can't tell: whether a pair is opposite was judged by us and by nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments import power
from emotion_vectors.experiments.criteria import Null, Seed, chance_of, judge, known_number, not_asked, number, scaled
from emotion_vectors.experiments.lens.record import Opposites, Pair, PairsTest, WithinValence
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.vectors.directions import cosine

SEED_BAR, SEED_PAIRS = 4, 5
ALPHA = 0.05
UNIT = "opposite pairs with a negative dot product"
Named = Sequence[tuple[str, str]]


class Found(NamedTuple):
    """What the lens's part of the record says of the pairs."""

    pairs: list[Pair]
    pairs_test: PairsTest
    opposites: Opposites


class Pairs(NamedTuple):
    """The published pairs and ours; pairs with a word that a run lacks are left out."""

    published: Named = ()
    ours: Named = ()


def run(
    emotions: Sequence[str],
    logits: np.ndarray,
    unit_vectors: np.ndarray,
    pairs: Pairs,
    valence: Mapping[str, str],
    resamples: int,
    seed: int,
    *,
    detect: bool = False,
) -> tuple[Found, Criterion]:
    """The record's `pairs`, `pairs_test` and `opposites`, and V2, from logits (n, v) and directions (n, d).

    V2 is not asked where no pair of either list is in the run. `detect` adds what it could have seen.
    """
    index = {emotion: row for row, emotion in enumerate(emotions)}
    five, ours = (np.array([(index[a], index[b]) for a, b in some if a in index and b in index], dtype=np.intp).reshape(-1, 2)
                  for some in pairs)  # fmt: skip
    dots = logits @ logits.T
    few = _published(dots, five, resamples, seed)
    labels = [valence.get(emotion, "") for emotion in emotions]
    many, best = _ours(dots, ours, labels, _rows(emotions, dots, unit_vectors, ours), resamples, seed)
    found = Found(_rows(emotions, dots, unit_vectors, five), few, many)
    if not len(five) and not len(ours):
        return found, not_asked("V2", "No opposite pair has both of its emotions in this run.")
    v2 = _criterion(few, many)
    if detect and len(ours):
        judged = power.Judged(chance_of(v2), scaled(SEED_BAR, len(ours), SEED_PAIRS), _too_few(many))
        v2 = v2.with_detectable(power.pairs(judged, len(ours), known_number(many.null) / len(ours), best, seed))
    return found, v2


def _rows(emotions: Sequence[str], dots: np.ndarray, unit_vectors: np.ndarray, pairs: np.ndarray) -> list[Pair]:
    return [
        Pair(
            a=str(emotions[a]), b=str(emotions[b]), dot=float(dots[a, b]),
            cosine=float(dots[a, b] / np.sqrt(dots[a, a] * dots[b, b])),
            vector_cosine=float(cosine(unit_vectors[[a]], unit_vectors[[b]])[0, 0]),
        )
        for a, b in pairs
    ]  # fmt: skip


def _published(dots: np.ndarray, pairs: np.ndarray, resamples: int, seed: int) -> PairsTest:
    """The published pairs against random pairs of emotions, and the p that the best possible count would have."""
    negative = dots < 0
    count, of = int(negative[tuple(pairs.T)].sum()), len(pairs)
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(len(dots))[: 2 * of].reshape(-1, 2) for _ in range(resamples)]
    null, best = counted(negative, drawn), counted(opposed(negative, pairs), drawn)
    if not of:
        return PairsTest(count=count, of=of, interval=None, null=None, p=None, best_p=None)
    return PairsTest(
        count=count, of=of, interval=list(intervals.around(count, of)), null=float(null.mean()),
        p=float(nulls.permutation_p(count, null)), best_p=float(nulls.permutation_p(of, best)),
    )  # fmt: skip


def _ours(
    dots: np.ndarray, pairs: np.ndarray, valence: Sequence[str], rows: list[Pair], resamples: int, seed: int
) -> tuple[Opposites, np.ndarray]:
    """Count, interval, both nulls and p of our pairs (m, 2); also the draws (b,) of the first null if all pairs were negative."""
    negative = dots < 0
    hits = negative[pairs[:, 0], pairs[:, 1]]
    count, of, words = int(hits.sum()), len(pairs), len(np.unique(pairs))
    if not of:
        return Opposites(
            count=count, of=of, words=words, interval=None, null=None, p=None, best_p=None, within_valence=None, pairs=rows
        ), np.zeros(0)  # fmt: skip
    drawn = paired_anew(pairs, resamples, seed)
    null, best = counted(negative, drawn), counted(opposed(negative, pairs), drawn)
    labels = [f"{valence[a]} {valence[b]}" for a, b in pairs]
    seconds = nulls.permuted_rows(of, labels, resamples, seed)
    within = negative[pairs[:, 0], pairs[:, 1][seconds]].sum(axis=1)
    return Opposites(
        count=count, of=of, words=words, interval=_interval(hits, pairs, resamples, seed), null=float(null.mean()),
        p=float(nulls.permutation_p(count, null)), best_p=float(nulls.permutation_p(of, best)),
        within_valence=WithinValence(null=float(within.mean()), p=float(nulls.permutation_p(count, within))), pairs=rows,
    ), best  # fmt: skip


def counted(negative: np.ndarray, drawn: Sequence[np.ndarray]) -> np.ndarray:
    """(b,) how many pairs of each random pairing (m, 2) are negative in the table (n, n)."""
    return np.array([negative[tuple(cast.T)].sum() for cast in drawn], dtype=np.float64)


def opposed(negative: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The table (n, n) of a run in which all of `pairs` (m, 2) are negative and everything else is as it is."""
    found = negative.copy()
    found[pairs[:, 0], pairs[:, 1]] = found[pairs[:, 1], pairs[:, 0]] = True
    return found


def paired_anew(pairs: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """`count` random pairings (m, 2) of the words of `pairs` (m, 2), each word as often as there, none with itself."""
    generator, drawn = np.random.default_rng(seed), []
    while len(drawn) < count:
        cast = generator.permutation(pairs.ravel()).reshape(-1, 2)
        if (cast[:, 0] != cast[:, 1]).all():
            drawn.append(cast)
    return drawn


def families(pairs: np.ndarray) -> list[int]:
    """For each pair (m, 2) the number of its family: pairs that share a word, over any number of steps, have the same."""
    family = list(range(len(pairs)))
    holders: dict[int, int] = {}
    for row, pair in enumerate(pairs.tolist()):
        for word in pair:
            other = family[holders.setdefault(word, row)]
            family = [family[row] if one == other else one for one in family]
    return family


def _interval(hits: np.ndarray, pairs: np.ndarray, resamples: int, seed: int) -> list[float]:
    """95 % interval of the count, by families of pairs where there are several."""
    of, family, ends = len(hits), families(pairs), []
    if len(set(family)) > 1:
        drawn, _ = intervals.cluster_bootstrap(lambda rows: hits[rows].mean(), family, repeats=resamples, seed=seed)
        ends = [float(drawn.low) * of, float(drawn.high) * of]
    return list(intervals.around(int(hits.sum()), of, ends))


def _criterion(few: PairsTest, many: Opposites) -> Criterion:
    """V2: ours decides; the five keep the verdict of the earlier reproduction."""
    nothing = float("nan")
    low, high = many.interval or (nothing, nothing)
    return judge(
        "V2", "Opposite pairs point apart", many.count, (low, high),
        Null("the same words paired at random", known_number(many.null), known_number(many.p)), scaled(SEED_BAR, int(many.of), SEED_PAIRS), UNIT,
        int(many.of), note=f"{_few(few)} {_within(many)}".strip(), blocked=_too_few(many),
        seed=Seed(few.count, scaled(SEED_BAR, int(few.of), SEED_PAIRS), UNIT, int(few.of)),
    )  # fmt: skip


def _too_few(many: Opposites) -> str:
    """Why our pairs of this run can't carry a verdict, or "" where they can."""
    if many.best_p is None:
        return "no pair of ours has both of its emotions in this run"
    if many.best_p > ALPHA:
        all_of_them = "its one pair" if many.of == 1 else f"all {number(many.of)}"
        return f"this run has too few pairs: even with {all_of_them} negative p would be {number(many.best_p)}"
    return ""


def _few(few: PairsTest) -> str:
    """The published pairs as a sentence, and whether they could have shown anything."""
    if few.null is None or few.p is None or few.best_p is None:
        return "None of the published pairs is in this run."
    found = f"Of the published pairs {few.count} of {few.of} (random pairs of emotions {number(few.null)}, p = {number(few.p)})"
    if few.best_p > ALPHA:
        return f"{found}; no count of so few pairs could exclude chance: {few.of} of {few.of} has p = {number(few.best_p)}."
    return f"{found}."


def _within(many: Opposites) -> str:
    within = many.within_valence
    if within is None:
        return ""
    return (
        f"With the partners shuffled among pairs of the same valences it is {number(within.null)} "
        f"(p = {number(within.p)})."
    )
