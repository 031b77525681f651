"""V5 of ours: do the vectors follow what a number means, beyond what they do for the same number where it means nothing?

In: activations at the response position for every value of every template, of its twin (the same sentence about something
indifferent) and of the same sentence with another severity, and the vectors of afraid, happy, sad and calm. Out: cosine
curves, what each curve rises beyond its twin's, the difference that the severity makes, and V5.
Formula: excess = expected sign x (fitted change of the template - fitted change of its twin), the change being that of a line
over the ranks of the values (`curves.fitted_change`). A curve counts where its excess is positive. Severity: the mean over the
values of cosine(other severity) - cosine(template), with the sign fixed beforehand.
Source: ours. The templates of the pack's first list, without twins, keep Hong's verdict.
What it can't tell: a twin shares the frame and the numbers and not every other word, so that what its own nouns do to a number
stays in the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments import power
from emotion_vectors.experiments.chance import turned_projections
from emotion_vectors.experiments.criteria import Null, Seed, chance_of, json_number, judge, known_number, number, scaled
from emotion_vectors.experiments.numeric.curves import DECIMALS, SIGNS_BAR, SIGNS_OF, fitted_change, probes_of, sign_of
from emotion_vectors.experiments.numeric.record import Beyond, Earlier, TwinCurves, Twins
from emotion_vectors.record.base import Correlation, Number
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.stimuli.items import NUMERIC_EMOTIONS, TwinnedTemplate
from emotion_vectors.vectors.directions import cosine, unit

WHAT = "random directions with the angles of the emotions (p: the larger of the count's and the size's)"


class Effects(NamedTuple):
    """Differences in cosine: of the vectors (t, 4), and of c sets of them turned at random (c, t, 4)."""

    own: np.ndarray
    turned: np.ndarray


def run(
    templates: Sequence[TwinnedTemplate],
    activations: Sequence[np.ndarray],
    emotions: Sequence[str],
    vectors: np.ndarray,
    earlier: Criterion,
    resamples: int,
    seed: int,
    *,
    detect: bool = False,
) -> tuple[Twins, Criterion]:
    """The record's `numeric.twins` and V5; `activations[t]` is (3, values of template t, d): template, twin, severity.

    `earlier` is V5 as the first list of templates gives it, whose count keeps Hong's verdict. `detect` adds what V5 could have seen.
    """
    probes = probes_of(emotions, vectors)
    everything = unit(np.concatenate([one.reshape(-1, one.shape[-1]) for one in activations]).astype(np.float64))
    turned = turned_projections(everything, probes, resamples, seed) / np.sqrt(probes.shape[1])
    rows, excess, severity, start = [], [], [], 0
    for template, three in zip(templates, activations, strict=True):
        values = np.array(template.base.values)
        size = 3 * len(values)
        own = np.round(np.stack([cosine(probes, one) for one in three]), DECIMALS)  # (3, 4, values)
        # (c, 3 x values, 4) -> (c, 3, 4, values)
        random = np.moveaxis(turned[:, start : start + size].reshape(resamples, 3, len(values), -1), 2, -1)
        start += size
        excess.append([_beyond(cosines, values) for cosines in (own, random)])
        severity.append([_severity(cosines) for cosines in (own, random)])
        rows.append(_row(template, own, values))
    expected, other = (
        np.array([[sign_of(sign[emotion]) for emotion in NUMERIC_EMOTIONS] for sign in signs])
        for signs in ([one.base.expected for one in templates], [one.severity_expected for one in templates])
    )
    record = Twins(
        templates=rows,
        excess=summary(_effects(excess), expected, resamples, seed),
        severity=summary(_effects(severity), other, resamples, seed),
        earlier=Earlier(value=earlier.value, of=earlier.of, interval=earlier.interval, null=earlier.null),
    )
    v5 = _criterion(record, earlier)
    if detect and v5.of and len(templates) > 1:
        judged = power.Judged(chance_of(v5), scaled(SIGNS_BAR, v5.of, SIGNS_OF))
        v5 = v5.with_detectable(power.curves(judged, _effects(excess).turned, expected, seed))
    return record, v5


def _effects(parts: Sequence[Sequence[np.ndarray]]) -> Effects:
    """Of each template the differences of the vectors and of the turned sets, as two arrays."""
    return Effects(np.stack([one for one, _ in parts]), np.stack([many for _, many in parts], axis=1))


def _beyond(cosines: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Fitted change (..., 4) of the template minus its twin's, from cosines (..., 3, 4, values)."""
    change = np.round(fitted_change(cosines, values), DECIMALS)
    return change[..., 0, :] - change[..., 1, :]


def _severity(cosines: np.ndarray) -> np.ndarray:
    """Mean over the values (..., 4) of the other severity's cosine minus the template's, from (..., 3, 4, values)."""
    return np.round((cosines[..., 2, :, :] - cosines[..., 0, :, :]).mean(axis=-1), DECIMALS)


