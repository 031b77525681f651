"""V5 and V6: do the vectors follow what a number in the prompt means?

In: activations at the response position for every value of every numeric template, and the vectors of afraid, happy, sad
and calm. Out: cosine curves, Spearman's rho of value and cosine, and counts of expected signs and of strong rho.
Source: paper, Figure 3; Hong (2026), section 3.3. Expected signs are fixed in the pack beforehand; "none" is not counted.
Effect size: the change in cosine from the lowest to the highest value, in the expected direction, by a line over the ranks
of the values. Its mean over the curves is compared with that of random directions as well.
What it can't tell: with six values a random direction is often strongly monotone, so V6 is weak by construction; the
null plays the same game with random directions that have the mutual angles of the four vectors. Nor whether the number's
meaning moves a curve or the number itself: `twins` asks that, and gives V5 its verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments import power
from emotion_vectors.experiments.chance import turned_projections
from emotion_vectors.experiments.criteria import (
    Null,
    chance_of,
    json_number,
    judge,
    known_number,
    not_asked,
    number,
    scaled,
)
from emotion_vectors.experiments.numeric import twins
from emotion_vectors.experiments.numeric.curves import DECIMALS, SIGNS_BAR, SIGNS_OF, fitted_change, probes_of, sign_of
from emotion_vectors.experiments.numeric.record import ChangeSize, Numeric, TemplateCurves
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.stats.correlation import spearman_rows
from emotion_vectors.stimuli.items import NUMERIC_EMOTIONS, NumericTemplate, TwinnedTemplate
from emotion_vectors.vectors.directions import cosine, unit

STRONG = 0.7
STRONG_BAR = 12
ALPHA = 0.05


class Curves(NamedTuple):
    """What is taken from the curves of t templates and 4 emotions, for the vectors and for c turned sets of them."""

    rho: np.ndarray  # (t, 4) Spearman's rho
    random_rho: np.ndarray  # (c, t, 4)
    change: np.ndarray  # (t, 4) fitted change in cosine, lowest to highest value
    random_change: np.ndarray  # (c, t, 4)


class Twinned(NamedTuple):
    """The templates with twins, and the activations (3, values, d) of each: template, twin, severity."""

    templates: Sequence[TwinnedTemplate]
    activations: Sequence[np.ndarray]


def run(
    templates: Sequence[NumericTemplate],
    activations: Sequence[np.ndarray],
    emotions: Sequence[str],
    vectors: np.ndarray,
    resamples: int,
    seed: int,
    *,
    twinned: Twinned | None = None,
    detect: bool = False,
) -> tuple[Numeric | None, list[Criterion]]:
    """The record's `numeric` part, V5 and V6; `activations[t]` is (values of template t, d), `vectors` (n, d).

    None, and neither is asked, where one of the four emotions is not in the run. Without `twinned` V5 is that of the first
    list. `detect` adds what V5 and V6 could have seen.
    """
    missing = [emotion for emotion in NUMERIC_EMOTIONS if emotion not in emotions]
    if missing:
        reason = f"The numeric templates are about {', '.join(NUMERIC_EMOTIONS)}; this run lacks {', '.join(missing)}."
        return None, [not_asked("V5", reason), not_asked("V6", reason)]
    probes = probes_of(emotions, vectors)
    everything = unit(np.concatenate(list(activations)).astype(np.float64))
    # (resamples, all values, emotions): the four probes turned together, so that what they share stays shared. A map of
    # normal numbers stretches by about sqrt(d): these are cosines but for a factor near 1, whose mean square is 1.
    turned = turned_projections(everything, probes, resamples, seed) / np.sqrt(probes.shape[1])
    rows, found, chance, start = [], [], [], 0
    for template, activation in zip(templates, activations, strict=True):
        values = np.array(template.values)
        curves = np.round(cosine(probes, activation), DECIMALS)
        random = np.moveaxis(turned[:, start : start + len(values)], 1, -1)
        rho, change = _spearman(curves, values), fitted_change(curves, values)
        found.append((rho, change))
        chance.append((_spearman(random, values), fitted_change(random, values)))
        start += len(values)
        rows.append(
            TemplateCurves(
                name=template.name, template=template.template, x_label=template.x_label,
                values=list(template.values), expected=dict(template.expected),
                cosine={e: curves[i].tolist() for i, e in enumerate(NUMERIC_EMOTIONS)},
                spearman={e: float(rho[i]) for i, e in enumerate(NUMERIC_EMOTIONS)},
                change={e: float(curves[i, -1] - curves[i, 0]) for i, e in enumerate(NUMERIC_EMOTIONS)},
                fitted_change={e: float(change[i]) for i, e in enumerate(NUMERIC_EMOTIONS)},
            )
        )  # fmt: skip
    (rho, change), (random_rho, random_change) = (
        [np.stack(part, axis=-2) for part in zip(*kind, strict=True)] for kind in (found, chance)
    )
    expected = np.array([[sign_of(t.expected[e]) for e in NUMERIC_EMOTIONS] for t in templates])
    curves = Curves(rho, random_rho, change, random_change)
    effect = _effect(curves, expected, resamples, seed)
    v5, v6 = _criteria(curves, effect, expected, resamples, seed, twinned is not None)
    if detect and len(templates) > 1:
        judged = power.Judged(chance_of(v6), scaled(STRONG_BAR, v6.of or 0, SIGNS_OF))
        v6 = v6.with_detectable(power.trends(judged, random_rho, STRONG, seed))
    own: dict[str, twins.Twins] = {}
    if twinned is not None:
        own["twins"], v5 = twins.run(*twinned, emotions, vectors, v5, resamples, seed, detect=detect)
    return Numeric(emotions=list(NUMERIC_EMOTIONS), templates=rows, effect=effect, **own), [v5, v6]


def _effect(found: Curves, expected: np.ndarray, resamples: int, seed: int) -> ChangeSize:
    """Mean change in cosine in the expected direction over the curves with an expected sign; templates are resampled whole."""
    named = expected != 0
    rows = np.flatnonzero(named.any(axis=1))
    if not rows.size:
        return ChangeSize(curves=0, **dict.fromkeys(("signs_p", "mean", "low", "high", "null_mean", "null_sd", "p")))
    signed = expected * found.change
    mean, null = signed[named].mean(), (expected * found.random_change)[:, named].mean(axis=1)
    low = high = float("nan")
    if len(rows) > 1:
        interval, _ = intervals.cluster_bootstrap(
            lambda index: signed[rows[index]][named[rows[index]]].mean(), range(len(rows)), repeats=resamples, seed=seed
        )
        low, high = min(float(interval.low), float(mean)), max(float(interval.high), float(mean))
    right, random_right = _right(found, expected)
    signs_p = nulls.permutation_p(right.sum(), random_right.sum((1, 2)))
    return ChangeSize(
        curves=int(named.sum()), signs_p=float(signs_p), mean=float(mean), low=json_number(low), high=json_number(high),
        null_mean=float(null.mean()), null_sd=float(null.std()), p=float(nulls.permutation_p(mean, null)),
    )  # fmt: skip


def _criteria(
    found: Curves, effect: ChangeSize, expected: np.ndarray, resamples: int, seed: int, twinned: bool
) -> list[Criterion]:
    """V5 without twins and V6, from the curves and the expected signs (templates, emotions); `twinned`: V5 will get twins."""
    named = expected != 0
    right, random_right = _right(found, expected)
    strong, random_strong = (np.abs(rho) > STRONG for rho in (found.rho, found.random_rho))
    unnamed = "" if named.all() else f"{int((~named).sum())} curves have no expected sign and don't count. "
    criteria = []
    for name, title, table, null_table, bar, asked, unit_text, note in (
        ("V5", "Expected signs", right, random_right, SIGNS_BAR, named, "curves with the expected sign",
         unnamed + _size(effect)),
        ("V6", "Strong trends", strong, random_strong, STRONG_BAR, np.ones_like(named), f"curves with |rho| > {STRONG}", ""),
    ):  # fmt: skip
        count, null, total = int(table.sum()), null_table.sum((1, 2)), int(asked.sum())
        ends = _interval(table, asked, resamples, seed)
        what, p = "random directions with the angles of the emotions", float(nulls.permutation_p(count, null))
        if name == "V5" and effect.p is not None and effect.signs_p is not None:
            # Signs alone could be right with curves that hardly move: the size must be beyond chance too.
            note += f" By the count alone p = {number(effect.signs_p)}."
            what, p = f"{what} (p: the larger of the count's and the size's)", max(p, effect.p)
        if name == "V6":
            note = _weak(null, total, twinned)
        criteria.append(
            judge(
                name, title, count, ends, Null(what, float(null.mean()), p), scaled(bar, total, SIGNS_OF), unit_text, total, note=note,
            )
        )  # fmt: skip
    return criteria


def _interval(right: np.ndarray, asked: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    """95 % interval of how many of the `asked` curves (t, 4) are `right`; templates are resampled whole.

    The share is resampled and not the count: templates differ in how many of their curves are asked for.
    """
    rows = np.flatnonzero(asked.any(axis=1))
    if len(rows) < 2:
        return float("nan"), float("nan")
    interval, _ = intervals.cluster_bootstrap(
        lambda index: right[rows[index]].sum() / asked[rows[index]].sum(),
        range(len(rows)),
        repeats=resamples,
        seed=seed,
    )
    of = int(asked.sum())
    ends = max(0.0, float(interval.low)) * of, min(1.0, float(interval.high)) * of
    return intervals.with_width(ends, int(right.sum()), of)


def _weak(null: np.ndarray, total: int, twinned: bool) -> str:
    """How many curves V6 takes to be beyond chance, in a sentence, and what is stricter."""
    enough = [count for count in range(total + 1) if nulls.permutation_p(count, null) <= ALPHA]
    found = f"Random directions reach {number(null.mean())} of {total}; "
    stricter = " V5, which has twins, is the stricter test." if twinned else ""
    if not enough:
        return f"{found}not even {total} would exclude chance, so V6 can't pass.{stricter}"
    return f"{found}p ≤ {ALPHA} takes {enough[0]} or more, beside an interval that excludes chance.{stricter}"


def _right(found: Curves, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which curves have the expected sign: of the vectors (t, 4) and of the turned sets (c, t, 4)."""
    vectors, turned = ((np.sign(rho) == expected) & (expected != 0) for rho in (found.rho, found.random_rho))
    return vectors, turned


def _size(effect: ChangeSize) -> str:
    """The effect size as a sentence."""
    if effect.mean is None or effect.null_mean is None or effect.null_sd is None or effect.p is None:
        return ""
    low, high = map(known_number, (effect.low, effect.high))
    return (
        f"Mean change in cosine in the expected direction, lowest to highest value: {number(effect.mean)} (95 % interval "
        f"{number(low)} to {number(high)}); random directions {number(effect.null_mean)}, sd "
        f"{number(effect.null_sd)} (p = {number(effect.p)})."
    )


def _spearman(curves: np.ndarray, values: np.ndarray) -> np.ndarray:
    """rho of each curve (rows) with the values; a constant curve has none and counts as 0."""
    return np.nan_to_num(spearman_rows(values, np.round(curves, DECIMALS)))
