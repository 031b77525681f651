"""What could this run have seen? For each criterion the smallest effect that would have passed with 80 % power.

In: the run's own noise (chance draws of its nulls, its clusters, its numbers of items). Out: the `detectable` part of a
criterion: an effect in the criterion's own unit. Method: effects of growing size are planted into that noise, each
simulated run is judged by the very rule that judges the real one (`criteria.decide`, with its interval, nulls, bar, block and
cap), and the smallest effect that passes in 80 % of them is taken. The nulls are the run's own draws.
V1 to V6 are here, V7 to V11 in `power_preferences`. Source: ours. What it can't tell: whether an effect of that size exists, and
what a run with other stories would see; the planted effect is the same for all items, a real one need not be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from emotion_vectors.experiments.criteria import Null, Threshold, decide, json_number, number
from emotion_vectors.record.criterion import Detectable
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.stats.power import (
    POWER,
    bootstrap_index,
    cluster_intervals,
    share_intervals,
    smallest,
    with_share,
)

SIMULATIONS, DRAWS = 200, 400
ALPHA = 0.05
SHARES = np.linspace(0, 1, 101)
# Seeds of the planted runs; the second number keeps them apart from every other draw of the run.
OWN = 15_000


class Judged(NamedTuple):
    """The rule of one criterion, for a planted value."""

    null: Null
    threshold: Threshold
    blocked: str = ""

    def why(self, value: float, low: float, high: float, p: float, capped: str = "") -> str:
        """Why the value does not pass, or "" where it does."""
        verdict, because = decide(
            value, (low, high), replace(self.null, p=float(p)), self.threshold, self.blocked, capped
        )
        return "" if verdict == "pass" else because

    def counts(self, of: int, p: np.ndarray) -> list[str]:
        """`why` of every count from 0 to `of`, with Wilson's interval; `p` (of + 1,)."""
        return [self.why(count, *intervals.around(count, of), p[count]) for count in range(of + 1)]


def detectable(
    simulate: Callable[[float], Sequence[str]],
    effects: np.ndarray,
    unit: str,
    words: str,
    largest: str,
    judged: Judged,
    shown: Callable[[float], float] = float,
) -> Detectable:
    """The `detectable` part: `simulate(effect)` says of each simulated run why it does not pass, "" where it passes.

    `shown` turns a planted effect into the unit; `words` is a clause with {} for the value, `largest` says what the last of
    `effects` is.
    """

    def found(sentence: str, value: float | None = None) -> Detectable:
        return Detectable(value=value, unit=unit, power=POWER, sentence=sentence)

    if judged.blocked:
        return found(f"No effect could have passed: {judged.blocked}.")
    known: dict[float, Sequence[str]] = {}

    def power(effect: float) -> float:
        known[effect] = known.get(effect) or simulate(effect)
        return float(np.mean([why == "" for why in known[effect]]))

    effect = smallest(power, effects.tolist())
    if effect is not None:
        value = json_number(shown(effect))
        return found(f"It would have passed with 80 % power had {words.format(_written(value or 0.0, unit))}.", value)
    last = known[float(effects[-1])]
    reason = Counter(why for why in last if why).most_common(1)[0][0]
    passing = float(np.mean([why == "" for why in last]))
    if passing == 0:
        return found(f"No effect could have passed: even with {largest}, {reason}.")
    return found(f"No effect reaches 80 % power: even with {largest}, {100 * passing:.0f} % of such runs would pass.")


def _written(value: float, unit: str) -> str:
    """A share in per cent, anything else with three digits."""
    return f"{100 * value:.0f} %" if unit.startswith("share") else number(value)


def generator(name: str, seed: int) -> np.random.Generator:
    """The random numbers of one criterion's planted runs."""
    return np.random.default_rng((seed, OWN, int(name[1:])))