def _row(template: TwinnedTemplate, cosines: np.ndarray, values: np.ndarray) -> TwinCurves:
    """The record of one template from its cosines (3, 4, values)."""
    base = template.base
    curves: list[dict[str, list[Correlation]]] = [
        {emotion: curve.tolist() for emotion, curve in zip(NUMERIC_EMOTIONS, one, strict=True)} for one in cosines
    ]
    changes = [_by_emotion(one) for one in fitted_change(cosines, values)]
    return TwinCurves(
        name=base.name, x_label=base.x_label, values=list(base.values), template=base.template,
        twin=template.twin, severity=template.severity, expected=dict(base.expected),
        severity_expected=dict(template.severity_expected),
        cosine_template=curves[0], fitted_change_template=changes[0],
        cosine_twin=curves[1], fitted_change_twin=changes[1],
        cosine_severity=curves[2], fitted_change_severity=changes[2],
        excess=_by_emotion(_beyond(cosines, values)), severity_difference=_by_emotion(_severity(cosines)),
    )  # fmt: skip


def _by_emotion(values: np.ndarray) -> dict[str, Number]:
    return {emotion: float(value) for emotion, value in zip(NUMERIC_EMOTIONS, values, strict=True)}


def summary(effects: Effects, expected: np.ndarray, resamples: int, seed: int) -> Beyond:
    """Count and mean size in the expected direction (expected (t, 4): 1, -1 or 0 for nothing), with intervals and chance.

    Templates are resampled whole; a draw's count is its share of right ones, so that it doesn't depend on how many
    signs the drawn templates happen to have.
    """
    named = expected != 0
    of, rows = int(named.sum()), np.flatnonzero(named.any(axis=1))
    count = int((named & (effects.own * expected > 0)).sum())
    if not of:
        keys = ("interval", "null", "count_p", "mean", "low", "high", "null_mean", "null_sd", "size_p")
        return Beyond(count=count, of=of, **dict.fromkeys(keys))
    signed, turned = effects.own * expected, (effects.turned * expected)[:, named]
    right, chance = (turned > 0).sum(axis=1), turned.mean(axis=1)
    mean = float(signed[named].mean())
    counts, sizes = [], [mean]
    if len(rows) > 1:
        drawn, _ = intervals.cluster_bootstrap(
            lambda index: _share_and_size(signed[rows[index]], named[rows[index]]), range(len(rows)), repeats=resamples, seed=seed
        )  # fmt: skip
        counts = [float(drawn.low[0]) * of, float(drawn.high[0]) * of]
        sizes += [float(drawn.low[1]), float(drawn.high[1])]
    return Beyond(
        count=count, of=of,
        interval=list(intervals.around(count, of, counts)), null=float(right.mean()),
        count_p=float(nulls.permutation_p(count, right)), mean=mean,
        low=json_number(min(sizes) if len(sizes) > 1 else np.nan), high=json_number(max(sizes) if len(sizes) > 1 else np.nan),
        null_mean=float(chance.mean()), null_sd=float(chance.std()),
        size_p=float(nulls.permutation_p(mean, chance)),
    )  # fmt: skip


def _share_and_size(signed: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Share of right curves and mean size of drawn templates (t, 4)."""
    values = signed[named]
    return np.array([(values > 0).mean(), values.mean()])


def _criterion(record: Twins, earlier: Criterion) -> Criterion:
    """V5: the count beyond the twins; its size must be beyond chance as well."""
    excess, nothing = record.excess, float("nan")
    low, high = excess.interval or (nothing, nothing)
    # Signs alone could be right with curves that hardly move: the size must be beyond chance too.
    p = max(known_number(excess.count_p), known_number(excess.size_p))
    of, whole = earlier.of or 0, int(excess.of)
    return judge(
        "V5", "Expected signs", excess.count, (low, high), Null(WHAT, known_number(excess.null), p), scaled(SIGNS_BAR, whole, SIGNS_OF),
        "curves that exceed their twin's in the expected direction", whole,
        note=f"{_size(excess)} {_earlier(record.earlier)} {_graver(record.severity)}".strip(),
        seed=Seed(known_number(earlier.value), scaled(SIGNS_BAR, of, SIGNS_OF), "curves with the expected sign", of),
    )  # fmt: skip


def _size(excess: Beyond) -> str:
    """The size of the excess as a sentence."""
    if not excess.of:
        return ""
    mean, low, high, null, sd, size_p, count_p = (
        number(known_number(value))
        for value in (excess.mean, excess.low, excess.high, excess.null_mean, excess.null_sd, excess.size_p, excess.count_p)
    )  # fmt: skip
    return (
        f"Mean excess over the twin in cosine, in the expected direction: {mean} (95 % interval {low} to "
        f"{high}); random directions {null}, sd {sd} (p = {size_p}). By the count alone p = {count_p}."
    )


def _earlier(earlier: Earlier) -> str:
    """What the first list gives, without twins."""
    if not earlier.of or earlier.value is None:
        return ""
    p = earlier.null.p if earlier.null else None
    return (
        f"Without twins, on the first list: {number(earlier.value)} of {earlier.of} curves with the expected sign "
        f"(p = {number(known_number(p))})."
    )


def _graver(severity: Beyond) -> str:
    """What another severity does at equal numbers."""
    if not severity.of:
        return ""
    p = max(known_number(severity.count_p), known_number(severity.size_p))
    return (
        f"At equal numbers another severity moves {severity.count} of {severity.of} cosines in the expected direction "
        f"(random directions {number(known_number(severity.null))}; the larger p of the count's and the size's: {number(p)})."
    )
