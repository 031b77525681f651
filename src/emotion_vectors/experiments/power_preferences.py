"""What could this run have seen? V7 to V11: preferences, their correlation with emotions, and steering. See `power`.

Shapes: a activities, n emotions, b bootstrap draws, c chance draws, m steered emotions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from emotion_vectors.experiments.correlation.counting import count_interval
from emotion_vectors.experiments.criteria import Null
from emotion_vectors.experiments.power import DRAWS, OWN, SHARES, SIMULATIONS, Judged, detectable, generator
from emotion_vectors.experiments.valences import valence_gap
from emotion_vectors.record.criterion import Detectable
from emotion_vectors.stats import nulls
from emotion_vectors.stats.correlation import pearson, standardised
from emotion_vectors.stats.power import bootstrap_index, pearson_intervals

WITHIN = 0.05


def gap(judged: Judged, points: np.ndarray, categories: Sequence[str], half_width: float, seed: int) -> Detectable:
    """V7: Elo points between the category means, evenly spaced; `points` (a,) are the scores.

    Noise: what the activities scatter around their category's mean, shuffled. `half_width` is that of the run's own interval;
    simulated ones are as wide for their scatter as that one is for the run's.
    """
    random, names = generator("V7", seed), list(dict.fromkeys(categories))
    codes = np.array([names.index(name) for name in categories])
    share = np.eye(len(names))[codes] / np.bincount(codes)
    left = points - (points @ share)[codes]
    left = left * np.sqrt(len(left) / max(len(left) - len(names), 1))  # the means took some of the scatter away
    noise = np.array([random.permutation(left) for _ in range(SIMULATIONS)])
    dealt = nulls.permuted_rows(len(points), None, DRAWS, int(random.integers(2**31)))
    places = np.linspace(-0.5, 0.5, len(names))[codes]

    def scatter(scores: np.ndarray, means: np.ndarray) -> np.ndarray:
        """(s,) standard error of the gap between the extreme categories of scores (s, a)."""
        variance = ((scores - means[:, codes]) ** 2) @ share / np.bincount(codes)
        rows = np.arange(len(scores))
        return np.sqrt(variance[rows, means.argmax(1)] + variance[rows, means.argmin(1)])

    own = scatter(points[None], (points @ share)[None])[0]
    wide = half_width / own if own > 0 else np.nan

    def simulate(effect: float) -> list[str]:
        scores = noise + effect * places
        means = scores @ share
        found, reach = np.ptp(means, axis=1), wide * scatter(scores, means)
        null = np.stack([np.ptp(one[dealt] @ share, axis=1) for one in scores])
        p = nulls.permutation_p(found, null.T)
        cases = zip(found, found - reach, found + reach, p, null.mean(1), strict=True)
        return [
            judged._replace(null=Null(judged.null.what, float(by), 1.0)).why(value, low, high, chance)
            for value, low, high, chance, by in cases
        ]

    largest = float(max(4000.0, 4 * np.ptp(points)))
    return detectable(
        simulate, np.linspace(0, largest, 201), "Elo points between the extreme categories", "the category means been spread over {} Elo points",
        f"categories {largest:.0f} Elo points apart", judged,
    )  # fmt: skip


def alignment(
    judged: Judged,
    positive: np.ndarray,
    r: np.ndarray,
    draws: np.ndarray,
    chance: Sequence[np.ndarray],
    aligned: Callable[[np.ndarray, np.ndarray], np.ndarray],
    seed: int,
) -> Detectable:
    """V8: the difference in mean r between positive and negative emotions.

    `positive` (n,), the run's r (n,), its bootstrap draws (b, n), and the draws (c, n) of both nulls; noise: a set of vectors turned
    at random (the last of `chance`), to whose r half of the difference is added with the sign of the valence, as Fisher's z.
    """
    _, z, spread = _noise("V8", r, draws, chance[-1], seed)
    sign = np.where(positive, 1.0, -1.0)
    gaps = [valence_gap(one, positive) for one in chance]

    def simulate(effect: float) -> list[str]:
        moved = z + np.arctanh(effect / 2) * sign
        p = np.max([nulls.permutation_p(valence_gap(np.tanh(moved), positive), one[:, None]) for one in gaps], axis=0)
        found = []
        for row, one in zip(moved, p, strict=True):
            ends = np.quantile(aligned(row + spread, positive), [0.025, 0.975], method="closest_observation")
            found.append(judged.why(float(aligned(row, positive)), float(ends[0]), float(ends[1]), float(one)))
        return found

    return detectable(
        simulate, np.linspace(0, 1.9, 96), "difference in mean r between the valences",
        "the mean r of positive and negative emotions truly differed by {}", "a difference of 1.9 in mean r", judged,
    )  # fmt: skip


def correlated(
    judged: Judged, strong: float, r: np.ndarray, draws: np.ndarray, chance: Sequence[np.ndarray], seed: int
) -> Detectable:
    """V9: share of the emotions with a true |r| of 0.5, the others being as a set of vectors turned at random."""
    random, z, spread = _noise("V9", r, draws, chance[-1], seed)
    n, null = len(r), [(np.abs(one) > strong).sum(-1) for one in chance]
    uniform, limit, true = random.random(z.shape), np.arctanh(strong), np.arctanh(0.5)
    planted = z + true * np.where(z >= 0, 1.0, -1.0)

    def simulate(share: float) -> list[str]:
        moved = np.where(uniform < share, planted, z)
        counts = (np.abs(moved) > limit).sum(1)
        p = np.max([nulls.permutation_p(counts, one[:, None]) for one in null], axis=0)
        found = []
        for row, count, one in zip(moved, counts, p, strict=True):
            ends = count_interval(float(count), (np.abs(row + spread) > limit).sum(-1), n)  # as for the run itself
            found.append(judged.why(float(count), *ends, float(one)))
        return found

    by_chance = float((np.abs(z) > limit).mean())
    return detectable(
        simulate, SHARES, f"share of the emotions with |r| > {strong}", f"{{}} of the emotions had |r| > {strong} (true |r| of 0.5)",
        "every emotion correlated", judged, lambda share: share + (1 - share) * by_chance,
    )  # fmt: skip


def _noise(
    name: str, r: np.ndarray, draws: np.ndarray, turned: np.ndarray, seed: int
) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    """Fisher's z of some turned sets (s, n), and of what bootstrap draws differ from the run's r by (b, n)."""
    random = generator(name, seed)
    known = [
        _z(turned[random.integers(len(turned), size=SIMULATIONS)]),
        _z(draws[:: max(1, len(draws) // DRAWS)]) - _z(r),
    ]
    return random, known[0], known[1]


def _z(r: np.ndarray) -> np.ndarray:
    return np.arctanh(np.clip(np.nan_to_num(r), -0.999999, 0.999999))


def coupling(
    judged: Judged,
    r: np.ndarray,
    nats: np.ndarray,
    labels: np.ndarray,
    beyond: Callable[[np.ndarray, np.ndarray], float],
    seed: int,
) -> Detectable:
    """V10: the true r between effect and correlation with preference.

    `r` and `nats` (m,) are the run's; `labels` (m,) the valences as 1, -1 and 0 (not given); `beyond(weights, nats)` the p against
    control directions. The effects are shuffled and a part that follows r is mixed in; their size stays.
    """
    random, m = generator("V10", seed), len(r)
    across, size = standardised(r), float(np.std(nats))
    noise = np.array([standardised(random.permutation(nats)) for _ in range(SIMULATIONS)])
    index = bootstrap_index(m, DRAWS, (seed, OWN, 10))
    dealt = nulls.permuted_rows(m, None, DRAWS, int(random.integers(2**31)))
    kept = labels != 0
    inside = nulls.permuted_rows(int(kept.sum()), labels[kept].tolist(), DRAWS, int(random.integers(2**31)))

    def within(row: np.ndarray) -> bool:
        """Whether the effects follow r inside the valences too, as V10 demands."""
        x, y, kinds = r[kept].copy(), row[kept].copy(), labels[kept]
        for kind in (1, -1):
            if (kinds == kind).any():
                x[kinds == kind] -= x[kinds == kind].mean()
                y[kinds == kind] -= y[kinds == kind].mean()
        if len(x) < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
            return False
        return bool(nulls.permutation_p(float(pearson(x, y)), pearson(y[inside].T, x)) <= WITHIN)

    def simulate(effect: float) -> list[str]:
        rows = size * np.sqrt(m) * (effect * across + np.sqrt(1 - effect**2) * noise)
        value, low, high = pearson_intervals(r, rows, index)
        found = []
        for one, row, *ends in zip(value, rows, low, high, strict=True):
            p = max(float(nulls.permutation_p(one, pearson(row[dealt].T, r))), beyond(r - r.mean(), row))
            found.append(
                judged.why(
                    float(one),
                    float(ends[0]),
                    float(ends[1]),
                    p,
                    "" if within(row) else "two clusters could give this r",
                )
            )
        return found

    return detectable(
        simulate, np.linspace(0, 1, 51), "true r of effect and correlation", "the true r of effect and correlation been {}",
        "effects of this size that follow the correlation exactly", judged,
    )  # fmt: skip


def signs(
    judged: Judged, positive: np.ndarray, nats: np.ndarray, beyond: Callable[[np.ndarray, np.ndarray], float], seed: int
) -> Detectable:
    """V11: share of the steered emotions whose effect has the sign of the valence.

    The sizes of the run's own effects `nats` (m,) are shuffled and given random signs; a share gets the sign of its valence.
    """
    random, m = generator("V11", seed), len(nats)
    wanted = np.where(positive, 1.0, -1.0)
    uniform, coin = random.random((SIMULATIONS, m)), random.choice([-1.0, 1.0], size=(SIMULATIONS, m))
    sizes = np.abs(np.array([random.permutation(nats) for _ in range(SIMULATIONS)]))
    dealt = nulls.permuted_rows(m, None, DRAWS, int(random.integers(2**31)))
    both = positive.any() and not positive.all()
    weights = np.where(positive, 1 / max(positive.sum(), 1), -1 / max((~positive).sum(), 1))
    tables: dict[int, list[str]] = {}

    def simulate(share: float) -> list[str]:
        rows = sizes * np.where(uniform < share, wanted, coin)
        found = []
        for row in rows:
            right = int((np.sign(row) == wanted).sum())
            null = (np.sign(row)[dealt] == wanted).sum(axis=1)
            p = max(float(nulls.permutation_p(right, null)), beyond(weights, row)) if both else 1.0
            tables[0] = judged.counts(m, np.full(m + 1, 0.0)) if 0 not in tables else tables[0]
            why = tables[0][right]
            found.append(why or ("" if p <= WITHIN else "chance can't be ruled out"))
        return found

    return detectable(
        simulate, SHARES, "share of effects with the sign of the valence", "{} of the effects had the sign of the valence",
        "every sign right, by effects of this size", judged, lambda share: share + (1 - share) / 2,
    )  # fmt: skip