def recognised(
    judged: Judged, chance: np.ndarray, spelled: np.ndarray, static: np.ndarray, dealt: Sequence[np.ndarray], seed: int
) -> Detectable:
    """V1: share of the emotions whose vector truly promotes its own word.

    `chance` (n,): how often each word is among the top tokens of another emotion's vector; `spelled` (n,) bool: it is one token;
    `static` (n,) bool: the words alone recognise it; `dealt`: the draws (b,) of the nulls.
    """
    random, n = generator("V1", seed), len(chance)
    uniform, noise = random.random((SIMULATIONS, n)), random.random((SIMULATIONS, n)) < chance
    p = np.max([nulls.permutation_p(np.arange(n + 1), draws[:, None]) for draws in dealt], axis=0)
    by_count = judged.counts(n, p)

    def simulate(share: float) -> list[str]:
        hits = with_share(noise, np.broadcast_to(spelled, noise.shape), share, uniform).astype(bool)
        only, other = (hits & ~static).sum(1), (static & ~hits).sum(1)
        tested = stats.binom.sf(only - 1, only + other, 0.5)  # McNemar's exact test, as for the run itself
        why = [by_count[count] for count in hits.sum(1)]
        return [one or ("" if t <= ALPHA else "the words alone do as well") for one, t in zip(why, tested, strict=True)]

    largest = f"all {int(spelled.sum())} words that are one token recognised"
    words = "{} of the vectors truly promoted their own word"
    return detectable(
        simulate, SHARES, "share of the emotions whose own word is truly promoted", words, largest, judged
    )


def pairs(judged: Judged, of: int, chance: float, draws: np.ndarray, seed: int) -> Detectable:
    """V2: share of the `of` opposite pairs that truly point apart.

    `chance`: share of random pairs that are negative; `draws` (b,): counts of random pairings, with every opposite pair negative that they meet.
    """
    random = generator("V2", seed)
    uniform, noise = random.random((SIMULATIONS, of)), random.random((SIMULATIONS, of)) < chance
    by_count = judged.counts(of, nulls.permutation_p(np.arange(of + 1), draws[:, None]))

    def simulate(share: float) -> list[str]:
        return [by_count[count] for count in with_share(noise, True, share, uniform).sum(1).astype(int)]

    words = "{} of the opposite pairs truly pointed apart"
    largest = f"every one of {of} pairs negative"
    return detectable(simulate, SHARES, "share of opposite pairs that truly point apart", words, largest, judged)


class Asked(NamedTuple):
    """A battery of s scenarios: ranks (p, s) of all p probes, the intended one of each (s,), and its null of both measures."""

    table: np.ndarray
    targets: np.ndarray
    null_first: np.ndarray  # (b,) share or count of intended probes that rank first, with the intentions shuffled
    null_mean: np.ndarray  # (b,) mean rank

    def ranks_by_chance(self, random: np.random.Generator) -> np.ndarray:
        """(simulations, s) ranks with the emotions assigned at random to the groups of scenarios that imply one."""
        emotions, group = np.unique(self.targets, return_inverse=True)
        order = np.array([random.permutation(len(emotions)) for _ in range(SIMULATIONS)])
        return self.table[emotions[order][:, group], np.arange(len(self.targets))]


def implied(judged: tuple[Judged, Judged], asked: Asked, seed: int) -> list[Detectable]:
    """V3, V4: probability that the intended probe is first, and the mean rank that goes with it.

    A share of the scenarios has its intended probe put first, the others' ranks are as by chance. Intervals draw emotions with
    all their scenarios again, as the run's own do.
    """
    random, size = generator("V3", seed), len(asked.targets)
    noise, uniform = asked.ranks_by_chance(random), random.random((SIMULATIONS, size))
    emotions, group = np.unique(asked.targets, return_inverse=True)
    member, index = np.eye(len(emotions))[group], bootstrap_index(len(emotions), DRAWS, (seed, OWN, 4))
    v3, v4 = judged

    def first(share: float) -> list[str]:
        hits = with_share(noise, 1.0, share, uniform) == 1
        counts, (low, high) = hits.sum(1), cluster_intervals(hits @ member, index)
        p = nulls.permutation_p(counts, asked.null_first[:, None])
        cases = zip(counts, low, high, p, strict=True)
        return [v3.why(count, *intervals.around(int(count), size, ends), chance) for count, *ends, chance in cases]

    def mean(share: float) -> list[str]:
        ranks = with_share(noise, 1.0, share, uniform)
        low, high = cluster_intervals(ranks @ member, index)
        values = ranks.mean(1)
        p = nulls.permutation_p(values, asked.null_mean[:, None], "less")
        return [v4.why(*one) for one in zip(values, low / size, high / size, p, strict=True)]

    chance_first, chance_mean = float((noise == 1).mean()), float(noise.mean())
    largest = "the intended probe first in every scenario"
    return [
        detectable(first, SHARES, "probability that the intended probe is first", "the intended probe been first with a probability of {}",
                   largest, v3, lambda share: share + (1 - share) * chance_first),
        detectable(mean, SHARES, "mean rank", "the mean rank been {} or better", largest, v4,
                   lambda share: share + (1 - share) * chance_mean),
    ]  # fmt: skip


def curves(judged: Judged, excess: np.ndarray, expected: np.ndarray, seed: int) -> Detectable:
    """V5: share of curves that exceed their twin's in the expected direction.

    `excess` (c, t, 4) are those of sets of directions turned at random, `expected` (t, 4) the signs (0: none). A share of the
    curves of a turned set is given the expected sign; its size stays.
    """
    random = generator("V5", seed)
    rows, named = random.integers(len(excess), size=SIMULATIONS), expected != 0
    uniform, of = random.random((SIMULATIONS, *expected.shape)), int(named.sum())
    held = np.flatnonzero(named.any(axis=1))
    index = bootstrap_index(len(held), DRAWS, (seed, OWN, 6))
    signed = excess * expected
    right = signed > 0
    null_right, null_size = right.sum((1, 2)), signed[:, named].mean(axis=1)

    def signs(share: float) -> list[str]:
        table = with_share(right[rows], named, share, uniform).astype(bool) & named
        size = with_share(signed[rows], np.abs(signed[rows]), share, uniform)[:, named].mean(axis=1)
        counts = table.sum((1, 2))
        p = np.maximum(nulls.permutation_p(counts, null_right[:, None]), nulls.permutation_p(size, null_size[:, None]))
        low, high = share_intervals(table.sum(2)[:, held], named.sum(1)[held], index)
        cases = zip(counts, low * of, high * of, p, strict=True)
        return [judged.why(count, *intervals.around(int(count), of, ends), chance) for count, *ends, chance in cases]

    by = float(null_right.mean()) / max(of, 1)
    return detectable(
        signs, SHARES, "share of curves beyond their twin's", "{} of the curves exceeded their twin's in the expected direction",
        "every curve beyond its twin's", judged, lambda share: share + (1 - share) * by,
    )  # fmt: skip


def trends(judged: Judged, rho: np.ndarray, strong: float, seed: int) -> Detectable:
    """V6: share of curves with |rho| above `strong`; `rho` (c, t, 4) are those of sets of directions turned at random."""
    random = generator("V6", seed)
    rows, uniform = random.integers(len(rho), size=SIMULATIONS), random.random((SIMULATIONS, *rho.shape[1:]))
    index, steady = bootstrap_index(rho.shape[1], DRAWS, (seed, OWN, 6)), np.abs(rho) > strong

    def simulate(share: float) -> list[str]:
        table = with_share(steady[rows], True, share, uniform).astype(bool)
        counts, (low, high) = table.sum((1, 2)), cluster_intervals(table.sum(2), index)
        p = nulls.permutation_p(counts, steady.sum((1, 2))[:, None])
        of = steady[0].size
        cases = zip(counts, low, np.minimum(high, of), p, strict=True)
        return [
            judged.why(count, *intervals.with_width((start, end), int(count), of), one)
            for count, start, end, one in cases
        ]

    by = float(steady.mean())
    return detectable(
        simulate, SHARES, f"share of curves with |rho| > {strong}", f"{{}} of the curves had |rho| > {strong}",
        f"|rho| > {strong} for every curve", judged, lambda share: share + (1 - share) * by,
    )  # fmt: skip
